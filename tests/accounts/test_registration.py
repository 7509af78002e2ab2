"""Organisations that register themselves."""

import pytest
from allauth.account.models import EmailAddress

from marketplace.accounts.models import Membership, Organisation, User
from marketplace.accounts.organisations.actions import (
    register_organisation,
    register_own_organisation,
)
from marketplace.accounts.organisations.actions.registration import OWNED_MOST
from marketplace.base.actor import VISITOR, Actor, Role
from marketplace.base.errors import (
    Invalid,
    NotAllowed,
    StateConflict,
    TooMany,
)
from marketplace.ledger.models import Event
from tests import world

pytestmark = pytest.mark.django_db


PASSWORD = "a long battery of horses"


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
