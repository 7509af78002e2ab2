"""Who inspects, registers, tips and answers; and that an inspector changes nothing anywhere."""

from importlib import import_module

import pytest

from marketplace.base.actor import OPENER, SYSTEM, VISITOR, Actor, Role
from marketplace.base.errors import NotAllowed
from marketplace.base.rules import INSPECTOR_MAY, require
from marketplace.supervision.models import Inspection, Tip
from marketplace.supervision.rules import (
    can_answer_tip,
    can_end_inspection,
    can_register_approach,
    can_request_inspection,
    can_send_tip,
)
from tests import world
from tests.house.test_matrices import ROOMS
from tests.matrix import cells, rules_of

pytestmark = pytest.mark.django_db

# own: the inspector whose request it is
WHO = (
    "visitor owner vendor officer secretary expert evaluator witness complaints"
    " inspector own operator system opener"
)
#                              vi ow ve of se ex ev wi co in ow op sy op
MATRIX = {
    can_request_inspection: "  -  -  -  -  -  -  -  -  -  +  +  -  -  -",
    can_end_inspection: "      -  -  -  -  -  -  -  -  -  -  +  -  -  -",
    can_register_approach: "   -  +  +  +  +  +  +  +  +  +  +  +  -  -",
    can_send_tip: "            +  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_answer_tip: "          -  -  -  -  -  -  -  -  -  +  +  -  -  -",
}


def actor_called(who, own):
    fixed = {"visitor": VISITOR, "system": SYSTEM, "opener": OPENER, "own": own}
    if who in fixed:
        return fixed[who]
    made = {
        "owner": world.owner,
        "vendor": world.vendor,
        "officer": world.officer,
        "secretary": world.secretary,
    }
    return made[who]() if who in made else world.person(Role(who))


@pytest.mark.parametrize(("rule", "who", "allowed"), cells(WHO, MATRIX))
def test_matrix(rule, who, allowed):
    own = world.person(Role.INSPECTOR)
    row = Inspection(inspector=own.user) if rule is can_end_inspection else Tip()
    assert rule(actor_called(who, own), row) is allowed


def test_every_rule_has_a_row():
    assert rules_of("supervision") == set(MATRIX)


@pytest.mark.parametrize("room", ROOMS)
def test_no_matrix_gives_an_inspector_anything(room):
    """The rooms' own tables, column by column: only what is marked for inspectors."""
    module = import_module(f"tests.{room}.test_rules")
    given = {
        rule.__name__
        for rule, row in module.MATRIX.items()
        for who, sign in zip(module.WHO.split(), row.split(), strict=True)
        if who == "inspector" and sign == "+" and rule not in INSPECTOR_MAY
    }
    assert given == set()


def test_what_is_marked_for_inspectors():
    assert {rule.__name__ for rule in INSPECTOR_MAY} == {
        "can_answer_tip",
        "can_create_token",
        "can_end_inspection",
        "can_register_approach",
        "can_request_inspection",
        "can_revoke_token",
        "can_send_tip",
        "can_sign_pledge",
    }


EVERY_RULE = sorted(
    {rule for room in ROOMS for rule in rules_of(room)} - INSPECTOR_MAY, key=lambda r: r.__name__
)


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: rule.__name__)
def test_every_action_refuses_an_inspector_whatever_its_rule_says(rule):
    """`require` does, before the rule is asked: with any row and under any request."""
    inspector = Actor(Role.INSPECTOR, world.make_user())
    with pytest.raises(NotAllowed) as refused:
        require(rule, inspector, None)
    assert refused.value.code == f"not_allowed.{rule.__name__.removeprefix('can_')}"
