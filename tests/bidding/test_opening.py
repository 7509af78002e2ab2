"""Closing and confirming: who may say open, when, and how often it counts."""

from datetime import timedelta

import pytest
from django.utils.translation import override

from marketplace.accounts.models import Grant, Membership
from marketplace.base.actor import Role
from marketplace.base.errors import NotAllowed, NotFound, StateConflict, TooEarly
from marketplace.base.queue import deliver_due
from marketplace.bidding.actions import (
    confirm_opening,
    fail_thin_listing,
    withdraw_bid,
)
from marketplace.bidding.models import (
    Bid,
    BidState,
    OpenedEnvelope,
    Opening,
    OpeningConfirmation,
    OpeningStage,
    OpeningState,
)
from marketplace.bidding.opener import open_confirmed
from marketplace.ledger.models import Event
from marketplace.notices.models import Notice
from marketplace.notices.queries import lines
from marketplace.scenarios.actions import close_scenario
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.bidding import bids
from tests.notices.steps import deliver, happen, told

pytestmark = pytest.mark.django_db
TICK = timedelta(microseconds=1)


# -- Closing -------------------------------------------------------------------------------------------
def test_closing_asks_for_the_opening(clock):
    scenario = world.published_scenario()
    bids.bid(scenario)
    opening = bids.close(scenario, clock)
    assert (opening.stage, opening.state) == (OpeningStage.FIRST, OpeningState.WAITING)
    assert opening.confirmations_needed == 2
    assert scenario.state == State.CLOSED
    assert Event.objects.get(kind="opening.requested").audience == "parties"
    close_scenario(scenario_uid=scenario.uid)
    assert Opening.objects.count() == 1


def test_without_bids_the_listing_fails_in_a_step_of_its_own(clock):
    scenario = world.published_scenario()
    bid = bids.bid(scenario).bid
    vendor = world.member(bid.organisation)
    withdraw_bid(actor=vendor, bid_uid=bid.uid)
    assert bids.close(scenario, clock) is None
    assert scenario.state == State.CLOSED
    deliver_due()
    scenario.refresh_from_db()
    assert (scenario.state, scenario.failure) == (State.FAILED, "no_bids")
    event = Event.objects.get(kind="scenario.failed")
    assert event.audience == "public"
    assert event.data == {"ref": scenario.ref, "failure": "no_bids"}
    assert fail_thin_listing(scenario_uid=scenario.uid) is False


def test_fewer_than_the_rules_ask_for(clock):
    scenario = world.published_scenario(profile=world.profile("B"))
    for _ in range(2):
        bids.bid(scenario)
    assert bids.close(scenario, clock) is None
    deliver_due()
    scenario.refresh_from_db()
    assert (scenario.state, scenario.failure) == (State.FAILED, "too_few_bids")
    # Nothing is opened, now or later, and nobody but the bidders learns how many there were.
    assert open_confirmed(bids.identity()) == 0
    assert (Opening.objects.count(), OpenedEnvelope.objects.count()) == (0, 0)
    assert set(Bid.objects.values_list("state", flat=True)) == {BidState.SUBMITTED}
    told = Event.objects.get(kind="scenario.failed")
    assert told.data == {"ref": scenario.ref, "failure": "too_few_bids"}


def test_the_bidders_are_told_in_words_that_nothing_was_opened(clock):
    scenario = world.published_scenario(profile=world.profile("B"))
    stays, taken_back = bids.bid(scenario).bid, bids.bid(scenario).bid
    withdraw_bid(actor=world.member(taken_back.organisation), bid_uid=taken_back.uid)
    deliver()
    assert told("bidders.listing_failed") == set()
    bids.close(scenario, clock)
    deliver()
    writers = Membership.objects.filter(organisation=stays.organisation)
    assert told("bidders.listing_failed") == set(writers.values_list("user_id", flat=True))
    notice = Notice.objects.get(kind="bidders.listing_failed")
    with override("en"):
        [line] = lines(notice.user, [notice])
    assert line.text == (
        f"The listing of “{scenario.title_en}” failed: no bid was opened, and your bid stays sealed"
    )
    assert OpenedEnvelope.objects.count() == 0


