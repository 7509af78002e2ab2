"""Deadlines moved by the record of outages: when, by whom, twice at once, what it leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from marketplace.base import clock as site_clock
from marketplace.base import heartbeat, queue
from marketplace.base.actor import OPENER, SYSTEM
from marketplace.base.canonical import stamp
from marketplace.base.errors import DeadlinePassed, NotAllowed, TooEarly
from marketplace.base.models import Outage, OutboxJob
from marketplace.bidding import opener
from marketplace.bidding.actions import confirm_opening, withdraw_bid
from marketplace.bidding.models import BidVersion, OpenedEnvelope, Opening, OpeningState
from marketplace.bidding.opener import open_confirmed
from marketplace.indicators.models import OpenDemand
from marketplace.ledger.models import Audience, Event
from marketplace.notices import actions
from marketplace.notices.models import Notice
from marketplace.scenarios.actions import close_scenario, extend_deadline
from marketplace.scenarios.extensions import due_extensions
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.sweeps import close_due, extend_due
from marketplace.web import standing
from tests import world
from tests.bidding import bids

DAY = timedelta(days=1)
EVENT = "scenario.deadline_extended"


def minutes(count):
    return timedelta(minutes=count)


def outage(deadline, before, lasting, what="unreachable"):
    """Recorded: from so many minutes before the deadline, for so many."""
    start = deadline - minutes(before)
    return Outage.objects.create(from_at=start, until_at=start + minutes(lasting), what=what)


def away(scenario, before=30, lasting=15):
    return outage(scenario.deadline_at, before, lasting)


# -- When ------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("pieces", "moves"),
    [
        ([(30, 15)], True),
        ([(30, 14.99)], False),
        ([(100, 8), (50, 7)], True),
        ([(100, 8), (96, 8)], False),  # four minutes of them twice
        ([(130, 20)], False),  # ten of them before the window
        ([(10, 30)], False),  # twenty of them after the deadline
        ([(15, 600)], True),
    ],
)
def test_the_sum_within_two_hours_decides(clock, pieces, moves):
    scenario = world.published_scenario()
    deadline = scenario.deadline_at
    clock.freeze(deadline)
    for before, lasting in pieces:
        outage(deadline, before, lasting)
    assert extend_deadline(scenario_uid=scenario.uid) is moves
    scenario.refresh_from_db()
    assert scenario.deadline_at == deadline + (DAY if moves else timedelta())
    assert Event.objects.filter(kind=EVENT).count() == moves


@pytest.mark.django_db
def test_before_the_deadline_as_soon_as_the_sum_is_reached(clock):
    scenario = world.published_scenario()
    deadline = scenario.deadline_at
    clock.freeze(deadline - minutes(60))
    away(scenario, 100, 14)
    assert extend_due() == 0
    away(scenario, 86, 2)
    assert extend_due() == 1
    assert extend_due() == 0  # promised already
    queue.deliver_due()
    scenario.refresh_from_db()
    assert (scenario.state, scenario.deadline_at) == (State.PUBLISHED, deadline + DAY)
    assert extend_due() == 0
    event = Event.objects.get(kind=EVENT)
    assert (event.audience, event.role, event.actor_uid) == (Audience.PUBLIC, "system", None)
    assert (event.from_state, event.to_state) == ("published", "published")
    assert event.profile_version == scenario.rules.label
    start = deadline - minutes(100)
    assert event.data == {
        "ref": scenario.ref,
        "deadline_at": stamp(deadline + DAY),
        "before": stamp(deadline),
        "outages": [{"from_at": stamp(start), "until_at": stamp(start + minutes(16))}],
        "cause": "outage",
        "seconds": 960,
    }


@pytest.mark.django_db
def test_twice_is_once_and_a_new_deadline_has_its_own_window(clock):
    scenario = world.published_scenario()
    deadline = scenario.deadline_at
    clock.freeze(deadline)
    away(scenario)
    assert extend_deadline(scenario_uid=scenario.uid) is True
    assert extend_deadline(scenario_uid=scenario.uid) is False
    outage(deadline + DAY, 20, 15)
    assert extend_deadline(scenario_uid=scenario.uid) is True
    scenario.refresh_from_db()
    assert scenario.deadline_at == deadline + 2 * DAY


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["C", "D"])
def test_a_profile_without_the_rule_moves_nothing(clock, code):
    scenario = world.published_scenario(profile=world.profile(code))
    clock.freeze(scenario.deadline_at)
    away(scenario)
    assert extend_deadline(scenario_uid=scenario.uid) is False
    assert due_extensions(site_clock.now()) == []


@pytest.mark.django_db
@pytest.mark.parametrize("state", [State.WITHDRAWN, State.OPENED, State.FAILED, State.AWARDED])
def test_what_is_over_or_opened_stays(clock, state):
    scenario = world.published_scenario(state=state)
    clock.freeze(scenario.deadline_at)
    away(scenario)
    assert extend_deadline(scenario_uid=scenario.uid) is False


# -- Who -------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_nobody_moves_a_deadline(clock):
    owner = world.owner()
    scenario = world.published_scenario(owner)
    clock.freeze(scenario.deadline_at)
    away(scenario)
    for actor in (owner, world.officer(), world.secretary(), world.vendor(), OPENER):
        with pytest.raises(NotAllowed):
            extend_deadline(scenario_uid=scenario.uid, actor=actor)
    assert extend_deadline(scenario_uid=scenario.uid, actor=SYSTEM) is True


@pytest.mark.django_db
def test_the_record_is_history():
    row = away(world.published_scenario())
    for change in (row.delete, row.save):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


# -- Closing ---------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_closing_moves_instead_where_outages_add_up(clock):
    scenario = world.published_scenario()
    deadline = scenario.deadline_at
    clock.freeze(deadline)
    away(scenario)
    assert close_scenario(scenario_uid=scenario.uid).state == State.PUBLISHED
    assert [*Event.objects.values_list("kind", flat=True)] == [EVENT]
    with pytest.raises(TooEarly):
        close_scenario(scenario_uid=scenario.uid)
    clock.freeze(deadline + DAY)
    assert close_scenario(scenario_uid=scenario.uid).closed_at == deadline + DAY


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reached", "now", "closes"),
    [
        (None, 0, True),
        (0, 0, True),
        (-0.1, 0, False),
        (-0.1, 9.8, False),
        (-0.1, 9.95, True),  # the monitor has been silent for more than ten minutes
        (-9.9, 0, False),
        (-10, 0, True),
        (-0.1, 10, True),
    ],
)
def test_closing_waits_for_a_monitor_that_lives_and_never_longer(clock, reached, now, closes):
    """In minutes after the deadline: how far the record reaches, and when closing is tried."""
    scenario = world.published_scenario()
    clock.freeze(scenario.deadline_at + minutes(now))
    if reached is not None:
        heartbeat.reach(heartbeat.MONITOR, scenario.deadline_at + minutes(reached))
    if closes:
        assert close_scenario(scenario_uid=scenario.uid).closed_at == site_clock.now()
    else:
        with pytest.raises(TooEarly):
            close_scenario(scenario_uid=scenario.uid)


@pytest.mark.django_db
def test_the_record_never_goes_back():
    now = site_clock.now()
    heartbeat.reach(heartbeat.MONITOR, now)
    heartbeat.reach(heartbeat.MONITOR, now - minutes(1))
    assert heartbeat.reached(heartbeat.MONITOR) == now


# -- After closing ---------------------------------------------------------------------------------
@pytest.mark.django_db
def test_proven_after_closing_it_opens_for_bids_again(clock):
    scenario = world.published_scenario()
    deadline = scenario.deadline_at
    bids.bid(scenario)
    bids.close(scenario, clock)
    assert Opening.objects.count() == 1
    away(scenario)
    assert extend_due() == 1
    queue.deliver_due()
    scenario.refresh_from_db()
    assert (scenario.state, scenario.deadline_at) == (State.PUBLISHED, deadline + DAY)
    assert scenario.closed_at is None
    assert Opening.objects.count() == 0
    event = Event.objects.get(kind=EVENT)
    assert (event.from_state, event.to_state) == ("closed", "published")
    other = bids.bid(scenario).bid
    bids.close(scenario, clock)
    assert (scenario.state, Opening.objects.count()) == (State.CLOSED, 1)
    assert other.versions.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("given", [1, 2])
def test_confirmations_for_the_old_deadline_bar_nothing_and_are_void(clock, given):
    scenario = bids.waiting(clock)
    holders = world.key_holder_actors(scenario)
    for holder in holders[:given]:
        answer = bids.answer(scenario, holder)
        confirm_opening(actor=holder, scenario_uid=scenario.uid, stage="first", **answer)
    away(scenario)
    assert extend_due() == 1
    queue.deliver_due()
    scenario.refresh_from_db()
    assert scenario.state == State.PUBLISHED
    old = Opening.objects.get()
    assert (old.state, old.confirmations.count()) == (OpeningState.SUPERSEDED, given)
    # While bidding goes on nobody sees it, nor who has bid.
    for actor in (world.officer(), holders[0], world.member(scenario.organisation)):
        assert list(Opening.objects.visible_to(actor)) == []
    with pytest.raises(TooEarly):
        answer = {"tree_size": 1, "assertion": {}}
        confirm_opening(actor=holders[0], scenario_uid=scenario.uid, stage="first", **answer)
    assert open_confirmed(bids.identity()) == 0
    bids.close(scenario, clock)
    new = Opening.objects.standing().get()
    assert (new.state, new.confirmations.count()) == (OpeningState.WAITING, 0)
    bids.confirm(scenario)
    assert open_confirmed(bids.identity()) == 1


@pytest.mark.django_db
def test_once_the_opener_has_begun_it_stays_closed(clock, monkeypatch):
    scenario = bids.waiting(clock)
    bids.confirm(scenario)
    away(scenario)
    seen = []

    def beginning(*_given):
        seen.append((extend_due(), extend_deadline(scenario_uid=scenario.uid)))
        raise ZeroDivisionError

    monkeypatch.setattr(opener, "open_bid", beginning)
    assert open_confirmed(bids.identity()) == 0
    assert seen == [(0, False)]
    scenario.refresh_from_db()
    assert scenario.state == State.CLOSED
    assert Opening.objects.get().begun_at is not None


@pytest.mark.django_db
def test_a_listing_without_bids_fails_only_once_the_record_has_reached_it(clock):
    """The monitor was away together with the database, and tells when both are back."""
    scenario = world.published_scenario()
    deadline = scenario.deadline_at
    heartbeat.reach(heartbeat.MONITOR, deadline - minutes(20))
    clock.freeze(deadline + minutes(1))
    close_due()
    queue.deliver_due()
    clock.move(minutes(1))
    queue.deliver_due()
    scenario.refresh_from_db()
    assert scenario.state == State.CLOSED
    outage(deadline, 20, 20)
    heartbeat.reach(heartbeat.MONITOR, site_clock.now())
    extend_due()
    clock.move(minutes(1))
    queue.deliver_due()
    scenario.refresh_from_db()
    assert (scenario.state, scenario.deadline_at) == (State.PUBLISHED, deadline + DAY)


@pytest.mark.django_db
@pytest.mark.parametrize("reached", [None, 0, -20])
def test_a_listing_without_bids_fails_in_the_end(clock, reached):
    scenario = world.published_scenario()
    if reached is not None:
        heartbeat.reach(heartbeat.MONITOR, scenario.deadline_at + minutes(reached))
    clock.freeze(scenario.deadline_at + minutes(1))
    close_due()
    queue.deliver_due()
    for _ in range(2):
        clock.move(minutes(6))
        queue.deliver_due()
    scenario.refresh_from_db()
    assert scenario.state == State.FAILED


# -- At once ---------------------------------------------------------------------------------------
def test_two_sweeps_at_once_move_it_once(two_at_once, clock):
    scenario = world.published_scenario()
    deadline = scenario.deadline_at
    away(scenario)
    clock.freeze(deadline)

    def extend():
        return extend_deadline(scenario_uid=scenario.uid)

    assert sorted(two_at_once(extend, extend)) == [False, True]
    scenario.refresh_from_db()
    assert scenario.deadline_at == deadline + DAY
    assert Event.objects.filter(kind=EVENT).count() == 1


def test_a_bid_that_comes_while_the_deadline_moves_is_taken_or_late(two_at_once, clock):
    """It waits for the lock and is then judged by the deadline that stands."""
    scenario = world.published_scenario()
    vendor = world.vendor()
    away(scenario)
    clock.freeze(scenario.deadline_at + minutes(1))
    results = two_at_once(
        lambda: extend_deadline(scenario_uid=scenario.uid),
        lambda: bids.bid(scenario, vendor),
    )
    assert results[0] is True
    assert isinstance(results[1], BidVersion | DeadlinePassed)
    assert bids.bid(scenario, vendor).bid.organisation == vendor.organisation


def test_a_confirmation_and_a_late_record_at_once(two_at_once, clock):
    """In whatever order: it opens for bids again, and the confirmation is void."""
    scenario = bids.waiting(clock)
    holder = world.key_holder_actors(scenario)[0]
    given = bids.answer(scenario, holder)
    away(scenario)
    extended, confirmed = two_at_once(
        lambda: extend_deadline(scenario_uid=scenario.uid),
        lambda: confirm_opening(actor=holder, scenario_uid=scenario.uid, stage="first", **given),
    )
    scenario.refresh_from_db()
    assert (extended, scenario.state) == (True, State.PUBLISHED)
    kept = [(row.state, row.confirmations.count()) for row in Opening.objects.all()]
    assert kept == ([] if isinstance(confirmed, Exception) else [("superseded", 1)])


def test_the_opener_and_a_late_record_at_once(two_at_once, clock):
    """Opened for the deadline that stood, or open for bids again: never both."""
    scenario = bids.waiting(clock)
    bids.confirm(scenario)
    away(scenario)
    extended, opened = two_at_once(
        lambda: extend_deadline(scenario_uid=scenario.uid),
        lambda: open_confirmed(bids.identity()),
    )
    scenario.refresh_from_db()
    found = (extended, opened, scenario.state, OpenedEnvelope.objects.count())
    assert found in {(True, 0, State.PUBLISHED, 0), (False, 1, State.OPENED, 2)}
    assert Opening.objects.exclude(begun_at=None).count() == opened


# -- What it leaves --------------------------------------------------------------------------------
@pytest.mark.django_db
def test_who_is_told_and_who_is_not(clock):
    owner, vendor, gone, stranger = world.owner(), world.vendor(), world.vendor(), world.vendor()
    officer, secretary = world.officer(), world.secretary()
    scenario = world.published_scenario(owner)
    bids.bid(scenario, vendor)
    withdraw_bid(actor=gone, bid_uid=bids.bid(scenario, gone).bid.uid)
    clock.freeze(scenario.deadline_at)
    away(scenario)
    extend_deadline(scenario_uid=scenario.uid)
    queue.deliver_due()
    told = Notice.objects.filter(kind__endswith="deadline_extended").values_list("user", "kind")
    holders = [holder.person for holder in world.key_holder_actors(scenario)]
    known = [owner.person, officer.person, secretary.person, *holders]
    assert sorted(told) == sorted(
        [(user.pk, EVENT) for user in known]
        + [(user.pk, "bidders.deadline_extended") for user in (vendor.person, gone.person)]
    )
    assert not Notice.objects.filter(user=stranger.person).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("bidders", [0, 2])
def test_no_figure_tells_how_many_have_bid(clock, settings, bidders):
    settings.EMAIL_HOST = "mail.invalid"
    scenario = world.published_scenario()
    for _ in range(bidders):
        bids.bid(scenario)
    clock.freeze(scenario.deadline_at)
    away(scenario)
    extend_deadline(scenario_uid=scenario.uid)
    assert (standing.outbox().jobs, standing.outbox().notices) == (1, 1)
    actions.deliver(event_uid=Event.objects.get(kind=EVENT).uid)
    assert Notice.objects.filter(kind="bidders.deadline_extended").count() == bidders
    waiting = OutboxJob.objects.filter(kind=actions.MAIL).count()
    assert waiting == 3 + bidders  # the owner, two key holders, each bidder
    assert standing.outbox().notices == 1 + 3


@pytest.mark.django_db
def test_the_count_of_open_demands_learns_of_it(clock):
    scenario = world.published_scenario()
    world.announce(scenario)
    clock.freeze(scenario.deadline_at)
    away(scenario)
    extend_deadline(scenario_uid=scenario.uid)
    row = OpenDemand.objects.get(scenario_uid=scenario.uid)
    assert row.deadline_at == Scenario.objects.get(pk=scenario.pk).deadline_at


@pytest.mark.django_db
def test_a_quiet_sweep_asks_once(clock, assert_max_queries):
    world.published_scenario()
    now = site_clock.now()
    with assert_max_queries(1):
        assert due_extensions(now) == []


# -- Pages -----------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("prefix", "said", "rule"),
    [
        ("", "平台中断累计20分钟", "截止前2小时内，平台中断累计达到15分钟的"),
        ("/en", "away for 20 minutes shortly before it", "is away for 15 minutes in all within"),
    ],
)
def test_the_page_says_why_and_until_when(clock, prefix, said, rule):
    scenario = world.published_scenario()
    url = f"{prefix}/scenarios/{scenario.address}/"
    before = Client().get(url).content.decode()
    assert (said in before, rule in before) == (False, True)
    clock.freeze(scenario.deadline_at)
    away(scenario, 30, 20)
    extend_deadline(scenario_uid=scenario.uid)
    after = Client().get(url).content.decode()
    assert (said in after, rule in after) == (True, True)
    assert f'<a href="{url}history/">' in after
    history = Client().get(f"{url}history/").content.decode()
    assert ("中断达到规定时长" if not prefix else "was away too long before") in history
    demo = world.published_scenario(profile=world.profile("D"))
    assert rule not in Client().get(f"{prefix}/scenarios/{demo.address}/").content.decode()
