"""Who may do what to an organisation, and to its people."""

import pytest

from marketplace.accounts.models import Membership
from marketplace.accounts.pledges import PledgeText
from marketplace.accounts.recovery.models import FactorReset
from marketplace.accounts.rules import (
    can_ask_factor_reset,
    can_ask_verification,
    can_create_token,
    can_decide_factor_reset,
    can_edit_organisation,
    can_give_person_roles,
    can_manage_members,
    can_remove_member,
    can_revoke_token,
    can_sign_pledge,
    can_verify_organisation,
)
from marketplace.accounts.tokens.actions import create_token
from marketplace.base.actor import OPENER, SYSTEM, VISITOR, Actor, Role
from tests import world
from tests.matrix import cells, rules_of

pytestmark = pytest.mark.django_db

# owner, editor, viewer: of the organisation itself, which is verified
WHO = (
    "visitor owner editor viewer vendor officer secretary"
    " expert evaluator witness complaints inspector operator system opener"
)
#                               vi ow ed vi ve of se ex ev wi co in op sy op
MATRIX = {
    can_verify_organisation: "  -  -  -  -  -  +  -  -  -  -  -  -  -  -  -",
    can_edit_organisation: "    -  +  +  -  -  -  -  -  -  -  -  -  -  -  -",
    can_ask_verification: "     -  +  +  -  -  -  -  -  -  -  -  -  -  -  -",
    can_manage_members: "       -  +  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_remove_member: "        -  +  -  -  -  -  -  -  -  -  -  -  -  -  -",
    # of the office, in whose name these roles are given
    can_give_person_roles: "    -  -  -  -  -  +  -  -  -  -  -  -  -  -  -",
    can_create_token: "         -  +  +  +  +  +  +  +  +  +  +  +  +  -  -",
    can_revoke_token: "         -  +  -  -  -  -  -  -  -  -  -  -  -  -  -",
    # the text of those in office and of key holders, who may sign before being appointed
    can_sign_pledge: "          -  +  +  +  +  +  +  -  +  +  +  +  +  -  -",
    # of somebody else, asked for by somebody else
    can_ask_factor_reset: "     -  -  -  -  -  +  -  -  -  -  -  -  -  -  -",
    can_decide_factor_reset: "  -  -  -  -  -  +  +  -  -  -  -  -  -  -  -",
}
# What a rule is asked about, where it is not the organisation.
ROWS = {
    can_ask_factor_reset: lambda organisation, actor: world.make_user(),
    can_decide_factor_reset: lambda organisation, actor: FactorReset(
        user=world.make_user(), asked_by=world.make_user()
    ),
    can_give_person_roles: lambda organisation, actor: world.office(),
    can_remove_member: lambda organisation, actor: Membership.objects.get(
        user=world.member(organisation).user
    ),
    can_create_token: lambda organisation, actor: actor.user or world.make_user(),
    can_revoke_token: lambda organisation, actor: token_of_a_member(organisation),
    can_sign_pledge: lambda organisation, actor: PledgeText.objects.get(
        code="integrity-duty", version=1
    ),
}


def token_of_a_member(organisation):
    editor = world.member(organisation, Role.EDITOR)
    return create_token(actor=editor, name="script", scopes=["read"]).token


def actor_called(who, organisation):
    fixed = {"visitor": VISITOR, "system": SYSTEM, "opener": OPENER}
    if who in fixed:
        return fixed[who]
    made = {
        "owner": lambda: world.member(organisation),
        "editor": lambda: world.member(organisation, Role.EDITOR),
        "viewer": lambda: world.member(organisation, Role.VIEWER),
        "vendor": world.vendor,
        "officer": world.officer,
        "secretary": world.secretary,
    }
    return made[who]() if who in made else world.person(Role(who))


@pytest.mark.parametrize(("rule", "who", "allowed"), cells(WHO, MATRIX))
def test_matrix(rule, who, allowed):
    organisation = world.make_organisation(is_vendor=True)
    actor = actor_called(who, organisation)
    row = ROWS[rule](organisation, actor) if rule in ROWS else organisation
    assert rule(actor, row) is allowed


def test_a_token_is_made_for_oneself_and_ended_by_oneself():
    viewer = world.member(world.make_organisation(), Role.VIEWER)
    assert can_create_token(viewer, world.make_user()) is False
    token = create_token(actor=viewer, name="script", scopes=["read"]).token
    assert can_revoke_token(viewer, token) is True


def test_the_office_does_not_verify_itself():
    officer = world.officer()
    assert can_verify_organisation(officer, officer.organisation) is False
    assert can_ask_verification(officer, officer.organisation) is False


def test_the_office_sees_to_itself_and_to_those_not_verified():
    officer, secretary = world.officer(), world.secretary()
    new = world.make_organisation(is_vendor=True, verified_at=None)
    for organisation in (officer.organisation, new):
        assert can_manage_members(officer, organisation) is True
        assert can_manage_members(secretary, organisation) is False
    assert can_edit_organisation(officer, officer.organisation) is True
    assert can_edit_organisation(officer, new) is False


@pytest.mark.parametrize("role", [Role.OWNER, Role.EDITOR, Role.VIEWER])
def test_everybody_may_leave_with_the_hat_of_the_place(role):
    actor = world.member(world.make_organisation(), role)
    seat = Membership.objects.get(user=actor.user)
    assert can_remove_member(actor, seat) is True
    assert can_remove_member(Actor(Role.EXPERT, actor.user), seat) is False


def test_every_rule_has_a_row():
    assert rules_of("accounts") == set(MATRIX)
