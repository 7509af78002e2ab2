"""Members: who changes them, and that somebody always remains."""

import pytest
from django.test import Client
from django.urls import reverse

from marketplace.accounts.invitations.actions import accept_invitation, invite
from marketplace.accounts.invitations.models import Invitation, InvitationState
from marketplace.accounts.members.actions import change_role, end_person_role, remove_member
from marketplace.accounts.members.models import EndedRole
from marketplace.accounts.members.queries import members_of, person_roles
from marketplace.accounts.models import Membership, PersonRole
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import DomainError, Invalid, NotAllowed, NotFound, StateConflict
from marketplace.ledger.models import Event
from tests import world

pytestmark = pytest.mark.django_db


def seat(actor):
    return Membership.objects.get(user=actor.user, organisation=actor.organisation)


def test_an_owner_changes_a_role():
    owner = world.owner()
    editor = world.member(owner.organisation, Role.EDITOR)
    changed = change_role(actor=owner, membership_uid=seat(editor).uid, role=Role.OWNER)
    assert changed.role == Role.OWNER
    event = Event.objects.get(kind="member.role_changed")
    assert (event.from_state, event.to_state) == ("editor", "owner")
    assert event.subjects == [editor.user.uid, owner.organisation.uid]
    change_role(actor=owner, membership_uid=seat(editor).uid, role=Role.OWNER)
    assert Event.objects.filter(kind="member.role_changed").count() == 1
    with pytest.raises(Invalid):
        change_role(actor=owner, membership_uid=seat(editor).uid, role=Role.OFFICER)


@pytest.mark.parametrize("make", [world.owner, world.officer])
def test_the_last_who_leads_stays(make):
    leader = make()
    other = "viewer" if leader.role == Role.OWNER else "secretary"
    for deed in (
        lambda: remove_member(actor=leader, membership_uid=seat(leader).uid),
        lambda: change_role(actor=leader, membership_uid=seat(leader).uid, role=other),
    ):
        with pytest.raises(StateConflict) as raised:
            deed()
        assert raised.value.code == "member.last"
    second = world.member(leader.organisation, leader.role)
    remove_member(actor=leader, membership_uid=seat(leader).uid)
    assert [m.user for m in leader.organisation.members.all()] == [second.user]


def test_somebody_who_cannot_sign_in_does_not_count():
    owner = world.owner()
    second = world.member(owner.organisation)
    second.user.is_active = False
    second.user.save()
    with pytest.raises(StateConflict):
        remove_member(actor=owner, membership_uid=seat(owner).uid)


def test_who_removes():
    owner = world.owner()
    editor = world.member(owner.organisation, Role.EDITOR)
    viewer = world.member(owner.organisation, Role.VIEWER)
    uid = seat(viewer).uid
    with pytest.raises(NotAllowed):
        remove_member(actor=editor, membership_uid=uid)
    with pytest.raises(NotAllowed):
        change_role(actor=editor, membership_uid=uid, role=Role.EDITOR)
    with pytest.raises(NotFound):
        remove_member(actor=world.owner(), membership_uid=uid)
    with pytest.raises(NotAllowed):
        remove_member(actor=world.officer(), membership_uid=uid)
    ended = remove_member(actor=viewer, membership_uid=uid)
    assert (ended.user, ended.role, ended.ended_by) == (viewer.user, "viewer", viewer.user)
    assert Event.objects.get(kind="member.removed").subjects == [
        owner.organisation.uid,
        viewer.user.uid,
        ended.uid,
    ]


def test_removing_ends_the_acting_at_once():
    owner = world.owner()
    editor = world.member(owner.organisation, Role.EDITOR)
    draft = world.draft_scenario(owner)
    browser = Client()
    browser.force_login(editor.user)
    address = reverse("scenario-edit", args=[draft.address])
    assert browser.get(address).status_code == 200
    remove_member(actor=owner, membership_uid=seat(editor).uid)
    assert browser.get(address).status_code == 404
    assert browser.get(reverse("desk")).status_code == 200


def test_a_removed_owner_manages_nobody_with_an_old_hat():
    owner = world.owner()
    second = world.member(owner.organisation)
    third = world.member(owner.organisation, Role.VIEWER)
    remove_member(actor=owner, membership_uid=seat(second).uid)
    for deed in (
        lambda: remove_member(actor=second, membership_uid=seat(third).uid),
        lambda: change_role(actor=second, membership_uid=seat(third).uid, role=Role.OWNER),
        lambda: invite(
            actor=second,
            organisation_uid=owner.organisation.uid,
            email="a@test.invalid",
            role=Role.OWNER,
        ),
    ):
        with pytest.raises(NotAllowed) as raised:
            deed()
        assert raised.value.code == "not_allowed.role_ended"


def test_what_a_removed_member_sent_is_revoked():
    owner = world.owner()
    second = world.member(owner.organisation)
    back = world.make_user()
    made = invite(
        actor=second,
        organisation_uid=owner.organisation.uid,
        email=back.email,
        role=Role.OWNER,
    )
    remove_member(actor=owner, membership_uid=seat(second).uid)
    assert Invitation.objects.get().state == InvitationState.REVOKED
    with pytest.raises(DomainError):
        accept_invitation(actor=Actor(Role.MEMBER, back), token=made.token)


def test_the_office_takes_a_role_back():
    officer, expert = world.officer(), world.person(Role.EXPERT)
    given = PersonRole.objects.get(user=expert.user)
    with pytest.raises(NotAllowed):
        end_person_role(actor=world.secretary(), person_role_uid=given.uid)
    with pytest.raises(NotAllowed):
        end_person_role(actor=world.owner(), person_role_uid=given.uid)
    ended = end_person_role(actor=officer, person_role_uid=given.uid)
    assert (ended.organisation, ended.role, ended.since_at) == (None, "expert", given.created_at)
    assert not PersonRole.objects.exists()
    with pytest.raises(NotFound):
        end_person_role(actor=officer, person_role_uid=given.uid)


def test_who_sees_the_members():
    owner = world.owner()
    viewer = world.member(owner.organisation, Role.VIEWER)
    for actor in (owner, viewer, world.officer()):
        assert [m.user for m in members_of(actor, owner.organisation)] == [owner.user, viewer.user]
    for actor in (world.vendor(), world.person(Role.INSPECTOR), Actor(Role.VISITOR)):
        assert list(members_of(actor, owner.organisation)) == []
        assert list(person_roles(actor)) == []


def test_who_sees_what_has_ended():
    owner = world.owner()
    gone = world.member(owner.organisation, Role.VIEWER)
    ended = remove_member(actor=owner, membership_uid=seat(gone).uid)
    for actor in (owner, Actor(Role.MEMBER, gone.user), world.officer()):
        assert list(EndedRole.objects.visible_to(actor)) == [ended]
    for actor in (world.vendor(), world.member(owner.organisation, Role.EDITOR)):
        assert list(EndedRole.objects.visible_to(actor)) == []
