from datetime import timedelta

import pytest

from marketplace.awards import actions
from marketplace.awards.challenges.models import MemberChallenge
from marketplace.awards.models import Award, Decision, DecisionState, Publicity
from marketplace.base.clock import now
from marketplace.base.errors import DomainError, StateConflict, TooEarly
from marketplace.scenarios.reference import AwardMode
from tests import world
from tests.awards.steps import choose, decided, minutes, owner_of, publicised
from tests.awards.test_challenges import filed
from tests.awards.test_challenges import loser as challenger
from tests.committee import factories

pytestmark = pytest.mark.slow


def refusals(results):
    assert all(isinstance(r, DomainError) for r in results if isinstance(r, Exception)), results
    return [type(r) for r in results if isinstance(r, Exception)]


def test_two_choices(two_at_once):
    scenario = factories.reported(1)
    owner = owner_of(scenario)

    def deed():
        return choose(scenario, "B1", actor=owner)

    assert refusals(two_at_once(deed, deed)) == [StateConflict]
    assert Decision.objects.count() == 1


def test_two_publications(two_at_once):
    decision, officer = decided(1), world.officer()

    def deed():
        return actions.publicise(actor=officer, decision_uid=decision.uid)

    assert refusals(two_at_once(deed, deed)) == [StateConflict]
    assert Publicity.objects.count() == 1


def test_confirming_while_the_winner_refuses(two_at_once, clock):
    decision, officer = publicised(2), world.officer()
    winner = world.member(decision.bid.organisation)
    clock.move(decision.publicity.ends_at - now())
    results = two_at_once(
        lambda: actions.confirm_award(actor=officer, decision_uid=decision.uid),
        lambda: actions.refuse_award(actor=winner, decision_uid=decision.uid, reason="产能不足"),
    )
    assert refusals(results) == [StateConflict]
    decision.refresh_from_db()
    confirmed = decision.state == DecisionState.CONFIRMED
    assert Award.objects.count() == confirmed


def test_two_entries_of_one_decision(two_at_once):
    scenario = factories.reported(1, award_mode=AwardMode.COLLECTIVE)
    officer = world.officer()

    def deed():
        return minutes(scenario, "B1", actor=officer)

    assert refusals(two_at_once(deed, deed)) == [StateConflict]
    assert Decision.objects.count() == 1


def test_choosing_one_while_choosing_nobody(two_at_once):
    scenario = factories.reported(1)
    owner = owner_of(scenario)
    results = two_at_once(
        lambda: choose(scenario, "B1", actor=owner),
        lambda: actions.choose_nobody(
            actor=owner, scenario_uid=scenario.uid, reason="理由充分" * 5
        ),
    )
    assert refusals(results) == [StateConflict]
    scenario.refresh_from_db()
    assert (scenario.state == "failed") is (Decision.objects.count() == 0)


def test_filing_while_the_award_is_confirmed(two_at_once, clock):
    clock.freeze(clock.now())
    decision, officer = publicised(2), world.officer()
    bidder = challenger(decision)
    clock.move(decision.publicity.ends_at - now())
    clock.move(-timedelta(milliseconds=1))
    results = two_at_once(
        lambda: filed(decision, bidder),
        lambda: actions.confirm_award(actor=officer, decision_uid=decision.uid),
    )
    assert [type(one) for one in results] == [MemberChallenge, TooEarly]


def test_two_filings_of_one_challenge(two_at_once, clock):
    clock.freeze(clock.now())
    decision = publicised(2)
    bidder = challenger(decision)
    results = two_at_once(lambda: filed(decision, bidder), lambda: filed(decision, bidder))
    assert sorted(type(one).__name__ for one in results) == ["MemberChallenge", "StateConflict"]
    assert MemberChallenge.objects.count() == 1
