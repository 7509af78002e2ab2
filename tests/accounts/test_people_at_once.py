"""Two at the same time: one wins, the other is told."""

import pytest

from marketplace.accounts.invitations.actions import (
    accept_invitation,
    accept_with_new_account,
    invite,
    revoke_invitation,
)
from marketplace.accounts.invitations.models import Invitation
from marketplace.accounts.members.actions import change_role, remove_member
from marketplace.accounts.models import Membership, Organisation, User
from marketplace.accounts.organisations.actions import (
    ask_verification,
    refuse_verification,
    register_organisation,
    save_profile,
    verify_organisation,
)
from marketplace.accounts.organisations.models import Verification
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import Gone, NotAllowed, Stale, StateConflict
from marketplace.ledger.models import Event
from tests import world
from tests.accounts.steps import EVIDENCE, asked

PASSWORD = "a long battery of horses"


def refused(results):
    return [result for result in results if isinstance(result, Exception)]


def an_invitation(email):
    owner = world.owner()
    made = invite(
        actor=owner, organisation_uid=owner.organisation.uid, email=email, role=Role.EDITOR
    )
    return owner, made


def test_a_link_is_accepted_once(two_at_once):
    user = world.make_user()
    _owner, made = an_invitation(user.email)

    def accept():
        return accept_invitation(actor=Actor(Role.MEMBER, user), token=made.token)

    [lost] = refused(two_at_once(accept, accept))
    assert isinstance(lost, Gone)
    assert Membership.objects.filter(user=user).count() == 1
    assert Event.objects.filter(kind="invitation.accepted").count() == 1


def test_one_account_is_made(two_at_once):
    _owner, made = an_invitation("new@test.invalid")

    def accept():
        return accept_with_new_account(token=made.token, name="新人", password=PASSWORD)

    [lost] = refused(two_at_once(accept, accept))
    assert isinstance(lost, Gone)
    assert User.objects.filter(email="new@test.invalid").count() == 1


def test_accepted_or_revoked(two_at_once):
    user = world.make_user()
    owner, made = an_invitation(user.email)
    [lost] = refused(
        two_at_once(
            lambda: accept_invitation(actor=Actor(Role.MEMBER, user), token=made.token),
            lambda: revoke_invitation(actor=owner, invitation_uid=made.invitation.uid),
        )
    )
    joined = Membership.objects.filter(user=user).exists()
    assert isinstance(lost, StateConflict if joined else Gone)


def test_one_address_is_invited_once(two_at_once):
    owner = world.owner()

    def again():
        return invite(
            actor=owner,
            organisation_uid=owner.organisation.uid,
            email="new@test.invalid",
            role=Role.EDITOR,
        )

    [lost] = refused(two_at_once(again, again))
    assert isinstance(lost, StateConflict)
    assert Invitation.objects.count() == 1


def test_two_owners_remove_each_other(two_at_once):
    first = world.owner()
    second = world.member(first.organisation)
    seats = {m.user_id: m.uid for m in first.organisation.members.all()}
    [lost] = refused(
        two_at_once(
            lambda: remove_member(actor=first, membership_uid=seats[second.user.pk]),
            lambda: remove_member(actor=second, membership_uid=seats[first.user.pk]),
        )
    )
    assert isinstance(lost, NotAllowed)
    assert first.organisation.members.count() == 1


def test_two_owners_step_down(two_at_once):
    first = world.owner()
    second = world.member(first.organisation)
    seats = {m.user_id: m.uid for m in first.organisation.members.all()}
    [lost] = refused(
        two_at_once(
            *(
                lambda who=who: change_role(
                    actor=who, membership_uid=seats[who.user.pk], role=Role.VIEWER
                )
                for who in (first, second)
            )
        )
    )
    assert isinstance(lost, StateConflict)
    assert first.organisation.members.filter(role=Role.OWNER).count() == 1


def test_verified_or_refused(two_at_once):
    owner = asked()
    officers = world.officer(), world.officer()
    uid = owner.organisation.uid
    two_at_once(
        lambda: verify_organisation(actor=officers[0], organisation_uid=uid),
        lambda: refuse_verification(actor=officers[1], organisation_uid=uid, reason="查无此号"),
    )
    # Whichever came second spoke of what the first had left: verified and then withdrawn, or
    # refused, and then there was nothing to verify.
    organisation = Organisation.objects.get(uid=uid)
    assert organisation.verified_at is None
    assert Verification.objects.filter(state="refused").count() == 1


def test_asked_once(two_at_once):
    owner = world.owner(verified_at=None)

    def ask():
        return ask_verification(
            actor=owner, organisation_uid=owner.organisation.uid, evidence=EVIDENCE
        )

    [lost] = refused(two_at_once(ask, ask))
    assert isinstance(lost, StateConflict)


def test_one_of_two_profiles_is_saved(two_at_once):
    owner = world.owner()

    def save(name):
        return lambda: save_profile(
            actor=owner,
            organisation_uid=owner.organisation.uid,
            revision=0,
            data={"name": name, "is_owner": True},
        )

    [lost] = refused(two_at_once(save("甲"), save("乙")))
    assert isinstance(lost, Stale)


@pytest.mark.parametrize("same", ["uscc", "email"])
def test_one_registration_of_two(two_at_once, same):
    shared = world.make_uscc()

    def register(number):
        return lambda: register_organisation(
            data={
                "uscc": shared if same == "uscc" else world.make_uscc(),
                "name": "新单位",
                "is_vendor": True,
            },
            person={
                "name": "新人",
                "email": "n@test.invalid" if same == "email" else f"n{number}@test.invalid",
                "password": PASSWORD,
            },
        )

    results = two_at_once(register(1), register(2))
    if same == "uscc":
        [lost] = refused(results)
        assert lost.code == "organisation.registered"
    else:
        assert sorted(result.user is None for result in results) == [False, True]
    assert Organisation.objects.filter(name="新单位").count() == 1
    assert User.objects.filter(name="新人").count() == 1
