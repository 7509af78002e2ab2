"""Standing still costs bidders no time, and nothing is taken meanwhile."""

from datetime import timedelta

import pytest

from marketplace.base import clock as database_clock
from marketplace.base.errors import DeadlinePassed, Invalid, NotAllowed, StateConflict, TooEarly
from marketplace.bidding.actions import withdraw_bid
from marketplace.bidding.replay import Announced, Replay
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Audience, Event
from marketplace.ledger.verify import instant
from marketplace.scenarios.actions import close_scenario, withdraw_scenario
from marketplace.scenarios.amendments.models import AmendmentState
from marketplace.scenarios.models import State
from marketplace.scenarios.queries import has_closed, is_open
from marketplace.scenarios.suspensions.actions import resume_scenario, suspend_scenario
from marketplace.scenarios.suspensions.models import Suspension
from marketplace.scenarios.sweeps import close_due
from tests import world
from tests.bidding import bids
from tests.files.sending import signed_in
from tests.notices.steps import deliver, ids, told
from tests.scenarios.amendments.test_amendments import demand, draft, publish
from tests.web.asking import text

db = pytest.mark.django_db
DAY = timedelta(days=1)


def suspend(scenario, actor=None, reason="异议待核实。"):
    actor = actor or world.officer()
    return suspend_scenario(actor=actor, scenario_uid=scenario.uid, reason=reason)


def resume(scenario, actor=None, reason="已核实。"):
    actor = actor or world.officer()
    return resume_scenario(actor=actor, scenario_uid=scenario.uid, reason=reason)


@db
def test_bidders_have_as_long_as_they_had(clock):
    scenario = demand()
    before = scenario.deadline_at
    clock.freeze(before - timedelta(hours=5))
    suspend(scenario)
    scenario.refresh_from_db()
    assert (scenario.suspended, scenario.deadline_at) == (True, before)
    clock.move(3 * DAY + timedelta(seconds=1))
    row = resume(scenario)
    scenario.refresh_from_db()
    assert scenario.deadline_at == before + 3 * DAY + timedelta(minutes=1)  # rounded up
    assert (scenario.suspended, row.until_at) == (False, clock.now())
    kinds = ["scenario.suspended", "scenario.resumed", "scenario.deadline_extended"]
    events = Event.objects.filter(kind__in=kinds).order_by("pk")
    assert [(event.kind, event.audience) for event in events] == [
        (kind, Audience.PUBLIC) for kind in kinds
    ]
    assert events[1].data["seconds"] == 3 * 86400 + 1
    assert events[2].data["cause"] == "suspension"


@db
def test_seconds_are_added_where_seconds_count(clock):
    scenario = demand(profile=world.profile("D"))
    before = scenario.deadline_at
    clock.freeze(before - DAY)
    suspend(scenario)
    clock.move(timedelta(seconds=7))
    resume(scenario)
    scenario.refresh_from_db()
    assert timedelta(seconds=7) < scenario.deadline_at - before <= timedelta(seconds=7.001)


@db
def test_nothing_is_taken_nothing_closes_and_a_bid_may_be_taken_back(clock):
    scenario, vendor = demand(), world.vendor()
    bid = bids.bid(scenario, vendor).bid
    suspend(scenario)
    clock.freeze(scenario.deadline_at + DAY)
    scenario.refresh_from_db()
    now = clock.now()
    assert (is_open(scenario, now), has_closed(scenario, now)) == (False, False)
    with pytest.raises(StateConflict) as still:
        bids.bid(scenario, vendor)
    assert still.value.code == "scenario.suspended"
    with pytest.raises(TooEarly):
        close_scenario(scenario_uid=scenario.uid)
    assert close_due() == 0
    assert withdraw_bid(actor=vendor, bid_uid=bid.uid).kind == "withdrawn"


@db
def test_it_may_be_amended_and_withdrawn_while_it_stands(clock):
    owner = world.owner()
    scenario = demand(owner)
    suspend(scenario)
    clock.freeze(scenario.deadline_at + DAY)
    assert publish(draft(scenario, owner)).state == AmendmentState.PUBLISHED
    gone = withdraw_scenario(actor=owner, scenario_uid=scenario.uid, reason="计划调整。")
    assert gone.state == State.WITHDRAWN


