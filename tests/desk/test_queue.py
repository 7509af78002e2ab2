"""The office's queue: order, stalls on each side of their day, filters, and nothing of bids."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from marketplace.base import clock as real_clock
from marketplace.desk.queue import STAGES, Who, queue
from marketplace.scenarios import actions
from marketplace.scenarios.models import State
from tests import world
from tests.bidding import bids
from tests.scenarios import typed
from tests.scenarios.rounds import asked, opine

pytestmark = pytest.mark.django_db


def browser(actor):
    client = Client()
    client.force_login(actor.user)
    return client


def titles(found):
    return [line.scenario.title for line in found.lines]


def test_the_longest_in_its_stage_comes_first_with_who_has_it(clock):
    clock.freeze(clock.now())
    officer = world.officer()
    old = world.draft_scenario(world.owner(), state=State.DEMONSTRATED, title="旧的")
    clock.move(timedelta(days=1))
    returned = world.draft_scenario(world.owner(), state=State.SUBMITTED, title="退回的")
    actions.return_scenario(actor=officer, scenario_uid=returned.uid, reason="补充")
    clock.move(timedelta(days=1))
    row, people = asked()
    found = queue(officer)
    assert titles(found) == ["旧的", "退回的", row.scenario.title]
    assert [line.who for line in found.lines] == [Who.OFFICE, Who.OWNER, Who.EXPERTS]
    assert [len(line.papers) for line in found.lines] == [5, 0, 5]
    for who in people:
        opine(who, row)
    assert queue(officer).lines[-1].who == Who.OFFICE
    assert titles(queue(officer, who=Who.OWNER)) == ["退回的"]
    assert titles(queue(officer, stage=State.DEMONSTRATED)) == [old.title]


@pytest.mark.parametrize("state", [s for s, stage in STAGES.items() if stage.days is not None])
def test_it_stalls_when_the_days_of_its_stage_are_over(state, clock):
    clock.freeze(clock.now())
    officer = world.officer()
    if state in {State.SUBMITTED, State.DEMONSTRATING, State.RETURNED, State.DEMONSTRATED}:
        world.draft_scenario(world.owner(), state=state)
    else:
        world.published_scenario(state=state)
    [line] = queue(officer).lines
    clock.freeze(line.until_at - timedelta(milliseconds=1))
    assert queue(officer, stalled=True).lines == []
    clock.freeze(line.until_at)
    assert [line.stalled for line in queue(officer, stalled=True).lines] == [True]


def test_a_demand_that_takes_bids_shows_its_deadline_and_nothing_else():
    officer, scenario = world.officer(), world.published_scenario()
    assert queue(officer).lines == []
    [before] = queue(officer, stage=State.PUBLISHED).lines
    bids.bid(scenario)
    [after] = queue(officer, stage=State.PUBLISHED).lines
    assert before == after
    assert (after.until_at, after.stalled, after.who) == (scenario.deadline_at, False, Who.NOBODY)


def test_narrowed_to_a_batch_and_for_the_office_alone():
    officer = world.officer()
    scenario = typed.demonstrated()
    typed.demonstrated()
    soon = real_clock.now() + timedelta(days=5)
    body = {"number": "7", "title": "x", "call_number": "1", "text": "x", "closes_at": soon}
    row = actions.create_batch(actor=officer, data=body)
    actions.call_batch(actor=officer, batch_uid=row.uid)
    actions.take_into_batch(actor=officer, scenario_uid=scenario.uid, batch_uid=row.uid)
    assert [line.scenario for line in queue(officer, batch=7).lines] == [scenario]
    page = browser(officer).get("/desk/queue/?batch=7&stalled=0&stage=x&who=y")
    assert (page.status_code, page.context["count"]) == (200, 1)
    assert browser(world.secretary()).get("/en/desk/queue/").status_code == 200
    for actor in (world.owner(), world.vendor(), world.person("expert")):
        assert browser(actor).get("/desk/queue/").status_code == 403


def test_the_queue_costs_the_same_for_1_and_30(count_queries):
    officer, costs = world.officer(), []
    for many in (1, 29):
        for _ in range(many):
            world.draft_scenario(world.owner(), state=State.DEMONSTRATED)
        with count_queries() as counted:
            queue(officer)
        costs.append(len(counted))
    assert costs[0] == costs[1]
