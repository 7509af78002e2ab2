"""Watching: one's own, told to nobody; and what those who watch are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client

from marketplace.base import clock as base_clock
from marketplace.base.actor import SYSTEM, VISITOR, Role
from marketplace.base.errors import NotAllowed, NotFound
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Event
from marketplace.notices.models import Notice
from marketplace.notices.queries import lines
from marketplace.notices.reminders import send_due
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.watching import actions
from marketplace.scenarios.watching.actions import WatchLimit, unwatch_scenario, watch_scenario
from marketplace.scenarios.watching.models import Watch
from marketplace.scenarios.watching.notices import TOLD
from marketplace.scenarios.watching.queries import watched, watched_among
from tests import world
from tests.api.client import As
from tests.files.sending import signed_in
from tests.notices.steps import deliver, happen, ids, told
from tests.scenarios.questions.test_questions import answer, ask, demand, owner_of
from tests.web.asking import text

pytestmark = pytest.mark.django_db


def watching(scenario, *actors):
    for actor in actors:
        watch_scenario(actor=actor, scenario_uid=scenario.uid)


# -- Who, when, twice, what it leaves behind ---------------------------------------------------------
@pytest.mark.parametrize("state", [State.PUBLISHED, State.CLOSED, State.WITHDRAWN, State.FAILED])
def test_what_is_posted_may_be_watched_whatever_became_of_it(state):
    scenario, vendor = world.published_scenario(state=state), world.vendor()
    events = Event.objects.count()
    watching(scenario, vendor, vendor)
    assert list(Watch.objects.values_list("user", "scenario")) == [(vendor.user.pk, scenario.pk)]
    unwatch_scenario(actor=vendor, scenario_uid=scenario.uid)
    unwatch_scenario(actor=vendor, scenario_uid=scenario.uid)
    assert Watch.objects.count() == 0
    assert Event.objects.count() == events  # nothing stays behind that would tell of it


def test_before_publication_there_is_nothing_to_watch_not_even_for_its_owner():
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    for actor in (owner, world.vendor(), VISITOR):
        with pytest.raises(NotFound):
            watch_scenario(actor=actor, scenario_uid=scenario.uid)


def test_visitors_and_inspectors_watch_nothing():
    scenario = world.published_scenario()
    for actor in (VISITOR, world.person(Role.INSPECTOR)):
        with pytest.raises(NotAllowed):
            watch_scenario(actor=actor, scenario_uid=scenario.uid)


def test_the_limit_of_a_person(monkeypatch):
    monkeypatch.setattr(actions, "WATCHED_MOST", 1)
    scenario, other, vendor = world.published_scenario(), world.published_scenario(), world.vendor()
    watching(scenario, vendor, vendor)
    with pytest.raises(WatchLimit):
        watch_scenario(actor=vendor, scenario_uid=other.uid)
    unwatch_scenario(actor=vendor, scenario_uid=scenario.uid)
    watching(other, vendor)


def test_nobody_else_sees_it_under_any_hat():
    owner, vendor = world.owner(), world.vendor()
    scenario = world.published_scenario(owner)
    watching(scenario, vendor)
    colleague = world.member(vendor.organisation, Role.EDITOR)
    others = [owner, colleague, world.officer(), world.person(Role.INSPECTOR), VISITOR]
    assert [list(watched(actor)) for actor in others] == [[], [], [], [], []]
    assert [row.scenario for row in watched(vendor)] == [scenario]
    assert watched_among(vendor, [scenario.pk]) == {scenario.pk}
    assert watched_among(owner, [scenario.pk]) == set()
    # Nothing on its page, nor in the API, depends on whether somebody watches.
    before = text(signed_in(owner).get(f"/en/scenarios/{scenario.ref}/")).count("Watch")
    unwatch_scenario(actor=vendor, scenario_uid=scenario.uid)
    assert text(signed_in(owner).get(f"/en/scenarios/{scenario.ref}/")).count("Watch") == before


# -- What is told ----------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", TOLD)
def test_each_turn_is_told_to_those_who_watch(kind):
    scenario, vendor, other = world.published_scenario(), world.vendor(), world.vendor()
    watching(scenario, vendor)
    happen(kind, scenario)
    deliver()
    name = f"watched.{kind.split('.')[1]}"
    assert told(name) == ids(vendor)
    happen(kind, scenario)
    unwatch_scenario(actor=vendor, scenario_uid=scenario.uid)
    watching(scenario, other)
    deliver()  # who had stopped when it was delivered hears no more
    assert Notice.objects.filter(kind=name, user=vendor.user).count() == 1
    assert told(name) == ids(vendor, other)


def test_whom_it_concerns_anyway_is_told_once():
    owner = world.owner()
    scenario = world.published_scenario(owner)
    watching(scenario, owner)
    happen("scenario.failed", scenario)
    deliver()
    assert list(Notice.objects.filter(user=owner.user).values_list("kind", flat=True)) == [
        "scenario.failed"
    ]


def test_an_answer_to_all_is_told_and_one_told_to_its_asker_is_told_once():
    scenario, asker, vendor = demand(), world.vendor(), world.vendor()
    watching(scenario, asker, vendor)
    answer(scenario, owner_of(scenario), ask(scenario, asker))
    deliver()
    assert told("watched.answered") == ids(vendor)
    assert told("question.answered") == ids(asker)


def test_a_new_round_is_told_once_it_is_posted_not_while_it_is_drafted():
    owner, vendor, other = world.owner(), world.vendor(), world.vendor()
    root = world.published_scenario(owner, state=State.FAILED)
    second = world.published_scenario(owner, root=root, state=State.FAILED)
    watching(root, vendor)
    watching(second, other)
    draft = world.draft_scenario(owner, root=root)
    deliver()
    assert told("watched.relisted") == set()
    third = world.published_scenario(owner, root=root)
    happen("scenario.published", third)
    deliver()
    assert told("watched.relisted") == ids(vendor, other)
    happen("scenario.published", world.published_scenario(owner))
    deliver()
    assert told("watched.relisted") == ids(vendor, other)
    assert draft.state == State.DRAFT


def test_who_may_no_longer_read_the_demand_is_told_nothing():
    scenario, vendor = world.published_scenario(), world.vendor()
    watching(scenario, vendor)
    with transaction.atomic():
        ledger.append("scenario.suspended", actor=SYSTEM, subjects=[scenario.uid])
    deliver()
    Scenario.objects.filter(pk=scenario.pk).update(state=State.DEMONSTRATED)
    happen("scenario.resumed", scenario)
    deliver()
    assert told("watched.resumed") == set()
    assert list(watched(vendor)) == []
    assert [line.withdrawn for line in lines(vendor.user, Notice.objects.all())] == [True]


def test_three_days_before_the_end_by_day_once(clock):
    start = base_clock.day_starts_at(base_clock.today()) + timedelta(hours=10)
    clock.freeze(start)
    end = start + timedelta(days=10)
    scenario, early, late = (
        world.published_scenario(deadline_at=end),
        world.vendor(),
        world.vendor(),
    )
    watching(scenario, early)
    clock.freeze(end - timedelta(days=3, minutes=1))
    send_due()
    assert told("reminder.watched") == set()
    clock.freeze(end - timedelta(days=3))
    send_due()
    send_due()
    assert told("reminder.watched") == ids(early)
    clock.freeze(end - timedelta(days=2))
    watching(scenario, late)  # has just read the date
    send_due()
    assert told("reminder.watched") == ids(early)
    [line] = lines(early.user, Notice.objects.filter(kind="reminder.watched"))
    assert line.still
    unwatch_scenario(actor=early, scenario_uid=scenario.uid)
    [line] = lines(early.user, Notice.objects.filter(kind="reminder.watched"))
    assert not line.still  # so no mail goes out any more


# -- Pages and API ---------------------------------------------------------------------------------
def test_the_button_works_with_and_without_a_script():
    scenario, vendor = world.published_scenario(), world.vendor()
    client, address = signed_in(vendor), f"/en/scenarios/{scenario.ref}/"
    assert 'value="watch"' in text(client.get(address))
    sent = client.post(f"{address}watch/", {"do": "watch", "next": "/en/?sort=new"})
    assert (sent.status_code, sent["Location"]) == (302, "/en/?sort=new")
    assert 'value="unwatch"' in text(client.get("/en/"))
    shown = text(client.get("/en/desk/watched/"))
    assert scenario.ref in shown
    part = client.post(f"{address}watch/", {"do": "unwatch"}, headers={"HX-Request": "true"})
    assert part.status_code == 200
    assert 'value="watch"' in text(part)
    assert "<html" not in text(part)
    assert "You watch no demand yet" in text(client.get("/en/desk/watched/"))
    elsewhere = client.post(f"{address}watch/", {"do": "watch", "next": "https://evil.invalid/"})
    assert elsewhere["Location"] == address


def test_a_visitor_is_asked_to_sign_in_and_sees_no_button():
    scenario = world.published_scenario()
    address = f"/en/scenarios/{scenario.ref}/"
    assert "jb-watch" not in text(Client().get("/en/"))
    sent = Client().post(f"{address}watch/", {"do": "watch"})
    assert sent.status_code == 302
    assert "login" in sent["Location"]
    assert Watch.objects.count() == 0


def test_the_same_by_api():
    scenario, vendor = world.published_scenario(), world.vendor()
    api, path = As(vendor), f"scenarios/{scenario.uid}/watch/"
    first, second = api.send("put", path), api.send("put", path)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    [row] = api.get("watched/").json()["results"]
    assert row["scenario"]["uid"] == str(scenario.uid)
    assert [move["name"] for move in row["actions"]] == ["unwatch_scenario"]
    assert As(world.officer()).get("watched/").json()["results"] == []
    assert [api.send("delete", path).status_code for _ in range(2)] == [204, 204]
    assert api.get("watched/").json()["results"] == []
    assert As().send("put", path).status_code == 401


@pytest.mark.parametrize("path", ["/en/desk/watched/", "/en/", "/api/v1/watched/"])
def test_lists_cost_the_same_with_one_and_with_thirty(path, count_queries):
    owner, vendor = world.owner(), world.vendor()
    client, seen = signed_in(vendor), []
    for number in (1, 29):
        for _ in range(number):
            watching(world.published_scenario(owner), vendor)
        client.get(path)
        with count_queries() as queries:
            assert client.get(path).status_code == 200
        seen.append(len(queries))
    assert seen[0] == seen[1]