@db
def test_who():
    scenario = demand()
    for actor in (world.member(scenario.organisation), world.secretary(), world.vendor()):
        with pytest.raises(NotAllowed):
            suspend(scenario, actor)
    suspend(scenario)
    for actor in (world.member(scenario.organisation), world.secretary(), world.vendor()):
        with pytest.raises(NotAllowed):
            resume(scenario, actor)


@db
def test_when(clock):
    scenario = demand()
    with pytest.raises(StateConflict) as running:
        resume(scenario)
    assert running.value.code == "scenario.not_suspended"
    with pytest.raises(Invalid):
        suspend(scenario, reason=" ")
    suspend(scenario)
    with pytest.raises(StateConflict) as twice:
        suspend(scenario)
    assert twice.value.code == "scenario.suspended"
    resume(scenario)
    scenario.refresh_from_db()
    clock.freeze(scenario.deadline_at)
    with pytest.raises(DeadlinePassed):
        suspend(scenario)
    clock.move(-timedelta(milliseconds=1))
    suspend(scenario)
    assert Suspension.objects.count() == 2
    for state in (State.CLOSED, State.REVIEW):
        other = demand(state=state)
        with pytest.raises(StateConflict):
            suspend(other)


@pytest.mark.parametrize("step", [suspend, resume])
def test_twice_at_once_is_once(step, two_at_once):
    scenario, one, other = demand(), world.officer(), world.officer()
    if step is resume:
        suspend(scenario, one)
    results = two_at_once(lambda: step(scenario, one), lambda: step(scenario, other))
    assert sorted(type(row).__name__ for row in results) == ["StateConflict", "Suspension"]


@db
def test_the_log_says_that_it_stands(settings, clock):
    scenario = demand()
    clock.freeze(database_clock.now() + timedelta(hours=1))
    suspend(scenario)

    def replayed():
        sequencer.seal_batch()
        replay = Replay(settings.OPENER_LOG_VKEY)
        replay.advance()
        return replay.announced(scenario.uid)

    assert replayed().suspended is True
    clock.move(timedelta(hours=2))
    resume(scenario)
    scenario.refresh_from_db()
    told_of = replayed()
    assert (told_of.suspended, told_of.contradictions) == (False, [])
    assert told_of.deadline_at == scenario.deadline_at
    now = clock.now()
    at = [now - timedelta(hours=3), now - timedelta(hours=1), now + timedelta(hours=1)]
    assert [told_of.stood_still(one) for one in at] == [False, True, False]


def test_a_stand_without_an_end_goes_on():
    row = Announced()
    row.stands("2026-01-01T00:00:00.000Z", still=True)
    row.stands("2026-01-02T00:00:00.000Z", still=True)
    assert row.stood_still(instant("2027-01-01T00:00:00.000Z")) is True
    assert row.stood_still(instant("2026-01-01T00:00:00.000Z")) is False


@db
def test_bidders_and_owner_are_told():
    owner, vendor = world.owner(), world.vendor()
    scenario, officer = demand(owner), world.officer()
    bids.bid(scenario, vendor)
    suspend(scenario, officer)
    resume(scenario, officer)
    deliver()
    assert told("bidders.suspended") == told("bidders.resumed") == ids(vendor)
    assert owner.user.pk in told("scenario.suspended") & told("scenario.resumed")
    assert vendor.user.pk not in told("scenario.suspended")


@db
def test_on_the_pages():
    scenario, officer = demand(), world.officer()
    client = signed_in(officer)
    address = f"/en/scenarios/{scenario.ref}/"
    sent = client.post(f"{address}standstill/", {"do": "suspend", "reason": "异议待核实。"})
    assert sent.status_code == 302
    shown = text(signed_in(world.vendor()).get(address))
    assert "Suspended" in shown
    assert "异议待核实" in shown
    again = client.post(f"{address}standstill/", {"do": "resume", "reason": ""})
    assert again.status_code == 422
    sent = client.post(f"{address}standstill/", {"do": "resume", "reason": "已核实。"})
    assert sent.status_code == 302
    assert "had been suspended" in text(client.get(address))
