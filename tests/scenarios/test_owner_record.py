"""The owner's record: each figure is the list behind it, and nothing of it tells of bids."""

from datetime import timedelta

import pytest
from django.test import Client

from marketplace.base.clock import now as clock_now
from marketplace.ledger import actions as ledger
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.owner_record import FIGURES, days_to_publish, figure, record
from marketplace.scenarios.questions.timing import answer_due
from tests import world
from tests.scenarios.amendments.test_amendments import draft, publish
from tests.scenarios.questions.test_questions import answer, ask, demand
from tests.web.asking import text

pytestmark = pytest.mark.django_db


def figures(owner):
    return {one.name: (one.count, one.of) for one in record(owner.organisation)}


def test_each_figure_counts_its_list(clock):
    owner = world.owner()
    first = world.published_scenario(owner, state=State.FAILED)
    world.published_scenario(owner, state=State.WITHDRAWN)
    world.published_scenario(owner, root=first)
    world.draft_scenario(owner)
    publish(draft(demand(owner), owner))
    world.published_scenario()
    told = figures(owner)
    assert told == {
        "published": (4, None),
        "awarded": (0, None),
        "accepted": (0, None),
        "withdrawn": (1, None),
        "failed": (1, None),
        "relisted": (1, None),
        "amended": (1, None),
        "suspended": (0, None),
        "answered": (0, 0),
        "time": (None, None),
    }
    for name, (count, _of) in told.items():
        if name not in {"answered", "time"}:
            assert FIGURES[name][1](owner.organisation).count() == count


def test_answers_count_once_the_demand_is_closed_and_only_the_owner_s_in_time(clock):
    owner = world.owner()
    scenario = demand(owner)
    clock.freeze(clock.now())
    early, late, silent = (ask(scenario, text=f"问题{n}") for n in range(3))
    answer(scenario, owner, early)
    clock.freeze(answer_due(scenario.profile, late.asked_at))
    answer(scenario, owner, late)
    answer(scenario, world.officer(), silent)
    assert figures(owner)["answered"] == (0, 0)
    Scenario.objects.filter(pk=scenario.pk).update(state=State.CLOSED)
    assert figures(owner)["answered"] == (1, 3)


def test_the_time_to_publish_is_from_the_first_filing(clock):
    owner = world.owner()
    scenario = world.published_scenario(owner)
    clock.freeze(scenario.published_at - timedelta(days=9, hours=1))
    ledger.append("scenario.submitted", actor=owner, subjects=[scenario.uid])
    clock.freeze(scenario.published_at - timedelta(days=3))
    ledger.append("scenario.submitted", actor=owner, subjects=[scenario.uid])
    assert days_to_publish(owner.organisation) == {scenario.pk: 9}
    assert figure(owner.organisation, "time").count == 9


@pytest.mark.parametrize("number", [1, 30])
def test_it_costs_the_same_with_one_and_with_thirty(number, count_queries):
    owner = world.owner()
    for _ in range(number):
        world.published_scenario(owner, state=State.FAILED)
    with count_queries() as made:
        record(owner.organisation)
    assert len(made) == 11


def test_on_the_page_each_figure_opens_its_list():
    owner = world.owner()
    scenario = world.published_scenario(owner, state=State.FAILED)
    address = f"/en/organisations/{owner.organisation.uid}/"
    shown = text(Client().get(address))
    for name in FIGURES:
        assert f"{address}record/{name}/" in shown
        assert Client().get(f"{address}record/{name}/").status_code == 200
    assert scenario.ref in text(Client().get(f"{address}record/failed/"))
    assert scenario.ref not in text(Client().get(f"{address}record/withdrawn/"))
    assert Client().get(f"{address}record/bids/").status_code == 404
    vendor = world.vendor().organisation
    assert Client().get(f"/en/organisations/{vendor.uid}/record/failed/").status_code == 404


def test_what_a_mask_hides_is_in_no_figure_and_on_no_list():
    owner = world.owner()
    named = world.published_scenario(owner, state=State.AWARDED)
    veiled = world.published_scenario(owner, owner_masked=True, owner_mask="某港航企业")
    assert figures(owner)["published"] == (1, None)
    assert figures(owner)["awarded"] == (1, None)
    for actor in (None, owner):
        client = Client()
        if actor:
            client.force_login(actor.user)
        shown = text(client.get(f"/organisations/{owner.organisation.uid}/record/published/"))
        assert (named.ref in shown, veiled.ref in shown) == (True, False)
    Scenario.objects.filter(pk=veiled.pk).update(owner_shown_at=clock_now())
    assert figures(owner)["published"] == (2, None)
