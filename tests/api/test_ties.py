"""Control and relations, pledges, and invitations taken up: who, when, what is left behind."""

import pytest

from marketplace.accounts.invitations.actions import invite, revoke_invitation
from marketplace.accounts.models import Control, Membership
from marketplace.accounts.organisations.models import OrganisationRelation
from marketplace.accounts.pledges import Pledge, PledgeText
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.ledger.models import Event
from tests import world
from tests.api.client import As, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def optional(settings):
    settings.MFA_OPTIONAL = True


def kinds(*prefixes):
    rows = Event.objects.order_by("pk").values_list("kind", flat=True)
    return [kind for kind in rows if kind.startswith(prefixes)]


def names(answer):
    return [row["name"] for row in answer.json()["actions"]]


# -- Control and relations ---------------------------------------------------------------------------
def test_control_is_stated_once_and_ended_by_a_date(optional):
    owner, code = world.vendor(), world.make_uscc()
    path, mine = f"organisations/{owner.organisation.uid}/controls/", As(owner)
    told = refused(mine.post(path, {"name": "x"}), 422, "content.invalid")
    assert list(told["errors"]) == ["uscc"]
    told = refused(mine.post(path, {"name": "x", "from_date": "2026-2-1"}), 422, "content.invalid")
    assert list(told["errors"]) == ["from_date"]
    body = {"name": "控股公司", "uscc": code, "from_date": "2024-02-29"}
    made = mine.post(path, body, key="k")
    row = made.json()
    assert (made.status_code, row["controller_uscc"], row["is_person"]) == (201, code, False)
    assert (row["from_date"], row["until_date"], row["statement_waits"]) == (
        "2024-02-29",
        None,
        True,
    )
    assert mine.post(path, body, key="k").json() == row
    refused(mine.post(path, body), 409, "control.stated")
    assert names(made) == ["end_control"]
    one = f"controls/{row['uid']}/"
    viewer = As(world.member(owner.organisation, Role.VIEWER))
    assert (viewer.get(one).json()["controller_uscc"], names(viewer.get(one))) == (code, [])
    refused(viewer.post(f"{one}end/", {}), 403, "not_allowed.edit_organisation")
    refused(As(world.officer()).post(f"{one}end/", {}), 403, "not_allowed.edit_organisation")
    stranger = As(world.vendor())
    absent = stranger.get("controls/00000000-0000-4000-8000-000000000000/")
    assert stranger.get(one).content == absent.content
    refused(stranger.post(f"{one}end/", {}), 404, "not_found")
    refused(mine.post(f"{one}end/", {"until_date": "2024-02-29"}), 422, "content.invalid")
    ended = mine.post(f"{one}end/", {"until_date": "2025-01-01"})
    assert (ended.json()["until_date"], ended.json()["end_waits"]) == ("2025-01-01", True)
    assert names(ended) == []
    refused(mine.post(f"{one}end/", {}), 409, "control.ended")
    assert Control.objects.get().until_date.isoformat() == "2025-01-01"
    assert kinds("control.") == ["control.stated", "control.ended"]


def test_the_document_of_a_person_is_told_to_nobody(optional):
    owner = world.vendor()
    path = f"organisations/{owner.organisation.uid}/controls/"
    made = As(owner).post(path, {"name": "赵某", "identity_number": "11010519491231002X"})
    row = made.json()
    assert (row["is_person"], row["controller_uscc"]) == (True, "")
    assert b"11010519491231002X" not in made.content
    assert Control.objects.get().controller_code.encode() not in made.content


def test_a_relation_is_stated_and_ended_today_where_no_day_is_given(optional):
    owner, code = world.vendor(), world.make_uscc()
    path, mine = f"organisations/{owner.organisation.uid}/relations/", As(owner)
    body = {"other_uscc": code, "other_name": "兄弟公司", "kind": "same_head"}
    refused(mine.post(path, {**body, "kind": "friend"}), 422, "content.invalid")
    refused(mine.post(path, {**body, "other_uscc": "1"}), 422, "content.invalid")
    refused(As(world.officer()).post(path, body), 403, "not_allowed.edit_organisation")
    row = mine.post(path, body).json()
    assert (row["kind"], row["other_uscc"], row["end_waits"]) == ("same_head", code, False)
    ended = mine.post(f"relations/{row['uid']}/end/", {})
    assert ended.json()["until_date"] == clock.today().isoformat()
    assert OrganisationRelation.objects.get().end_waits is True
    assert kinds("relation.") == ["relation.stated", "relation.ended"]
    hidden = world.vendor(verified_at=None).organisation
    answer = mine.post(f"organisations/{hidden.uid}/relations/", body)
    refused(answer, 404, "not_found")