def test_who_was_opened_is_not_told_that_nothing_was(clock):
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.open_first(scenario, clock)
    happen("scenario.failed", scenario)
    deliver()
    assert told("bidders.listing_failed") == set()


def test_enough_bids_do_not_fail(clock):
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.close(scenario, clock)
    assert fail_thin_listing(scenario_uid=scenario.uid) is False


# -- Confirming ----------------------------------------------------------------------------------------
def test_twice_by_the_same_person_counts_once(clock):
    scenario = bids.waiting(clock)
    one, other = world.key_holder_actors(scenario)
    given = {"scenario_uid": scenario.uid, "stage": OpeningStage.FIRST}
    for _ in range(2):
        opening = confirm_opening(actor=one, **given, **bids.answer(scenario, one))
    assert (opening.state, OpeningConfirmation.objects.count()) == (OpeningState.WAITING, 1)
    answer = bids.answer(scenario, other)
    assert confirm_opening(actor=other, **given, **answer).state == OpeningState.CONFIRMED
    # A late repetition of one's own is still no fault.
    assert confirm_opening(actor=one, **given).state == OpeningState.CONFIRMED
    kinds = Event.objects.filter(kind__in=["confirmation.given", "opening.confirmed"])
    assert kinds.count() == 3


def test_who_does_not_confirm(clock):
    scenario = bids.waiting(clock)
    given = {"scenario_uid": scenario.uid, "stage": OpeningStage.FIRST}
    for seeing in (world.officer(), world.secretary(), world.member(scenario.organisation)):
        with pytest.raises(NotAllowed):
            confirm_opening(actor=seeing, **given)
    for stranger in (world.vendor(), world.person(Role.EXPERT), world.owner()):
        with pytest.raises(NotFound):
            confirm_opening(actor=stranger, **given)


def test_no_more_than_are_needed(clock):
    scenario = bids.waiting(clock)
    bids.confirm(scenario)
    third = world.make_user()
    Grant.objects.create(user=third, subject_uid=scenario.uid, capability="key_holder")
    actor = next(a for a in world.key_holder_actors(scenario) if a.user == third)
    with pytest.raises(StateConflict):
        confirm_opening(actor=actor, scenario_uid=scenario.uid, stage=OpeningStage.FIRST)


@pytest.mark.parametrize(("late", "allowed"), [(-TICK, False), (timedelta(0), True), (TICK, True)])
def test_not_before_the_deadline_by_the_database_s_clock(clock, late, allowed):
    """The state column alone is not believed, should it ever run ahead of the clock."""
    scenario = bids.waiting(clock)
    clock.freeze(scenario.deadline_at + late)
    holder = world.key_holder_actors(scenario)[0]
    given = {"actor": holder, "scenario_uid": scenario.uid, "stage": OpeningStage.FIRST}
    if allowed:
        given |= bids.answer(scenario, holder)
        assert confirm_opening(**given).state == OpeningState.WAITING
        return
    with pytest.raises((TooEarly, NotAllowed)):
        confirm_opening(**given)
    assert OpeningConfirmation.objects.count() == 0


@pytest.mark.parametrize("bid", [True, False])
def test_before_closing_it_is_too_early_whether_anybody_bid_or_not(bid):
    scenario = world.published_scenario()
    if bid:
        bids.bid(scenario)
    given = {"scenario_uid": scenario.uid, "stage": OpeningStage.FIRST}
    with pytest.raises(TooEarly):
        confirm_opening(actor=world.key_holder_actors(scenario)[0], **given)
    with pytest.raises(NotFound):
        confirm_opening(actor=world.officer(), **given)


def test_not_while_suspended(clock):
    scenario = bids.waiting(clock)
    Scenario.objects.update(suspended=True)
    holder = world.key_holder_actors(scenario)[0]
    with pytest.raises(StateConflict):
        confirm_opening(actor=holder, scenario_uid=scenario.uid, stage=OpeningStage.FIRST)
