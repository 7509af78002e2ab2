"""The page of a demonstration, as office, expert, secretary and owner find it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from marketplace.desk.queries import waiting_for
from marketplace.scenarios import actions
from marketplace.scenarios.demonstration.conclusion import QUESTIONS
from marketplace.scenarios.demonstration.models import Demonstration
from marketplace.scenarios.models import State
from tests import world
from tests.scenarios.rounds import asked, expert, opine, through

pytestmark = pytest.mark.django_db
SENT = {"do": "opine", "verdict": "pass", "words": "很好"} | dict.fromkeys(QUESTIONS, "yes")


def browser(actor):
    client = Client()
    client.force_login(actor.user)
    return client


def address(scenario):
    return reverse("scenario-demonstration", args=[scenario.address])


def tasks(actor):
    return [task.url for task in waiting_for(actor)]


def test_from_asking_to_the_conclusion_by_everybody_s_own_page():
    owner, officer, secretary = world.owner(), world.officer(), world.secretary()
    scenario = world.draft_scenario(owner, state=State.DEMONSTRATING)
    people, page_of = [expert() for _ in range(3)], address(scenario)
    assert page_of in tasks(officer)
    sent = {"do": "invite", "experts": [str(p.user.uid) for p in people[:2]]}
    page = browser(officer).post(page_of, sent)
    assert page.status_code == 422
    sent["experts"].append(str(people[2].user.uid))
    assert browser(officer).post(page_of, sent).status_code == 302
    assert page_of not in tasks(officer)
    for person in people:
        assert tasks(person) == [page_of]
        assert browser(person).get(page_of).context["forms"]["opine"] is not None
        page = browser(person).post(page_of, SENT | {"verdict": ""})
        assert page.status_code == 422
        assert "很好" in page.content.decode()
        assert browser(person).post(page_of, SENT).status_code == 302
        assert tasks(person) == []
    assert tasks(secretary) == [page_of]
    assert browser(officer).get(page_of).context["forms"]["conclude"] is None
    # An officer has no such form; the rule refuses what is sent all the same.
    wrong = {"do": "conclude", "outcome": "pass", "opinion": "好"}
    assert browser(officer).post(page_of, wrong).status_code == 403
    assert browser(secretary).post(page_of, wrong).status_code == 302
    scenario.refresh_from_db()
    assert scenario.state == State.DEMONSTRATED
    shown = browser(owner).get(page_of)
    names = [person.user.name for person in people]
    assert len(shown.context["rounds"][0]["opinions"]) == 3
    assert not any(name in shown.content.decode() for name in names)
    assert browser(people[0]).get(page_of).status_code == 404


def test_the_owner_and_strangers_before_it_is_concluded():
    owner = world.owner()
    scenario = world.draft_scenario(owner, state=State.DEMONSTRATING)
    row, people = asked(scenario)
    opine(people[0], row, "revise", words="口径不清")
    page = browser(owner).get(address(scenario))
    assert page.status_code == 200
    assert "口径不清" not in page.content.decode()
    assert people[0].user.name not in page.content.decode()
    other = browser(people[1]).get(address(scenario)).content.decode()
    assert "口径不清" not in other
    assert people[0].user.name not in other
    assert browser(world.vendor()).get(address(scenario)).status_code == 404
    assert browser(expert()).get(address(scenario)).status_code == 404


def test_standing_back_ends_the_reading():
    row, people = asked()
    page = browser(people[0]).post(
        address(row.scenario), {"do": "decline", "reason": "与需求方有合作"}
    )
    assert page.url == reverse("desk")
    assert browser(people[0]).get(address(row.scenario)).status_code == 404


def test_the_next_round_shows_what_changed():
    owner = world.owner()
    scenario = world.draft_scenario(owner, state=State.DEMONSTRATING)
    through(scenario, "revise", "指标偏松。")
    actions.save_draft(
        actor=owner, scenario_uid=scenario.uid, revision=1, data={"need": "更严的要求。"}
    )
    changed = browser(owner).get(address(scenario)).context["changed"]
    assert [(row["before"], row["after"]) for row in changed] == [
        ("需要可测量的检测。", "更严的要求。")
    ]
    actions.submit_scenario(actor=owner, scenario_uid=scenario.uid, revision=2)
    actions.start_demonstration(actor=world.officer(), scenario_uid=scenario.uid)
    row, people = asked(scenario)
    shown = browser(people[0]).get(address(scenario))
    assert [change["after"] for change in shown.context["changed"]] == ["更严的要求。"]
    assert Demonstration.objects.get(pk=row.pk).number == 2


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_page_costs_the_same_for_three_and_five(prefix, count_queries):
    few, _people = asked()
    many, _more = asked(experts=[expert() for _ in range(5)])
    officer, costs = world.officer(), []
    for there in [prefix + address(row.scenario) for row in (few, many)]:
        client = browser(officer)
        client.get(there)
        with count_queries() as counted:
            assert client.get(there).status_code == 200
        costs.append(len(counted))
    assert costs[0] == costs[1]
