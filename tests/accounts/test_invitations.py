"""Who may invite, what a link opens, and for how long."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress

from marketplace.accounts.invitations.actions import (
    accept_invitation,
    accept_with_new_account,
    find_invitation,
    invite,
    revoke_invitation,
    send_again,
)
from marketplace.accounts.invitations.models import (
    VALID_FOR,
    Invitation,
    InvitationState,
    hash_of,
)
from marketplace.accounts.members.actions import remove_member
from marketplace.accounts.models import Membership, PersonRole, User
from marketplace.accounts.queries import hats
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import (
    Gone,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
)
from marketplace.ledger.models import Event
from tests import world

pytestmark = pytest.mark.django_db


PASSWORD = "a long battery of horses"


def invited(actor, email="new@test.invalid", role=Role.EDITOR, **more):
    return invite(
        actor=actor, organisation_uid=actor.organisation.uid, email=email, role=role, **more
    )


def as_member(user):
    return Actor(Role.MEMBER, user)


def code_of(raised):
    return raised.value.code


# -- Inviting ----------------------------------------------------------------------------------------
def test_an_owner_invites_and_the_link_makes_an_account():
    owner = world.owner()
    made = invited(owner, "New@Test.invalid", language="en")
    row = made.invitation
    assert (row.email, row.state, row.language) == ("New@test.invalid", "open", "en")
    assert abs(row.expires_at - row.created_at - VALID_FOR) < timedelta(minutes=1)
    assert find_invitation(token=made.token) == row
    user, accepted = accept_with_new_account(
        token=made.token, name="新人", password=PASSWORD, language="en"
    )
    assert (user.email, user.name, user.language) == ("New@test.invalid", "新人", "en")
    assert user.check_password(PASSWORD)
    assert [hat.actor for hat in hats(user)] == [Actor(Role.EDITOR, user, owner.organisation)]
    assert (accepted.state, accepted.accepted_by) == (InvitationState.ACCEPTED, user)
    # The link was handed over, so it proves no address.
    assert EmailAddress.objects.get(user=user).verified is False


def test_the_events_name_nobody():
    owner = world.owner()
    made = invited(owner)
    user, row = accept_with_new_account(token=made.token, name="新人", password=PASSWORD)
    events = Event.objects.order_by("pk")
    assert [event.kind for event in events] == [
        "invitation.sent",
        "invitation.accepted",
        "member.joined",
    ]
    assert events[1].subjects == [owner.organisation.uid, user.uid, row.uid]
    assert events[2].subjects[-1] == owner.organisation.uid
    bodies = b"".join(bytes(event.body) for event in events)
    for secret in ("new@test.invalid", "新人", made.token, row.token_hash):
        assert secret.encode() not in bodies


def test_only_the_keyed_hash_of_the_token_is_kept():
    made = invited(world.owner())
    kept = Invitation.objects.filter(pk=made.invitation.pk).values().get()
    assert made.token not in map(str, kept.values())
    assert kept["token_hash"] == hash_of(made.token)
    with pytest.raises(NotFound):
        find_invitation(token=kept["token_hash"])


def test_a_signed_in_person_with_the_address_joins_whatever_its_case():
    owner, user = world.owner(), world.make_user()
    made = invited(owner, user.email.upper().replace("TEST.INVALID", "test.invalid"))
    accept_invitation(actor=as_member(user), token=made.token)
    assert Membership.objects.get(user=user).role == Role.EDITOR


def test_somebody_else_does_not_join():
    owner, other = world.owner(), world.make_user()
    made = invited(owner)
    with pytest.raises(StateConflict) as raised:
        accept_invitation(actor=as_member(other), token=made.token)
    assert code_of(raised) == "invitation.other_address"
    assert "new@test.invalid" not in str(raised.value)
    with pytest.raises(NotAllowed):
        accept_invitation(actor=Actor(Role.VISITOR), token=made.token)
    assert find_invitation(token=made.token).state == InvitationState.OPEN


def test_where_an_account_exists_its_owner_signs_in():
    owner, user = world.owner(), world.make_user()
    made = invited(owner, user.email)
    with pytest.raises(StateConflict) as raised:
        accept_with_new_account(token=made.token, name="别人", password=PASSWORD)
    assert code_of(raised) == "invitation.sign_in"
    user.refresh_from_db()
    assert user.check_password(world.PASSWORD)
    assert not Membership.objects.filter(user=user).exists()


def test_inviting_says_the_same_with_and_without_an_account():
    owner, user = world.owner(), world.make_user()
    with_account, without = invited(owner, user.email), invited(owner)
    assert with_account.invitation.state == without.invitation.state
    assert len(with_account.token) == len(without.token)


@pytest.mark.parametrize(
    ("password", "name", "fields"),
    [
        ("", "", {"name", "password"}),
        ("short", "新人", {"password"}),
        ("1234567890123", "新人", {"password"}),
        ("new@test.invalid", "新人", {"password"}),
        ("x" * 129, "新人", {"password"}),
        (PASSWORD, "x" * 81, {"name"}),
        (PASSWORD, "a\x00b", {"name"}),
    ],
)
def test_every_fault_of_a_new_account_is_told_at_once(password, name, fields):
    made = invited(world.owner())
    with pytest.raises(Invalid) as raised:
        accept_with_new_account(token=made.token, name=name, password=password)
    assert set(raised.value.errors) == fields
    assert User.objects.filter(email="new@test.invalid").exists() is False


# -- The end of a link -------------------------------------------------------------------------------
def test_a_link_is_used_once():
    made = invited(world.owner())
    user, _row = accept_with_new_account(token=made.token, name="新人", password=PASSWORD)
    for again in (
        lambda: accept_invitation(actor=as_member(user), token=made.token),
        lambda: find_invitation(token=made.token),
    ):
        with pytest.raises(Gone) as raised:
            again()
        assert (raised.value.status, code_of(raised)) == (410, "invitation.used")


@pytest.mark.parametrize(
    ("later", "opens"), [(VALID_FOR - timedelta(seconds=1), True), (VALID_FOR, False)]
)
def test_a_link_lasts_seven_days(clock, later, opens):
    clock.freeze(clock.now())
    owner, user = world.owner(), world.make_user()
    made = invited(owner, user.email)
    clock.move(later)
    if opens:
        accept_invitation(actor=as_member(user), token=made.token)
    else:
        with pytest.raises(Gone) as raised:
            accept_invitation(actor=as_member(user), token=made.token)
        assert code_of(raised) == "invitation.expired"
    assert Membership.objects.filter(user=user).exists() is opens


def test_a_revoked_link_opens_nothing():
    owner, user = world.owner(), world.make_user()
    made = invited(owner, user.email)
    revoke_invitation(actor=owner, invitation_uid=made.invitation.uid)
    with pytest.raises(Gone) as raised:
        accept_invitation(actor=as_member(user), token=made.token)
    assert code_of(raised) == "invitation.revoked"
    with pytest.raises(StateConflict):
        revoke_invitation(actor=owner, invitation_uid=made.invitation.uid)
    with pytest.raises(StateConflict):
        send_again(actor=owner, invitation_uid=made.invitation.uid)


def test_sending_again_renews_the_link_and_ends_the_earlier_one(clock):
    clock.freeze(clock.now())
    owner, user = world.owner(), world.make_user()
    made = invited(owner, user.email)
    clock.move(VALID_FOR)
    again = send_again(actor=owner, invitation_uid=made.invitation.uid)
    with pytest.raises(NotFound):
        accept_invitation(actor=as_member(user), token=made.token)
    accept_invitation(actor=as_member(user), token=again.token)
    assert Membership.objects.filter(user=user).count() == 1


@pytest.mark.parametrize("token", ["", "x", "\x00", "../" * 50, "é" * 5000])
def test_an_unknown_link_is_not_there(token):
    with pytest.raises(NotFound):
        find_invitation(token=token)


# -- Who, and what is refused ------------------------------------------------------------------------
def test_who_invites():
    owner = world.owner()
    office = world.officer()
    for actor in (
        world.member(owner.organisation, Role.EDITOR),
        world.member(owner.organisation, Role.VIEWER),
        world.owner(),
        office,  # the organisation is verified: its own owner sees to its people
        world.secretary(),
    ):
        with pytest.raises(NotAllowed):
            invite(
                actor=actor,
                organisation_uid=owner.organisation.uid,
                email="a@test.invalid",
                role=Role.OWNER,
            )
    stranger = world.vendor(verified_at=None)
    with pytest.raises(NotFound):
        invite(
            actor=owner,
            organisation_uid=stranger.organisation.uid,
            email="a@test.invalid",
            role=Role.OWNER,
        )


def test_the_office_settles_who_speaks_for_one_that_is_not_verified():
    squatter = world.vendor(verified_at=None)
    officer, right = world.officer(), world.make_user()
    made = invite(
        actor=officer,
        organisation_uid=squatter.organisation.uid,
        email=right.email,
        role=Role.OWNER,
    )
    accept_invitation(actor=as_member(right), token=made.token)
    seat = Membership.objects.get(user=squatter.user)
    remove_member(actor=officer, membership_uid=seat.uid)
    assert [m.user for m in Membership.objects.filter(organisation=squatter.organisation)] == [
        right
    ]


@pytest.mark.parametrize("role", ["expert", "evaluator", "witness", "complaints", "inspector"])
def test_the_office_gives_roles_to_people(role):
    officer, user = world.officer(), world.make_user()
    made = invited(officer, user.email, role)
    row = accept_invitation(actor=as_member(user), token=made.token)
    assert row.for_person is True
    assert list(PersonRole.objects.filter(user=user).values_list("role", flat=True)) == [role]
    assert not Membership.objects.filter(user=user).exists()
    assert Event.objects.filter(kind="person_role.given", to_state=role).count() == 1
    owner = world.owner()
    for actor in (owner, world.secretary()):
        with pytest.raises(NotAllowed):
            invited(actor, "b@test.invalid", role)
    with pytest.raises(StateConflict) as raised:
        invited(officer, officer.user.email, role)
    assert code_of(raised) == "invitation.self"


@pytest.mark.parametrize("role", ["", "operator", "system", "officer", "king", "x" * 10_000])
def test_roles_that_an_enterprise_does_not_have(role):
    with pytest.raises(Invalid) as raised:
        invited(world.owner(), role=role)
    assert set(raised.value.errors) == {"role"}


def test_the_office_has_other_roles():
    officer = world.officer()
    with pytest.raises(Invalid):
        invited(officer, role=Role.OWNER)
    assert invited(officer, role=Role.SECRETARY).invitation.role == Role.SECRETARY


@pytest.mark.parametrize(
    "email",
    [
        "",
        "nobody",
        "a@b@test.invalid",
        "a@test.invalid\r\nBcc: thief@test.invalid",
        "<script>@test.invalid",
        f"{'x' * 10_000}@test.invalid",
        "a\x00@test.invalid",
        None,
        5,
    ],
)
def test_addresses_that_are_none(email):
    with pytest.raises(Invalid) as raised:
        invited(world.owner(), email)
    assert set(raised.value.errors) == {"email"}
    assert Invitation.objects.count() == 0


def test_a_member_and_an_open_invitation_are_not_invited_again():
    owner = world.owner()
    colleague = world.member(owner.organisation, Role.VIEWER)
    with pytest.raises(StateConflict) as raised:
        invited(owner, colleague.user.email.upper().replace("TEST.INVALID", "test.invalid"))
    assert code_of(raised) == "member.already"
    invited(owner, role=Role.VIEWER)
    with pytest.raises(StateConflict) as raised:
        invited(owner, "NEW@test.invalid")
    assert code_of(raised) == "invitation.open"


def test_after_its_time_an_address_may_be_invited_anew(clock):
    clock.freeze(clock.now())
    owner = world.owner()
    first = invited(owner).invitation
    clock.move(VALID_FOR)
    invited(owner)
    first.refresh_from_db()
    assert first.state == InvitationState.EXPIRED


def test_somebody_who_joined_meanwhile_does_not_join_twice():
    owner, user = world.owner(), world.make_user()
    made = invited(owner, user.email)
    Membership.objects.create(user=user, organisation=owner.organisation, role=Role.VIEWER)
    with pytest.raises(StateConflict) as raised:
        accept_invitation(actor=as_member(user), token=made.token)
    assert code_of(raised) == "member.already"
    assert Membership.objects.get(user=user).role == Role.VIEWER
