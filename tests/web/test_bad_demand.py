"""What is wrong in a demand, and in the words of the office, is told beside the field."""

from __future__ import annotations

import pytest

from marketplace.scenarios.models import State
from tests import world
from tests.scenarios.rounds import asked, opine
from tests.scenarios.test_pages import posted
from tests.web.asking import browser, faults, url

pytestmark = pytest.mark.django_db


# -- A demand --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"criteria-0-weight": "64"}, "criteria", "99"),
        ({"criteria-0-weight": "65.01"}, "criteria", "100.01"),
        ({"payment_nodes-1-percent": "39"}, "payment_nodes", "99"),
    ],
)
def test_sums_that_are_not_100_are_named(draft, changed, field, sentence):
    client, scenario, address = draft
    page = client.post(address, posted(scenario, do="submit", **changed))
    assert page.status_code == 422
    said = page.context["demand"].rows[field].non_form_errors()
    assert any(sentence in str(one) for one in said), said
    scenario.refresh_from_db()
    assert (scenario.state, scenario.revision) == (State.DRAFT, 1)


@pytest.mark.parametrize(
    "amount",
    ["-1", "0", "10000000000.01", "1e9", "NaN", "Infinity", "12.345", "1,23", "9" * 400, "一百万"],
)
def test_absurd_budgets_are_refused_beside_the_field(draft, amount):
    client, scenario, address = draft
    page = client.post(address, posted(scenario, do="save", budget_cny=amount))
    assert page.status_code == 422
    assert len(faults(page, "budget_cny")) == 1
    assert f'value="{amount}"' in page.content.decode()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"deadline_at": "2020-01-01T09:00"}, "deadline_at"),
        ({"deadline_at": "2026-02-30T09:00"}, "deadline_at"),
        ({"deadline_at": "9999-12-31T23:59"}, "deadline_at"),
        ({"deadline_at": "0001-01-01T00:00"}, "deadline_at"),
        ({"milestones-1-month": "10"}, "milestones-1-month"),
        ({"milestones-0-month": "9", "milestones-1-month": "3"}, "milestones-1-month"),
        ({"duration_months": "2"}, "milestones-0-month"),
    ],
)
def test_dates_that_contradict_are_refused(draft, changed, field):
    client, scenario, address = draft
    page = client.post(address, posted(scenario, do="submit", **changed))
    assert page.status_code == 422
    part, _dash, rest = field.partition("-")
    if rest:
        place, name = rest.split("-")
        assert page.context["demand"].rows[part].forms[int(place)].errors[name]
    else:
        assert faults(page, field)


def test_full_width_figures_are_read(draft):
    client, scenario, address = draft
    changed = {
        "budget_cny": "２，６００，０００．５０",
        "duration_months": "１０",
        "criteria-0-weight": "６５",
        "metrics-0-value": "９８．５",
    }
    assert client.post(address, posted(scenario, do="save", **changed)).status_code == 302
    scenario.refresh_from_db()
    assert (str(scenario.budget_cny), scenario.duration_months) == ("2600000.50", 10)
    assert scenario.metrics.get(code="M1").value == pytest.approx(98.5)


@pytest.mark.parametrize(
    ("name", "most"), [("title", 120), ("summary", 1000), ("need", 10_000), ("contact", 200)]
)
def test_long_texts_of_a_demand_are_refused_with_their_limit(draft, name, most):
    client, scenario, address = draft
    assert client.post(address, posted(scenario, **{name: "长" * most})).status_code == 302
    scenario.refresh_from_db()
    page = client.post(address, posted(scenario, **{name: "长" * (most + 1)}))
    assert page.status_code == 422
    assert [str(most) in said and str(most + 1) in said for said in faults(page, name)] == [True]


def test_what_the_form_does_not_know_is_ignored(draft):
    client, scenario, address = draft
    sent = posted(scenario, do="save", state="awarded", ref="LG-2026-9999", organisation="1")
    assert client.post(address, sent | {"metrics-0-scenario": "7"}).status_code == 302
    scenario.refresh_from_db()
    assert (scenario.state, scenario.ref, scenario.revision) == (State.DRAFT, None, 2)


def test_a_stale_demand_names_what_changed(draft):
    client, scenario, address = draft
    assert client.post(address, posted(scenario)).status_code == 302
    scenario.refresh_from_db()
    seen = client.get(address).context["seen"]
    assert client.post(address, posted(scenario, contact="别人 021-1")).status_code == 302
    page = client.post(address, posted(scenario, title="我的", seen=seen))
    assert page.status_code == 409
    assert [change["theirs"] for change in page.context["changes"]] == ["别人 021-1"]
    assert 'value="我的"' in page.content.decode()


# -- The gate --------------------------------------------------------------------------------------
@pytest.mark.parametrize("step", ["return", "reject"])
def test_words_of_the_office_have_a_limit_and_must_be_there(step):
    scenario = world.draft_scenario(world.owner(), state=State.DEMONSTRATING)
    client, address = browser(world.officer()), url("scenario-gate", scenario)
    for words, expected in (("", ""), ("长" * 4001, "4000"), ("a\x00b", "")):
        page = client.post(address, {"step": step, "words": words})
        assert page.status_code == 422
        assert expected in faults(page, "words")[0]
    assert client.post(address, {"step": "publish", "words": "好"}).status_code == 422
    scenario.refresh_from_db()
    assert scenario.state == State.DEMONSTRATING


def test_words_of_the_conclusion_have_a_limit_and_must_be_there():
    row, people = asked()
    for actor in people:
        opine(actor, row)
    client, address = browser(world.secretary()), url("scenario-demonstration", row.scenario)
    for words, expected in (("", ""), ("长" * 4001, "4000"), ("a\x00b", "")):
        page = client.post(address, {"do": "conclude", "outcome": "pass", "opinion": words})
        assert page.status_code == 422
        assert expected in page.context["forms"]["conclude"].errors["opinion"][0]
    row.scenario.refresh_from_db()
    assert row.scenario.state == State.DEMONSTRATING
