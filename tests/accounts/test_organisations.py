"""What an organisation states, and what the office makes of it."""

import pytest
from allauth.account.models import EmailAddress

from marketplace.accounts.content import CAPABILITIES_MOST, PROFILE_MOST
from marketplace.accounts.models import Membership, Organisation
from marketplace.accounts.organisations.actions import (
    ask_verification,
    refuse_verification,
    save_profile,
    verify_organisation,
)
from marketplace.accounts.organisations.models import Verification
from marketplace.accounts.organisations.queries import (
    all_organisations,
    to_verify,
    verifications,
)
from marketplace.base.actor import VISITOR, Role
from marketplace.base.errors import (
    Invalid,
    NotAllowed,
    NotFound,
    Stale,
    StateConflict,
)
from marketplace.ledger.models import Event
from tests import world
from tests.accounts.steps import EVIDENCE, asked

pytestmark = pytest.mark.django_db


PASSWORD = "a long battery of horses"


def profile(organisation, **more):
    said = {
        "name": organisation.name,
        "is_owner": organisation.is_owner,
        "is_vendor": organisation.is_vendor,
    }
    return said | more


def saved(actor, revision=0, **more):
    organisation = actor.organisation
    return save_profile(
        actor=actor,
        organisation_uid=organisation.uid,
        revision=revision,
        data=profile(organisation, **more),
    )


def verify(organisation, **more):
    return verify_organisation(actor=world.officer(), organisation_uid=organisation.uid, **more)


def refuse(organisation, reason="执照号查无登记"):
    return refuse_verification(
        actor=world.officer(), organisation_uid=organisation.uid, reason=reason
    )


# -- Profile -----------------------------------------------------------------------------------------
def test_owners_and_editors_state_what_it_does():
    owner = world.vendor()
    row = saved(
        owner,
        name_en="New",
        profile_zh="一行\r\n二行",
        capabilities=["mpc", "ai", "mpc"],
        contact="021-1",
    )
    assert (row.name_en, row.profile_zh, row.capabilities, row.contact, row.revision) == (
        "New",
        "一行\n二行",
        ["mpc", "ai"],
        "021-1",
        1,
    )
    assert row.changed_since_verified is False
    event = Event.objects.get()
    assert (event.kind, event.data) == (
        "organisation.profile_changed",
        {"fields": ["capabilities", "contact", "name_en", "profile_zh"]},
    )
    editor = world.member(owner.organisation, Role.EDITOR)
    with pytest.raises(Stale):
        saved(editor, name_en="Other")
    again = saved(
        editor,
        1,
        name_en="New",
        profile_zh="一行\n二行",
        capabilities=["mpc", "ai"],
        contact="021-1",
    )
    assert again.revision == 1
    for actor in (world.member(owner.organisation, Role.VIEWER), world.owner(), world.officer()):
        with pytest.raises(NotAllowed):
            save_profile(
                actor=actor,
                organisation_uid=owner.organisation.uid,
                revision=1,
                data=profile(owner.organisation),
            )


def test_another_name_is_flagged_until_the_office_has_seen_it():
    owner = world.vendor()
    assert saved(owner, name="改了名").changed_since_verified is True
    officer = world.officer()
    assert list(to_verify(officer)) == [owner.organisation]
    with pytest.raises(Invalid):  # nothing was filed: the office says by what it knows
        verify(owner.organisation)
    found = verify(owner.organisation, evidence=EVIDENCE)
    assert found.changed_since_verified is False
    assert list(to_verify(officer)) == []


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"name": ""}, {"name"}),
        ({"name": "x" * 121}, {"name"}),
        ({"name": "x" * 10_000, "contact": 5}, {"name", "contact"}),
        ({"name": "a\x1b[31m"}, {"name"}),
        ({"profile_zh": "x" * (PROFILE_MOST + 1)}, {"profile_zh"}),
        ({"capabilities": ["<b>"]}, {"capabilities"}),
        ({"capabilities": "mpc"}, {"capabilities"}),
        ({"capabilities": [f"c{n}" for n in range(CAPABILITIES_MOST + 1)]}, {"capabilities"}),
        ({"is_vendor": False}, {"is_owner"}),
    ],
)
def test_wrong_profiles(wrong, fields):
    with pytest.raises(Invalid) as raised:
        saved(world.vendor(), **wrong)
    assert set(raised.value.errors) == fields


def test_line_ends_in_a_name_become_spaces():
    assert saved(world.vendor(), name="甲\r\nBcc: x").name == "甲 Bcc: x"


