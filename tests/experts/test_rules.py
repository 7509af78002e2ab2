"""Who may do what to the pool, to an entry of somebody else's and to one's own."""

import pytest

from marketplace.base.actor import OPENER, SYSTEM, VISITOR
from marketplace.experts.models import Expert, Interest
from marketplace.experts.rules import (
    can_confirm_record,
    can_edit_expert,
    can_import_experts,
    can_state_interest,
    can_strike_interest,
    can_suspend_expert,
)
from tests import world
from tests.experts.factories import expert, tied
from tests.matrix import cells, rules_of

pytestmark = pytest.mark.django_db

# own: the expert of the entry; another: an expert, too
WHO = "visitor owner officer secretary own another witness inspector operator system opener"
#                          vi ow of se ow an wi in op sy op
MATRIX = {
    can_import_experts: "  -  -  +  -  -  -  -  -  -  -  -",
    can_edit_expert: "     -  -  +  -  -  -  -  -  -  -  -",
    can_suspend_expert: "  -  -  +  -  -  -  -  -  -  -  -",
    can_confirm_record: "  -  -  -  -  +  -  -  -  -  -  -",
    can_state_interest: "  -  -  +  -  +  -  -  -  -  -  -",
    # entered by the office
    can_strike_interest: " -  -  +  -  -  -  -  -  -  -  -",
}


@pytest.mark.parametrize(("rule", "who", "allowed"), cells(WHO, MATRIX))
def test_matrix(rule, who, allowed):
    judge = world.person("expert")
    entry = expert(actor=judge)
    row = entry
    if rule is can_strike_interest:
        tied(world.make_organisation(), expert=entry)
        row = entry.interests.get()
    actors = {
        "visitor": lambda: VISITOR,
        "owner": world.owner,
        "officer": world.officer,
        "secretary": world.secretary,
        "own": lambda: judge,
        "system": lambda: SYSTEM,
        "opener": lambda: OPENER,
    }
    actor = actors.get(who, lambda: world.person("expert" if who == "another" else who))()
    assert rule(actor, row) is allowed


def test_every_rule_has_a_row():
    assert rules_of("experts") == set(MATRIX)


def test_an_expert_strikes_out_what_the_expert_entered():
    judge = world.person("expert")
    entry = tied(world.make_organisation(), expert=expert(actor=judge), entered_by=judge.user)
    assert can_strike_interest(judge, entry.interests.get()) is True


def test_an_officer_who_is_an_expert_does_not_edit_the_own_entry():
    officer = world.officer()
    entry = Expert.objects.create(user=officer.user)
    assert can_edit_expert(officer, entry) is False


def test_who_sees_entries_and_ties():
    judge, other = world.person("expert"), world.person("expert")
    mine = tied(world.make_organisation(), expert=expert(actor=judge))
    theirs = tied(world.make_organisation(), expert=expert(actor=other))
    for actor in (world.officer(), world.secretary()):
        assert {*Expert.objects.visible_to(actor)} == {mine, theirs}
    assert [*Expert.objects.visible_to(judge)] == [mine]
    assert [row.expert for row in Interest.objects.visible_to(judge)] == [mine]
    for actor in (VISITOR, world.owner(), world.person("inspector"), world.person("witness")):
        assert [*Expert.objects.visible_to(actor)] == []
        assert [*Interest.objects.visible_to(actor)] == []
