"""Organisations, their members, invitations and tokens: who, when, refusals, what is left behind."""

import pytest

from marketplace.accounts.invitations.models import Invitation, InvitationState
from marketplace.accounts.members.models import EndedRole
from marketplace.accounts.models import Membership, Organisation
from marketplace.accounts.tokens.models import ApiToken, digest_of
from marketplace.base.actor import Role
from marketplace.base.models import OutboxJob
from marketplace.ledger.models import Event
from tests import world
from tests.api.client import As, refused

pytestmark = pytest.mark.django_db
EVIDENCE = {"licence_number": "310115000000001", "legal_representative": "赵代一"}


@pytest.fixture(autouse=True)
def optional(settings):
    settings.MFA_OPTIONAL = True


def events(*prefixes):
    rows = Event.objects.order_by("pk").values_list("kind", flat=True)
    return [kind for kind in rows if kind.startswith(prefixes)]


def names(answer):
    return [row["name"] for row in answer.json()["actions"]]


# -- Organisations -----------------------------------------------------------------------------------
def test_an_organisation_is_stated_anew_by_who_writes_for_it():
    owner = world.vendor()
    row = owner.organisation
    path, mine = f"organisations/{row.uid}/", As(owner)
    tag = mine.get(path)["ETag"]
    body = {"name": row.name, "profile_zh": "做什么", "contact": "021-1", "is_vendor": True}
    refused(mine.send("put", path, body), 428, "precondition.required")
    refused(
        mine.send("put", path, {**body, "capabilities": ["?"]}, match=tag), 422, "content.invalid"
    )
    saved = mine.send("put", path, body, match=tag)
    assert (saved.status_code, saved.json()["revision"]) == (200, 1)
    assert (saved.json()["contact"], saved.json()["profile_zh"]) == ("021-1", "做什么")
    editor = As(world.member(row, Role.EDITOR))
    late = refused(editor.send("put", path, body | {"contact": "2"}, match=tag), 412, PRECONDITION)
    assert late["current"] == {"revision": 1, "etag": '"r1"', "contact": "021-1"}
    stranger, viewer = As(world.vendor()), As(world.member(row, Role.VIEWER))
    for other in (stranger, viewer, As(world.officer())):
        answer = other.send("put", path, body, match='"r1"')
        refused(answer, 403, "not_allowed.edit_organisation")
    assert [stranger.get(path).json()[name] for name in ("contact", "verifications")] == ["", []]
    hidden = world.vendor(verified_at=None).organisation
    absent = stranger.get("organisations/00000000-0000-4000-8000-000000000000/")
    answer = stranger.get(f"organisations/{hidden.uid}/")
    refused(answer, 404, "not_found")
    assert answer.content == absent.content
    row.refresh_from_db()
    assert (row.revision, row.contact) == (1, "021-1")
    assert events("organisation.") == ["organisation.profile_changed"]


PRECONDITION = "precondition.failed"


def test_an_organisation_asks_to_be_verified_and_another_s_officer_decides():
    owner, officer = world.vendor(verified_at=None), world.officer()
    path = f"organisations/{owner.organisation.uid}/"
    mine, office = As(owner), As(officer)
    assert "ask_verification" in names(mine.get(path))
    refused(office.post(f"{path}verification/", EVIDENCE), 403, "not_allowed.ask_verification")
    refused(As(world.vendor()).post(f"{path}verification/", EVIDENCE), 404, "not_found")
    told = refused(mine.post(f"{path}verification/", {}), 422, "content.invalid")
    assert sorted(told["errors"]) == ["legal_representative", "licence_number"]
    asked = mine.post(f"{path}verification/", EVIDENCE)
    assert [row["state"] for row in asked.json()["verifications"]] == ["waiting"]
    refused(mine.post(f"{path}verification/", EVIDENCE), 409, "verification.waiting")
    refused(mine.post(f"{path}verify/", {}), 403, "not_allowed.verify_organisation")
    turned = office.post(f"{path}refuse-verification/", {"reason": "执照号查无登记"})
    assert turned.json()["verifications"][0]["reason"] == "执照号查无登记"
    mine.post(f"{path}verification/", EVIDENCE)
    done = office.post(f"{path}verify/", {"in_lingang": False})
    assert (done.json()["in_lingang"], done.json()["verified_at"] is None) == (False, False)
    assert Organisation.objects.get(pk=owner.organisation.pk).verified_at is not None
    assert events("organisation.") == [
        "organisation.verification_asked",
        "organisation.refused",
        "organisation.verification_asked",
        "organisation.verified",
    ]


# -- Members -----------------------------------------------------------------------------------------
def test_an_owner_sees_to_the_members_and_the_last_owner_stays():
    owner = world.vendor()
    editor = world.member(owner.organisation, Role.EDITOR)
    seat = Membership.objects.get(user=editor.user)
    own = Membership.objects.get(user=owner.user)
    path, mine = f"members/{seat.uid}/", As(owner)
    assert names(mine.get(path)) == ["change_role", "remove_member"]
    assert names(As(editor).get(path)) == ["remove_member"]
    assert As(editor).get(f"members/{own.uid}/").json()["email"] == ""
    refused(As(world.vendor()).get(path), 404, "not_found")
    refused(As(world.vendor()).patch(path, {"role": "owner"}), 404, "not_found")
    refused(As(editor).patch(path, {"role": "owner"}), 403, "not_allowed.manage_members")
    refused(mine.patch(path, {"role": "officer"}), 422, "content.invalid")
    refused(mine.patch(path, {"role": "expert"}), 422, "content.invalid")
    refused(mine.delete(f"members/{own.uid}/"), 409, "member.last")
    assert mine.patch(path, {"role": "viewer"}).json()["role"] == "viewer"
    assert mine.delete(path, key="k").status_code == 204
    again = mine.delete(path, key="k")
    assert (again.status_code, again["Idempotency-Replayed"]) == (204, "true")
    refused(mine.delete(path), 404, "not_found")
    ended = EndedRole.objects.get()
    assert (ended.user, ended.role, ended.ended_by) == (editor.user, "viewer", owner.user)
    assert not Membership.objects.filter(user=editor.user).exists()
    assert events("member.") == ["member.role_changed", "member.removed"]
    assert As(editor).get("members/").json()["results"] == []