# -- Verification ------------------------------------------------------------------------------------
def test_the_whole_course_of_a_verification():
    owner = asked()
    organisation = owner.organisation
    officer = world.officer()
    assert [(o.pk, o.asks) for o in to_verify(officer)] == [(organisation.pk, True)]
    with pytest.raises(StateConflict) as raised:
        asked(owner)
    assert raised.value.code == "verification.waiting"
    row = refuse(organisation)
    assert (row.state, row.reason, row.legal_representative) == (
        "refused",
        "执照号查无登记",
        "李四",
    )
    with pytest.raises(StateConflict) as raised:
        refuse(organisation)
    assert raised.value.code == "verification.none"
    asked(owner)
    assert verify(organisation, in_lingang=False).in_lingang is False
    with pytest.raises(StateConflict) as raised:
        asked(owner)
    assert raised.value.code == "verification.done"
    states = [row.state for row in verifications(owner, organisation)]
    assert states == ["verified", "refused"]
    kinds = Event.objects.order_by("pk").values_list("kind", "from_state", "to_state")
    assert list(kinds) == [
        ("organisation.verification_asked", "", "waiting"),
        ("organisation.refused", "waiting", "refused"),
        ("organisation.verification_asked", "", "waiting"),
        ("organisation.verified", "waiting", "verified"),
    ]
    bodies = b"".join(bytes(event.body) for event in Event.objects.all())
    assert "李四".encode() not in bodies
    assert EVIDENCE["licence_number"].encode() not in bodies


def test_a_verification_is_taken_back_with_a_reason():
    owner = world.vendor()
    row = refuse(owner.organisation, "营业执照被吊销")
    owner.organisation.refresh_from_db()
    assert owner.organisation.verified_at is None
    assert (row.state, row.reason) == ("refused", "营业执照被吊销")
    asked(owner)


def test_asking_after_a_change():
    owner = world.vendor()
    saved(owner, name="改了名")
    owner.organisation.refresh_from_db()
    asked(owner)
    assert verify(owner.organisation).changed_since_verified is False
    assert Verification.objects.get().name == "改了名"


def test_saying_twice_that_it_is_verified_changes_nothing():
    owner = asked()
    first = verify(owner.organisation)
    second = verify(owner.organisation)
    assert first.verified_at == second.verified_at
    assert Event.objects.filter(kind="organisation.verified").count() == 1


def test_who_asks_and_who_verifies():
    owner = world.owner(verified_at=None)
    organisation = owner.organisation
    ask = {"organisation_uid": organisation.uid, "evidence": EVIDENCE}
    with pytest.raises(NotAllowed):
        ask_verification(actor=world.member(organisation, Role.VIEWER), **ask)
    with pytest.raises(NotFound):
        ask_verification(actor=world.vendor(), **ask)
    with pytest.raises(NotAllowed):
        ask_verification(actor=world.officer(), **ask)
    ask_verification(actor=world.member(organisation, Role.EDITOR), **ask)
    for actor in (owner, world.secretary()):
        with pytest.raises(NotAllowed):
            verify_organisation(actor=actor, organisation_uid=organisation.uid)
        with pytest.raises(NotAllowed):
            refuse_verification(actor=actor, organisation_uid=organisation.uid, reason="x")
    belongs = world.officer()
    Membership.objects.create(user=belongs.user, organisation=organisation, role=Role.VIEWER)
    with pytest.raises(NotAllowed):
        verify_organisation(actor=belongs, organisation_uid=organisation.uid)


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"licence_number": ""}, {"licence_number"}),
        ({"legal_representative": " "}, {"legal_representative"}),
        ({"registry_url": "javascript:alert(1)"}, {"registry_url"}),
        ({"registry_url": "https://"}, {"registry_url"}),
        ({"registry_url": "http://[x"}, {"registry_url"}),
        ({"evidence_sha256": "zz"}, {"evidence_sha256"}),
        ({"note": "x" * 1001, "licence_number": "x" * 61}, {"note", "licence_number"}),
    ],
)
def test_wrong_evidence(wrong, fields):
    owner = world.owner(verified_at=None)
    with pytest.raises(Invalid) as raised:
        ask_verification(
            actor=owner, organisation_uid=owner.organisation.uid, evidence=EVIDENCE | wrong
        )
    assert set(raised.value.errors) == fields


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001, None])
def test_a_refusal_needs_its_reason(reason):
    owner = asked()
    with pytest.raises(Invalid) as raised:
        refuse(owner.organisation, reason)
    assert set(raised.value.errors) == {"reason"}


def test_the_address_is_confirmed_first_where_mail_is_sent(settings):
    owner = world.owner(verified_at=None)
    address = EmailAddress.objects.create(user=owner.user, email=owner.user.email, primary=True)
    settings.EMAIL_HOST = "mail.test.invalid"
    with pytest.raises(StateConflict) as raised:
        asked(owner)
    assert raised.value.code == "email.unconfirmed"
    address.verified = True
    address.save()
    asked(owner)


def test_who_sees_an_organisation_and_its_evidence():
    owner = asked()
    organisation = owner.organisation
    editor = world.member(organisation, Role.EDITOR)
    viewer = world.member(organisation, Role.VIEWER)
    inspector, secretary = world.person(Role.INSPECTOR), world.secretary()
    sees = [owner, editor, viewer, secretary, world.officer()]
    blind = [VISITOR, world.vendor(), world.person(Role.EXPERT), inspector]
    visible = Organisation.objects.visible_to
    assert [organisation in visible(actor) for actor in sees] == [True] * len(sees)
    assert [organisation in visible(actor) for actor in blind] == [False] * len(blind)
    reads = [list(verifications(actor, organisation)) != [] for actor in sees + blind]
    assert reads == [True, True, False, True, True] + [False] * len(blind)
    verify(organisation)
    assert [organisation in visible(actor) for actor in blind] == [True] * len(blind)
    for actor in blind:
        assert list(all_organisations(actor)) == []
