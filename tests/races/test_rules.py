import pytest

from marketplace.base.actor import OPENER, SYSTEM, VISITOR, Role
from marketplace.races.models import RaceAgreement
from marketplace.races.rules import (
    can_accept_agreement,
    can_cancel_attempt,
    can_choose_attempt,
    can_decline_agreement,
    can_design_race,
    can_prepare_course,
    can_publicise_shortlist,
    can_run_entry,
    can_shortlist,
    can_submit_attempt,
)
from tests import world
from tests.matrix import cells, rules_of
from tests.races import factories

pytestmark = pytest.mark.django_db

# vendor: an entrant's owner; clerk: its editor
WHO = "visitor owner editor viewer vendor clerk officer secretary judge evaluator witness inspector operator system opener"
MATRIX = {
    can_design_race:         "-  +  +  -  -  -  -  -  -  -  -  -  -  -  -",
    can_shortlist:           "-  +  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_publicise_shortlist: "-  -  -  -  -  -  +  -  -  -  -  -  -  -  -",
    can_run_entry:           "-  -  -  -  -  -  +  -  -  -  -  -  -  -  -",
    can_accept_agreement:    "-  +  -  -  +  -  -  -  -  -  -  -  -  -  -",
    can_decline_agreement:   "-  -  -  -  +  -  -  -  -  -  -  -  -  -  -",
    can_prepare_course:  "-  +  +  -  -  -  -  -  -  -  -  -  -  -  -",
    can_submit_attempt:  "-  -  -  -  +  +  -  -  -  -  -  -  -  -  -",
    can_cancel_attempt:  "-  -  -  -  +  +  -  -  -  -  -  -  -  -  -",
    can_choose_attempt:  "-  -  -  -  +  +  -  -  -  -  -  -  -  -  -",
}  # fmt: skip


def test_matrix():
    race = factories.race(entrants=2)
    scenario, entrant = race.scenario, race.entrants.first()
    actors = {
        "visitor": VISITOR,
        "owner": world.member(scenario.organisation),
        "editor": world.member(scenario.organisation, Role.EDITOR),
        "viewer": world.member(scenario.organisation, Role.VIEWER),
        "vendor": world.member(entrant.organisation),
        "clerk": world.member(entrant.organisation, Role.EDITOR),
        "officer": world.officer(),
        "secretary": world.secretary(),
        "judge": world.person(Role.EXPERT),
        "evaluator": world.person(Role.EVALUATOR),
        "witness": world.person(Role.WITNESS),
        "inspector": world.person(Role.INSPECTOR),
        "operator": world.person(Role.OPERATOR),
        "system": SYSTEM,
        "opener": OPENER,
    }
    agreement = RaceAgreement(entrant=entrant)
    rows = dict.fromkeys((can_prepare_course, can_publicise_shortlist, can_run_entry), race)
    rows |= {can_design_race: scenario, can_shortlist: scenario}
    rows |= {can_accept_agreement: agreement, can_decline_agreement: agreement}
    expected, found = {}, {}
    for cell in cells(WHO, MATRIX):
        rule, who, allowed = cell.values
        expected[cell.id] = allowed
        found[cell.id] = rule(actors[who], rows.get(rule, entrant))
    assert found == expected


def test_every_rule_has_a_row():
    assert rules_of("races") == set(MATRIX)