def test_the_office_lists_ties_of_one_organisation(optional):
    rows = [world.control(world.vendor().organisation, f"person:{n}") for n in range(2)]
    officer = As(world.officer())
    listed = officer.get("controls/", {"organisation": str(rows[0].organisation.uid)})
    assert [row["uid"] for row in listed.json()["results"]] == [str(rows[0].uid)]
    assert As(world.vendor()).get("controls/").json()["results"] == []


# -- Invitations -------------------------------------------------------------------------------------
@pytest.fixture
def invited(optional):
    owner = world.vendor()
    person = Actor(Role.MEMBER, world.make_user())
    made = invite(
        actor=owner,
        organisation_uid=owner.organisation.uid,
        email=person.user.email.upper(),
        role="editor",
    )
    return owner, person, made


def test_an_invitation_is_accepted_by_its_token_once(invited):
    owner, person, made = invited
    refused(As().post("invitations/accept/", {"token": made.token}), 401, NOBODY)
    other = As(world.vendor()).post("invitations/accept/", {"token": made.token})
    refused(other, 409, "invitation.other_address")
    mine = As(person)
    refused(mine.post("invitations/accept/", {"token": "0" * 64}), 404, "not_found")
    done = mine.post("invitations/accept/", {"token": made.token}, key="k")
    assert done.json() == {
        "uid": str(made.invitation.uid),
        "organisation": {
            "uid": str(owner.organisation.uid),
            "name": owner.organisation.name,
            "name_en": owner.organisation.name_en,
        },
        "role": "editor",
        "for_person": False,
    }
    assert Membership.objects.get(user=person.user).role == "editor"
    again = mine.post("invitations/accept/", {"token": made.token})
    refused(again, 410, "invitation.used")
    assert kinds("invitation.", "member.") == [
        "invitation.sent",
        "invitation.accepted",
        "member.joined",
    ]


NOBODY = "request.not_authenticated"


def test_a_revoked_or_expired_invitation_is_gone(invited, clock):
    owner, person, made = invited
    revoke_invitation(actor=owner, invitation_uid=made.invitation.uid)
    answer = As(person).post("invitations/accept/", {"token": made.token})
    refused(answer, 410, "invitation.revoked")
    assert not Membership.objects.filter(user=person.user).exists()


# -- Pledges -----------------------------------------------------------------------------------------
def unsigned(role=Role.OWNER, **kind):
    user = world.make_user()
    organisation = world.make_organisation(is_vendor=True, **kind)
    Membership.objects.create(user=user, organisation=organisation, role=role)
    return Actor(role, user, organisation)


def test_what_is_owed_is_listed_and_signed_and_then_one_may_act():
    actor = unsigned()
    mine = As(actor)
    wanted = [f"organisations/{actor.organisation.uid}/controls/", {"name": "x"}]
    refused(mine.post(*wanted), 403, "pledge.missing")
    owed = mine.get("pledge-texts/").json()["results"]
    assert [[m["name"] for m in row["actions"]] for row in owed] == [["sign_pledge"]] * len(owed)
    assert len(owed) > 0
    for row in owed:
        sign = f"pledge-texts/{row['uid']}/sign/"
        refused(mine.post(sign, {"sha256": "0" * 64}), 409, STALE)
        made = mine.post(sign, {"sha256": row["sha256"]})
        assert (made.status_code, made.json()["code"]) == (201, row["code"])
        assert mine.post(sign, {"sha256": row["sha256"]}).json() == made.json()
        assert names(mine.get(f"pledge-texts/{row['uid']}/")) == []
    assert mine.get("pledge-texts/").json()["results"] == []
    signed = mine.get("pledges/").json()["results"]
    assert [row["organisation"] for row in signed] == [str(actor.organisation.uid)] * len(owed)
    refused(mine.post(*wanted), 422, "content.invalid")
    other = As(world.vendor())
    refused(other.get(f"pledges/{signed[0]['uid']}/"), 404, "not_found")
    assert Pledge.objects.filter(user=actor.user).count() == len(owed)
    assert kinds("pledge.") == ["pledge.signed"] * len(owed)


STALE = "state.stale"


def test_a_text_for_another_role_is_neither_shown_nor_signed():
    text = PledgeText.objects.in_force().filter(roles=["expert"]).first()
    mine = As(unsigned())
    refused(mine.get(f"pledge-texts/{text.uid}/"), 404, "not_found")
    answer = mine.post(f"pledge-texts/{text.uid}/sign/", {"sha256": text.sha256})
    refused(answer, 403, "not_allowed.sign_pledge")


def test_who_decides_proves_himself_before_signing(settings):
    officer = world.officer()
    text = PledgeText.objects.asked_of(officer).first()
    settings.MFA_OPTIONAL = True
    sign = f"pledge-texts/{text.uid}/sign/"
    assert As(officer).post(sign, {"sha256": text.sha256}).status_code == 201
    settings.MFA_OPTIONAL = False
    refused(As(officer).post(sign, {"sha256": text.sha256}), 403, "mfa.required")
