"""Who may do what to an organisation."""

import pytest

from marketplace.accounts.pledges import PledgeText
from marketplace.accounts.rules import (
    can_create_token,
    can_revoke_token,
    can_sign_pledge,
    can_verify_organisation,
)
from marketplace.accounts.tokens.actions import create_token
from marketplace.base.actor import OPENER, SYSTEM, VISITOR, Role
from tests import world
from tests.matrix import cells, rules_of

pytestmark = pytest.mark.django_db

# owner: of the organisation itself
WHO = (
    "visitor owner vendor officer secretary"
    " expert evaluator witness complaints inspector operator system opener"
)
#                               vi ow ve of se ex ev wi co in op sy op
MATRIX = {
    can_verify_organisation: "  -  -  -  +  -  -  -  -  -  -  -  -  -",
    can_create_token: "         -  +  +  +  +  +  +  +  +  +  +  -  -",
    can_revoke_token: "         -  +  -  -  -  -  -  -  -  -  -  -  -",
    # the text of those in office and of key holders, who may sign before being appointed
    can_sign_pledge: "          -  +  +  +  +  -  +  +  +  +  +  -  -",
}
# What a rule is asked about, where it is not the organisation.
ROWS = {
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


def test_every_rule_has_a_row():
    assert rules_of("accounts") == set(MATRIX)
