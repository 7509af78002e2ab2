"""Giving an opening up, on two connections."""

from functools import partial

import pytest

from marketplace.base.errors import DomainError
from marketplace.bidding.failed.actions import confirm_failed_opening, dismiss_failed_opening
from marketplace.bidding.failed.models import FailedOpening, FailureState
from marketplace.bidding.models import OpenedEnvelope
from marketplace.bidding.opener import open_confirmed
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.bidding import bids
from tests.bidding.test_failed_openings import declare, waited

pytestmark = pytest.mark.slow


def test_two_officers_declare_at_once(two_at_once, clock):
    _scenario, opening = waited(clock)
    first, second = world.officer(), world.officer()
    results = two_at_once(partial(declare, opening, first), partial(declare, opening, second))
    assert sorted(isinstance(result, DomainError) for result in results) == [False, True]
    assert FailedOpening.objects.count() == 1


def test_one_agrees_while_the_other_does_not(two_at_once, clock):
    _scenario, opening = waited(clock)
    row = declare(opening)
    agree = partial(confirm_failed_opening, actor=world.officer(), failure_uid=row.uid)
    refuse = partial(dismiss_failed_opening, actor=world.officer(), failure_uid=row.uid)
    results = two_at_once(agree, refuse)
    assert sorted(isinstance(result, DomainError) for result in results) == [False, True]
    row.refresh_from_db()
    failed = Scenario.objects.get().state == State.FAILED
    assert failed == (row.state == FailureState.CONFIRMED)


def test_the_opener_and_the_second_officer_never_both(two_at_once, clock):
    scenario, opening = waited(clock)
    row = declare(opening, cause="master")
    bids.confirm(scenario)
    agree = partial(confirm_failed_opening, actor=world.officer(), failure_uid=row.uid)
    _agreed, _opened = two_at_once(agree, partial(open_confirmed, bids.identity()))
    scenario.refresh_from_db()
    opened = OpenedEnvelope.objects.count()
    assert (scenario.state, opened) in {(State.OPENED, 2), (State.FAILED, 0)}
