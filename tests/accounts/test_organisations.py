"""What an organisation states, and what the office makes of it."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress

from marketplace.accounts.content import CAPABILITIES_MOST, PROFILE_MOST
from marketplace.accounts.models import Control, Membership, Organisation, User
from marketplace.accounts.organisations.actions import (
    ask_verification,
    end_control,
    end_relation,
    refuse_verification,
    register_organisation,
    register_own_organisation,
    save_profile,
    state_control,
    state_relation,
    verify_organisation,
)
from marketplace.accounts.organisations.actions.registration import OWNED_MOST
from marketplace.accounts.organisations.actions.ties import TIES_MOST, person_mark
from marketplace.accounts.organisations.models import Verification
from marketplace.accounts.organisations.queries import (
    all_organisations,
    controls,
    relations,
    to_verify,
    verifications,
)
from marketplace.accounts.queries import are_related, related_organisations
from marketplace.base.actor import VISITOR, Actor, Role
from marketplace.base.errors import (
    Invalid,
    NotAllowed,
    NotFound,
    Stale,
    StateConflict,
    TooMany,
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


# -- Control and relations ---------------------------------------------------------------------------
def related(one):
    """Asked both ways: of one, and of every pair with it."""
    found = related_organisations(one)
    others = Organisation.objects.exclude(pk=one.pk)
    assert {other.pk for other in others if are_related(one.pk, other.pk)} == found
    assert {other.pk for other in others if are_related(other.pk, one.pk)} == found
    return found


def controlled(actor, **data):
    said = {"name": "示恒控股", "uscc": world.make_uscc()} | data
    return state_control(actor=actor, organisation_uid=actor.organisation.uid, data=said)


def test_what_was_stated_counts_once_the_office_has_seen_it():
    """Nobody ties a rival to himself by his own word."""
    rival, owner = world.vendor(), world.vendor()
    controlled(owner, uscc=rival.organisation.uscc)
    assert related(rival.organisation) == set()
    owner.organisation.refresh_from_db()
    assert owner.organisation.changed_since_verified is True
    verify(owner.organisation, evidence=EVIDENCE)
    assert related(rival.organisation) == {owner.organisation.pk}
    assert related(owner.organisation) == {rival.organisation.pk}


def test_an_end_counts_once_the_office_has_seen_it():
    first, second = world.vendor(), world.vendor()
    world.control(first.organisation, "person:1")
    row = world.control(second.organisation, "person:1")
    ended = end_control(actor=second, control_uid=row.uid)
    assert ended.until_date is not None
    assert related(first.organisation) == {second.organisation.pk}
    verify(second.organisation, evidence=EVIDENCE)
    assert related(first.organisation) == set()
    assert Control.objects.filter(pk=row.pk).exists()
    with pytest.raises(StateConflict):
        end_control(actor=second, control_uid=row.uid)


def test_one_person_is_recognised_without_being_kept():
    first, second = world.vendor(), world.vendor()
    rows = [
        controlled(actor, uscc="", name="王五", identity_number=number)
        for actor, number in ((first, "31010119800101001x"), (second, "310101 19800101 001X"))
    ]
    assert rows[0].controller_code == rows[1].controller_code == person_mark("31010119800101001X")
    assert "31010119800101001" not in str(Control.objects.values())
    for actor in (first, second):
        verify(actor.organisation, evidence=EVIDENCE)
    assert related(first.organisation) == {second.organisation.pk}


@pytest.mark.parametrize(
    ("kind", "relates"),
    [("management", True), ("same_head", True), ("shares", False), ("other", False)],
)
def test_which_relations_exclude(kind, relates):
    first, second = world.vendor(), world.vendor()
    other = second.organisation
    said = {"other_uscc": other.uscc, "other_name": other.name, "kind": kind}
    row = state_relation(actor=first, organisation_uid=first.organisation.uid, data=said)
    with pytest.raises(StateConflict):
        state_relation(actor=first, organisation_uid=first.organisation.uid, data=said)
    verify(first.organisation, evidence=EVIDENCE)
    expected = ({other.pk}, {first.organisation.pk}) if relates else (set(), set())
    found = related(first.organisation), related(other)
    assert found == expected
    end_relation(actor=first, relation_uid=row.uid)
    verify(first.organisation, evidence=EVIDENCE)
    assert related(first.organisation) == set()


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"name": ""}, {"name"}),
        ({"uscc": ""}, {"uscc"}),
        ({"uscc": "123"}, {"uscc"}),
        ({"identity_number": "310101198001010010"}, {"uscc"}),
        ({"uscc": "", "identity_number": "<b>"}, {"identity_number"}),
        ({"from_date": "2026-13-01"}, {"from_date"}),
        ({"from_date": "tomorrow"}, {"from_date"}),
        ({"from_date": "2999-01-01"}, {"from_date"}),
        ({"from_date": "1700-01-01"}, {"from_date"}),
    ],
)
def test_wrong_control(wrong, fields):
    with pytest.raises(Invalid) as raised:
        controlled(world.vendor(), **wrong)
    assert set(raised.value.errors) == fields


def test_nobody_controls_themselves():
    owner = world.vendor()
    with pytest.raises(Invalid):
        controlled(owner, uscc=owner.organisation.uscc)


def test_ties_end_after_they_began(clock):
    owner = world.vendor()
    today = clock.now().date()
    row = controlled(owner, from_date=str(today - timedelta(days=30)))
    for day in (today - timedelta(days=30), today - timedelta(days=31), today + timedelta(days=9)):
        with pytest.raises(Invalid) as raised:
            end_control(actor=owner, control_uid=row.uid, until_date=str(day))
        assert set(raised.value.errors) == {"until_date"}
    until = today - timedelta(days=29)
    ended = end_control(actor=owner, control_uid=row.uid, until_date=str(until))
    assert ended.until_date == until


def test_who_states_and_who_sees_ties():
    owner = world.vendor()
    row = controlled(owner)
    viewer = world.member(owner.organisation, Role.VIEWER)
    for actor in (viewer, world.officer()):
        with pytest.raises(NotAllowed):
            end_control(actor=actor, control_uid=row.uid)
    with pytest.raises(NotFound):
        end_control(actor=world.vendor(), control_uid=row.uid)
    for actor in (owner, viewer, world.officer()):
        assert list(controls(actor, owner.organisation)) == [row]
    for actor in (VISITOR, world.vendor()):
        assert list(controls(actor, owner.organisation)) == []
        assert list(relations(actor, owner.organisation)) == []


def test_so_many_ties_at_most():
    owner = world.vendor()
    for number in range(TIES_MOST):
        world.control(owner.organisation, f"person:{number}")
    with pytest.raises(TooMany):
        controlled(owner)


# -- Registration ------------------------------------------------------------------------------------
def registered(data=None, person=None):
    return register_organisation(
        data={"uscc": world.make_uscc(), "name": "新单位", "is_vendor": "on"} | (data or {}),
        person={"name": "新人", "email": "first@test.invalid", "password": PASSWORD}
        | (person or {}),
    )


def test_an_organisation_comes_with_its_first_owner():
    made = registered()
    seat = Membership.objects.get()
    assert (seat.user, seat.organisation, seat.role) == (made.user, made.organisation, "owner")
    assert (made.organisation.verified_at, made.organisation.is_vendor) == (None, True)
    assert made.organisation.is_owner is False
    assert made.user.check_password(PASSWORD)
    assert EmailAddress.objects.get(user=made.user).verified is False
    assert Event.objects.get().kind == "organisation.registered"


def test_an_address_with_an_account_makes_nothing_and_says_nothing():
    user = world.make_user()
    made = registered(person={"email": user.email.upper().replace("TEST.INVALID", "test.invalid")})
    assert (made.user, made.organisation) == (None, None)
    assert Organisation.objects.count() == 0
    assert User.objects.count() == 1


def test_a_known_code_is_refused_without_saying_whose_it_is():
    owner = world.owner(name="秘密单位")
    with pytest.raises(StateConflict) as raised:
        registered({"uscc": owner.organisation.uscc})
    assert raised.value.code == "organisation.registered"
    assert "秘密单位" not in str(raised.value)
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "person", "fields"),
    [
        ({"uscc": ""}, {}, {"uscc"}),
        ({"uscc": "91310115MAXXX0015C"}, {}, {"uscc"}),
        ({"uscc": "９1310115MAXXX0015B"}, {}, {"uscc"}),
        ({"is_vendor": ""}, {}, {"is_owner"}),
        ({"name": "x" * 121}, {"name": "x" * 81}, {"name", "person_name"}),
        ({}, {"email": "a@b\r\nBcc: c@d.example"}, {"email"}),
        ({}, {"password": "password"}, {"password"}),
        ({}, {"language": "xx"}, {"language"}),
        ({"uscc": "", "name": "", "is_vendor": ""}, {}, {"uscc", "name", "is_owner"}),
    ],
)
def test_wrong_registrations(data, person, fields):
    with pytest.raises(Invalid) as raised:
        registered(data, person)
    assert set(raised.value.errors) == fields
    assert User.objects.count() == 0


def test_somebody_signed_in_registers_another():
    user = world.make_user()
    actor = Actor(Role.MEMBER, user)
    data = {"uscc": world.make_uscc(), "name": "第二家", "is_owner": True}
    made = register_own_organisation(actor=actor, data=data)
    assert Membership.objects.get(user=user).organisation == made
    with pytest.raises(StateConflict):
        register_own_organisation(actor=actor, data=data)
    with pytest.raises(NotAllowed):
        register_own_organisation(actor=VISITOR, data=data)
    for _ in range(OWNED_MOST - 1):
        Membership.objects.create(
            user=user, organisation=world.make_organisation(), role=Role.OWNER
        )
    with pytest.raises(TooMany):
        register_own_organisation(actor=actor, data=data | {"uscc": world.make_uscc()})
