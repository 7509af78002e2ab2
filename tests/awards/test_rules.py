import pytest

from marketplace.accounts.models import Membership
from marketplace.awards.challenges.models import MemberChallenge
from marketplace.awards.rules import (
    can_challenge_member,
    can_choose_winner,
    can_confirm_award,
    can_decide_by_minutes,
    can_hear_challenge,
    can_publicise,
    can_record_redo,
    can_refuse_award,
)
from marketplace.base.actor import OPENER, SYSTEM, VISITOR, Actor, Role
from tests import world
from tests.awards.steps import choose
from tests.committee import factories
from tests.matrix import cells, rules_of

pytestmark = pytest.mark.django_db

# decider: the officer who decided; seated: an officer who sat on the panel; other: another bidder
WHO = "visitor owner editor winner clerk other officer decider seated secretary judge inspector operator system opener"
MATRIX = {
    can_choose_winner:     "-  +  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_decide_by_minutes: "-  -  -  -  -  -  +  +  +  -  -  -  -  -  -",
    can_publicise:         "-  -  -  -  -  -  +  -  +  -  -  -  -  -  -",
    can_confirm_award:     "-  -  -  -  -  -  +  +  -  -  -  -  -  -  -",
    can_refuse_award:      "-  -  -  +  -  -  -  -  -  -  -  -  -  -  -",
    can_challenge_member:  "-  -  -  +  +  +  -  -  -  -  -  -  -  -  -",
    can_hear_challenge:    "-  -  -  -  -  -  +  +  -  -  -  -  -  -  -",
    can_record_redo:       "-  -  -  -  -  -  +  -  -  -  -  -  -  -  -",
}  # fmt: skip


def test_matrix():
    scenario = factories.reported(2)
    decision = choose(scenario, "B1")
    decider, office = world.officer(), world.office()
    decision.decided_by = decider.user
    decision.save()
    judge = scenario.panel.members.first().user
    Membership.objects.create(user=judge, organisation=office, role=Role.OFFICER)
    other = scenario.bids.get(blind_code="B2").organisation
    actors = {
        "visitor": VISITOR,
        "owner": world.member(scenario.organisation),
        "editor": world.member(scenario.organisation, Role.EDITOR),
        "winner": world.member(decision.bid.organisation),
        "clerk": world.member(decision.bid.organisation, Role.EDITOR),
        "other": world.member(other),
        "officer": world.officer(),
        "decider": decider,
        "seated": Actor(Role.OFFICER, judge, office),
        "secretary": world.secretary(),
        "judge": Actor(Role.EXPERT, judge),
        "inspector": world.person(Role.INSPECTOR),
        "operator": world.person(Role.OPERATOR),
        "system": SYSTEM,
        "opener": OPENER,
    }
    member = scenario.panel.members.first()
    challenge = MemberChallenge(member=member, ruled_by=decider.user)
    rows = {
        can_choose_winner: scenario,
        can_decide_by_minutes: scenario,
        can_challenge_member: member,
        can_hear_challenge: challenge,
        can_record_redo: challenge,
    }
    expected, found = {}, {}
    for cell in cells(WHO, MATRIX):
        rule, who, allowed = cell.values
        row = rows.get(rule, decision)
        expected[cell.id] = allowed
        found[cell.id] = rule(actors[who], row)
    assert found == expected


def test_every_rule_has_a_row():
    assert rules_of("awards") == set(MATRIX)
