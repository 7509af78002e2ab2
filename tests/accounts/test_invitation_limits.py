"""How many invitations are open, are made in a day, and are sent again."""

from datetime import timedelta

import pytest

from marketplace.accounts.invitations.actions import (
    revoke_invitation,
    send_again,
)
from marketplace.accounts.invitations.models import (
    A_DAY_MOST,
    OPEN_MOST,
    SENT_MOST,
    VALID_FOR,
    Invitation,
    InvitationState,
    hash_of,
)
from marketplace.accounts.queries import acting
from marketplace.base.actor import Role
from marketplace.base.errors import (
    NotFound,
    TooMany,
)
from tests import world
from tests.accounts.test_invitations import code_of, invited

pytestmark = pytest.mark.django_db


# -- Limits ------------------------------------------------------------------------------------------
def waiting(actor, number, **more):
    for place in range(number):
        row = Invitation(
            organisation=actor.organisation,
            role=Role.EDITOR,
            email=f"w{place}@test.invalid",
            language="en",
            invited_by=actor.user,
            **more,
        )
        row.token_hash = hash_of(row.token)
        row.save()


def test_so_many_are_open_at_most(clock):
    clock.freeze(clock.now())
    owner = world.owner()
    waiting(owner, OPEN_MOST - 1, expires_at=clock.now() + VALID_FOR)
    last = invited(owner).invitation
    with pytest.raises(TooMany) as raised:
        invited(owner, "more@test.invalid")
    assert code_of(raised) == "limit.invitations_open"
    revoke_invitation(actor=owner, invitation_uid=last.uid)
    assert invited(owner, "more@test.invalid").invitation.state == InvitationState.OPEN


def test_so_many_are_made_in_a_day(clock):
    clock.freeze(clock.now())
    owner = world.owner()
    waiting(owner, A_DAY_MOST, expires_at=clock.now())
    with pytest.raises(TooMany) as raised:
        invited(owner)
    assert code_of(raised) == "limit.invitations"
    clock.move(timedelta(days=1))
    invited(owner)


def test_one_is_sent_so_often():
    owner = world.owner()
    made = invited(owner)
    for _ in range(SENT_MOST - 1):
        send_again(actor=owner, invitation_uid=made.invitation.uid)
    with pytest.raises(TooMany) as raised:
        send_again(actor=owner, invitation_uid=made.invitation.uid)
    assert code_of(raised) == "limit.invitation_sent"


def test_an_invitation_is_seen_by_those_who_manage_the_people():
    owner = world.owner()
    row = invited(owner).invitation
    seen = {
        "owner": owner,
        "colleague": world.member(owner.organisation),
    }
    unseen = {
        "editor": world.member(owner.organisation, Role.EDITOR),
        "other": world.owner(),
        "officer": world.officer(),
        "visitor": acting(world.make_user())[0],
    }
    assert {n for n, a in seen.items() if row in Invitation.objects.visible_to(a)} == set(seen)
    assert [n for n, a in unseen.items() if row in Invitation.objects.visible_to(a)] == []
    for actor in unseen.values():
        with pytest.raises(NotFound):
            revoke_invitation(actor=actor, invitation_uid=row.uid)
        with pytest.raises(NotFound):
            send_again(actor=actor, invitation_uid=row.uid)
