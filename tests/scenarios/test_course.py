"""Withdrawal, closing by the clock, failure: each side of the deadline, and twice at once."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction

from marketplace.base import queue
from marketplace.base.actor import SYSTEM, Role
from marketplace.base.canonical import salted, stamp
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
    TooEarly,
)
from marketplace.base.locks import lock
from marketplace.base.models import OutboxJob
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios import actions, queries
from marketplace.scenarios.models import Scenario, ScenarioNote, State
from marketplace.scenarios.sweeps import close_due, close_one
from tests import world

JUST_BEFORE = timedelta(microseconds=-1)
REASON = "本年度预算取消。"


# -- Withdrawal ------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_withdrawn_strictly_before_the_deadline(clock):
    owner = world.owner()
    scenario = world.published_scenario(owner)
    given = {"actor": owner, "scenario_uid": scenario.uid, "reason": REASON}
    clock.freeze(scenario.deadline_at)
    with pytest.raises(DeadlinePassed):
        actions.withdraw_scenario(**given)
    clock.freeze(scenario.deadline_at + JUST_BEFORE)
    gone = actions.withdraw_scenario(**given)
    assert (gone.state, gone.ended_at) == (State.WITHDRAWN, clock.now())
    event = Event.objects.get(kind="scenario.withdrawn")
    assert (event.audience, event.data) == (Audience.PUBLIC, {"ref": scenario.ref})
    assert (event.from_state, event.to_state) == ("published", "withdrawn")
    assert event.reason_hash == salted(REASON, bytes(event.salt))
    assert REASON.encode() not in bytes(event.body)
    note = ScenarioNote.objects.get()
    assert (note.to_state, note.text, note.author) == (State.WITHDRAWN, REASON, owner.user)
    assert queries.notes(world.vendor(), scenario).get() == note


@pytest.mark.django_db
def test_who_withdraws():
    owner = world.owner()
    scenario = world.published_scenario(owner)
    editor = world.member(owner.organisation, Role.EDITOR)
    for actor in (editor, world.owner(), world.officer(), world.vendor(), SYSTEM):
        with pytest.raises(NotAllowed):
            actions.withdraw_scenario(actor=actor, scenario_uid=scenario.uid, reason=REASON)


@pytest.mark.django_db
def test_only_what_is_posted_is_withdrawn_and_with_a_reason():
    owner = world.owner()
    draft = world.draft_scenario(owner)
    with pytest.raises(StateConflict):
        actions.withdraw_scenario(actor=owner, scenario_uid=draft.uid, reason=REASON)
    scenario = world.published_scenario(owner)
    with pytest.raises(Invalid):
        actions.withdraw_scenario(actor=owner, scenario_uid=scenario.uid, reason=" ")
    Scenario.objects.filter(pk=scenario.pk).update(state=State.CLOSED)
    with pytest.raises(StateConflict):
        actions.withdraw_scenario(actor=owner, scenario_uid=scenario.uid, reason=REASON)


def test_withdrawn_twice_at_once_is_withdrawn_once(two_at_once):
    owner = world.owner()
    scenario = world.published_scenario(owner)

    def withdraw():
        return actions.withdraw_scenario(actor=owner, scenario_uid=scenario.uid, reason=REASON)

    results = two_at_once(withdraw, withdraw)
    assert sorted(type(result).__name__ for result in results) == ["Scenario", "StateConflict"]
    assert Event.objects.filter(kind="scenario.withdrawn").count() == 1
    assert ScenarioNote.objects.count() == 1


# -- Closing ---------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_closed_from_the_deadline_on_and_not_before(clock):
    scenario = world.published_scenario()
    clock.freeze(scenario.deadline_at + JUST_BEFORE)
    assert queries.is_open(scenario, clock.now()) is True
    with pytest.raises(TooEarly):
        actions.close_scenario(scenario_uid=scenario.uid)
    clock.freeze(scenario.deadline_at)
    assert queries.is_open(scenario, clock.now()) is False
    closed = actions.close_scenario(scenario_uid=scenario.uid)
    assert closed.closed_at == scenario.deadline_at
    event = Event.objects.get(kind="scenario.closed")
    assert (event.audience, event.role, event.actor_uid) == (Audience.PUBLIC, "system", None)
    assert (event.from_state, event.to_state) == ("published", "closed")
    assert event.data == {"ref": scenario.ref, "deadline_at": stamp(scenario.deadline_at)}


@pytest.mark.django_db
def test_closing_again_changes_nothing(clock):
    scenario = world.published_scenario()
    clock.freeze(scenario.deadline_at)
    first = actions.close_scenario(scenario_uid=scenario.uid)
    clock.move(timedelta(hours=1))
    again = actions.close_scenario(scenario_uid=scenario.uid)
    assert (again.state, again.closed_at) == (first.state, first.closed_at)
    assert Event.objects.filter(kind="scenario.closed").count() == 1


@pytest.mark.django_db
def test_nobody_closes_by_hand(clock):
    owner = world.owner()
    scenario = world.published_scenario(owner)
    clock.freeze(scenario.deadline_at)
    for actor in (owner, world.officer(), world.secretary(), world.person(Role.OPERATOR)):
        with pytest.raises(NotAllowed):
            actions.close_scenario(scenario_uid=scenario.uid, actor=actor)
    with pytest.raises(NotFound):
        actions.close_scenario(scenario_uid=uuid4())


@pytest.mark.django_db
def test_a_withdrawn_one_stays_withdrawn(clock):
    scenario = world.published_scenario()
    Scenario.objects.filter(pk=scenario.pk).update(state=State.WITHDRAWN)
    clock.freeze(scenario.deadline_at)
    assert actions.close_scenario(scenario_uid=scenario.uid).state == State.WITHDRAWN
    assert Event.objects.count() == 0


# -- The sweep -------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_sweep_promises_one_job_per_due_demand_and_none_twice(clock):
    due, later = world.published_scenario(), world.published_scenario()
    Scenario.objects.filter(pk=later.pk).update(deadline_at=due.deadline_at + timedelta(days=1))
    world.draft_scenario(world.owner(), deadline_at=due.deadline_at)
    clock.freeze(due.deadline_at + JUST_BEFORE)
    assert close_due() == 0
    clock.freeze(due.deadline_at)
    assert close_due() == 1
    assert close_due() == 0
    job = OutboxJob.objects.get()
    assert (job.kind, job.payload) == ("close_scenario", {"scenario_uid": str(due.uid)})
    assert queue.deliver_due() == 1
    job.refresh_from_db()
    assert job.done_at == due.deadline_at
    due.refresh_from_db()
    later.refresh_from_db()
    assert (due.closed_at, later.state) == (due.deadline_at, State.PUBLISHED)
    assert close_due() == 0


@pytest.mark.django_db
def test_a_job_may_run_twice_and_outlive_what_it_was_for(clock):
    scenario = world.published_scenario()
    close_one(scenario_uid=str(scenario.uid), added_later=1)
    close_one(scenario_uid=str(uuid4()))
    clock.freeze(scenario.deadline_at)
    close_one(scenario_uid=str(scenario.uid))
    close_one(scenario_uid=str(scenario.uid))
    assert Event.objects.filter(kind="scenario.closed").count() == 1


@pytest.mark.django_db
def test_without_a_worker_it_is_closed_all_the_same(clock):
    """Open or closed is computed; the sweep only records it, however late."""
    scenario = world.published_scenario()
    clock.freeze(scenario.deadline_at + timedelta(days=3))
    assert queries.is_open(scenario, clock.now()) is False
    close_due()
    queue.deliver_due()
    scenario.refresh_from_db()
    assert scenario.closed_at == clock.now()


def test_two_sweeps_at_once_close_once(two_at_once, clock):
    scenario = world.published_scenario()
    clock.freeze(scenario.deadline_at)

    def sweep():
        close_due()
        return queue.deliver_due()

    results = two_at_once(sweep, sweep)
    queue.deliver_due()
    assert all(isinstance(result, int) for result in results)
    scenario.refresh_from_db()
    assert scenario.closed_at == scenario.deadline_at
    assert Event.objects.filter(kind="scenario.closed").count() == 1
    assert OutboxJob.objects.filter(kind="close_scenario", done_at=None).count() == 0


def test_withdrawal_and_closing_at_once_end_in_one_of_them(two_at_once, clock):
    owner = world.owner()
    scenario = world.published_scenario(owner)
    clock.freeze(scenario.deadline_at)
    results = two_at_once(
        lambda: actions.withdraw_scenario(actor=owner, scenario_uid=scenario.uid, reason=REASON),
        lambda: actions.close_scenario(scenario_uid=scenario.uid),
    )
    assert type(results[0]) in {DeadlinePassed, StateConflict}
    assert results[1].closed_at == scenario.deadline_at


# -- Failure ---------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("state", [s for s in State if State.FAILED in Scenario.MOVES.get(s, ())])
def test_a_failure_is_public_and_its_reason_a_note(state, clock):
    scenario = world.published_scenario(state=state)
    with transaction.atomic():
        failed = actions.record_failure(
            scenario=lock(Scenario, uid=scenario.uid),
            actor=SYSTEM,
            failure="no_bids",
            reason="没有投标。",
        )
    assert (failed.state, failed.failure) == (State.FAILED, "no_bids")
    assert failed.ended_at is not None
    event = Event.objects.get(kind="scenario.failed")
    assert (event.audience, event.from_state) == (Audience.PUBLIC, state)
    assert event.data == {"ref": scenario.ref, "failure": "no_bids"}
    assert ScenarioNote.objects.get().text == "没有投标。"


@pytest.mark.django_db
def test_an_open_demand_does_not_fail():
    scenario = world.published_scenario()
    with pytest.raises(StateConflict), transaction.atomic():
        actions.record_failure(
            scenario=lock(Scenario, uid=scenario.uid), actor=SYSTEM, failure="x", reason="y"
        )
    assert Event.objects.count() == 0