# -- Invitations -------------------------------------------------------------------------------------
def test_an_invitation_is_sent_again_and_revoked_and_its_link_is_told_to_nobody(settings):
    settings.EMAIL_HOST = "mail.test.invalid"
    owner = world.vendor()
    path, mine = f"organisations/{owner.organisation.uid}/invitations/", As(owner)
    body = {"email": "new@test.invalid", "role": "editor"}
    refused(As(world.vendor()).post(path, body), 403, "not_allowed.manage_members")
    editor = world.member(owner.organisation, Role.EDITOR)
    refused(As(editor).post(path, body), 403, "not_allowed.manage_members")
    refused(mine.post(path, {**body, "role": "officer"}), 422, "content.invalid")
    expert = mine.post(path, {**body, "role": "expert"})
    refused(expert, 403, "not_allowed.give_person_roles")
    refused(mine.post(path, {**body, "email": "x\r\nBcc: y@z"}), 422, "content.invalid")
    made = mine.post(path, body, key="k")
    again = mine.post(path, body, key="k")
    assert (made.status_code, again.json()) == (201, made.json())
    refused(mine.post(path, body), 409, "invitation.open")
    row = Invitation.objects.get()
    for secret in (row.token, row.token_hash):
        assert secret not in made.content.decode()
    one = f"invitations/{row.uid}/"
    refused(As(editor).get(one), 404, "not_found")
    refused(As(editor).post(f"{one}send-again/"), 404, "not_found")
    refused(As(world.officer()).delete(one), 404, "not_found")
    assert As(editor).get("invitations/").json()["results"] == []
    renewed = mine.post(f"{one}send-again/")
    assert (renewed.status_code, names(renewed)) == (200, ["send_again", "revoke_invitation"])
    before, row = row.token_hash, Invitation.objects.get()
    assert (row.sent, row.token_hash == before) == (2, False)
    assert mine.delete(one).status_code == 204
    refused(mine.post(f"{one}send-again/"), 409, "invitation.state")
    assert mine.get(one).json()["state"] == "revoked"
    assert mine.get(one).json()["actions"] == []
    assert Invitation.objects.get().state == InvitationState.REVOKED
    assert events("invitation.") == [
        "invitation.sent",
        "invitation.resent",
        "invitation.revoked",
    ]
    assert OutboxJob.objects.filter(kind="mail_invitation").count() == 2


# -- Tokens ------------------------------------------------------------------------------------------
def test_a_token_is_told_once_and_ended_by_who_may():
    owner = world.vendor()
    editor = world.member(owner.organisation, Role.EDITOR)
    mine, hidden = As(editor), world.draft_scenario(world.owner())
    body = {"name": "CI", "scopes": ["read", "bids:write"], "days": 30}
    refused(As().post("tokens/", body), 401, "request.not_authenticated")
    told = refused(mine.post("tokens/", {**body, "scopes": ["all"]}), 422, "content.invalid")
    assert list(told["errors"]) == ["scopes.0"]
    refused(mine.post("tokens/", {**body, "days": 367}), 422, "content.invalid")
    refused(mine.post("tokens/", {**body, "scenario": str(hidden.uid)}), 404, "not_found")
    assert ApiToken.objects.count() == 0
    made = mine.post("tokens/", body, key="k")
    text, uid = made.json()["token"], made.json()["uid"]
    assert (made.status_code, made.json()["role"]) == (201, "editor")
    again = mine.post("tokens/", body, key="k").json()
    assert (again["uid"], again["token"], ApiToken.objects.count()) == (uid, "", 1)
    assert text not in mine.get(f"tokens/{uid}/").content.decode()
    assert text not in mine.get("tokens/").content.decode()
    assert ApiToken.objects.get().digest == digest_of(text)

    program = {"Authorization": f"Bearer {text}"}
    assert As().get("tokens/", **program).status_code == 200
    refused(As().post("tokens/", body, **program), 403, "proof.required")
    refused(As().delete(f"tokens/{uid}/", **program), 403, "token.scope")
    for other in (world.vendor(), world.officer(), world.member(owner.organisation, "viewer")):
        refused(As(other).get(f"tokens/{uid}/"), 404, "not_found")
        refused(As(other).delete(f"tokens/{uid}/"), 404, "not_found")
    assert names(As(owner).get(f"tokens/{uid}/")) == ["revoke_token"]
    assert As(owner).delete(f"tokens/{uid}/").status_code == 204
    refused(As().get("tokens/", **program), 401, "token.invalid")
    assert mine.get(f"tokens/{uid}/").json()["state"] == "revoked"
    assert mine.get(f"tokens/{uid}/").json()["actions"] == []
    assert events("token.") == ["token.created", "token.revoked"]
