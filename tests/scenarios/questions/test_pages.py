"""The tab of questions and answers, and the same by API."""

import json
from datetime import timedelta

import pytest
from django.test import Client

from marketplace.base import clock as database_clock
from marketplace.base.actor import Role
from marketplace.scenarios.questions.models import Answer, Question
from marketplace.scenarios.questions.timing import answer_due, asked_until
from marketplace.supervision import actions as supervision
from tests import world
from tests.api.client import As
from tests.files.sending import signed_in
from tests.scenarios.questions.test_questions import ASKED, answer, ask, demand, owner_of
from tests.web.asking import text

db = pytestmark = pytest.mark.django_db


def page(scenario):
    return f"/en/scenarios/{scenario.ref}/questions/"


def as_(actor):
    return signed_in(actor)


def test_one_asks_and_the_other_answers_on_the_page():
    owner, vendor = world.owner(), world.vendor(name="示盾安全")
    scenario = demand(owner)
    asking, answering = as_(vendor), as_(owner)
    sent = asking.post(page(scenario), {"do": "ask", "text": ASKED})
    assert (sent.status_code, sent["Location"]) == (302, page(scenario))
    row = Question.objects.get()
    shown = text(asking.get(page(scenario)))
    assert "Receipt of your question" in shown
    assert f"/receipts/{row.receipt.uid}.json" in shown
    for reader in (answering, as_(world.officer())):
        shown = text(reader.get(page(scenario)))
        assert "Asker 1" in shown
        assert "示盾" not in shown
        assert "Receipt of your question" not in shown
    assert ASKED not in text(Client().get(page(scenario)))
    given = {"do": "answer", "questions": [str(row.uid)], "text": "由需求方提供。"}
    assert answering.post(page(scenario), given).status_code == 302
    shown = text(Client().get(page(scenario)))
    assert "由需求方提供。" in shown
    assert ASKED in shown
    assert "示盾" not in shown


def test_what_was_typed_stays_beside_what_is_wrong_with_it():
    scenario, vendor = demand(), world.vendor()
    sent = as_(vendor).post(page(scenario), {"do": "ask", "text": "请回复 a@b.cn"})
    assert sent.status_code == 422
    assert "请回复 a@b.cn" in text(sent)
    assert "it holds an e-mail address" in text(sent)


def test_late_is_said_on_the_page_and_nothing_is_lost(clock):
    scenario, vendor = demand(), world.vendor()
    clock.freeze(asked_until(scenario))
    client = as_(vendor)
    assert "by the published rule" in text(client.get(page(scenario)))
    sent = client.post(page(scenario), {"do": "ask", "text": ASKED})
    assert sent.status_code == 409


def test_the_office_is_offered_the_form_once_the_owner_is_late(clock):
    scenario = demand()
    row = ask(scenario)
    officer = as_(world.officer())
    form = 'name="do" value="answer"'
    assert form not in text(officer.get(page(scenario)))
    clock.freeze(answer_due(scenario.profile, row.asked_at))
    assert form in text(officer.get(page(scenario)))


def test_a_visitor_changes_nothing():
    scenario = demand()
    assert Client().post(page(scenario), {"do": "ask", "text": ASKED}).status_code == 403
    assert Question.objects.count() == 0


def test_before_publication_there_is_no_such_page():
    scenario = world.draft_scenario(owner := world.owner())
    assert as_(owner).get(f"/en/scenarios/{scenario.uid}/questions/").status_code == 404


def test_an_inspector_reads_who_asked_on_a_request_alone():
    scenario, vendor = demand(), world.vendor(name="示盾安全")
    answer(scenario, owner_of(scenario), ask(scenario, vendor))
    inspector = world.person(Role.INSPECTOR)
    client = as_(inspector)
    assert "示盾" not in text(client.get(page(scenario)))
    supervision.request_inspection(
        actor=inspector,
        number="纪检〔2026〕1号",
        reason="投诉核查。",
        scope="scenarios",
        subject_uids=[scenario.uid],
        until_at=database_clock.now() + timedelta(days=7),
    )
    assert "示盾安全" in text(client.get(page(scenario)))


@pytest.mark.parametrize("number", [1, 30])
def test_the_page_costs_the_same_with_one_and_with_thirty(number, count_queries):
    scenario, owner = demand(), None
    owner = owner_of(scenario)
    for n in range(number):
        answer(scenario, owner, ask(scenario, text=f"问题{n}"))
    client = Client()
    client.get(page(scenario))
    with count_queries() as made:
        client.get(page(scenario))
    assert len(made) <= 22


# -- The API ---------------------------------------------------------------------------------------
def test_by_api_one_asks_reads_and_answers():
    owner, vendor = world.owner(), world.vendor(name="示盾安全")
    scenario = demand(owner)
    asking, answering = As(vendor), As(owner)
    asked = asking.post(f"/api/v1/scenarios/{scenario.uid}/questions/", {"text": ASKED})
    assert asked.status_code == 201
    told = asked.json()
    assert (told["number"], told["asker"], told["own"], told["answer"]) == (1, 1, True, None)
    assert asking.get(told["receipt"]).json()["receipt"]["question"] == told["uid"]
    seen = answering.get("/api/v1/questions/").json()["results"]
    assert [(row["uid"], row["own"], row["receipt"]) for row in seen] == [
        (told["uid"], False, None)
    ]
    assert "示盾" not in json.dumps(seen, ensure_ascii=False)
    assert str(vendor.organisation.uid) not in json.dumps(seen)
    assert As(None).get("/api/v1/questions/").json()["results"] == []
    made = answering.post(
        f"/api/v1/scenarios/{scenario.uid}/answers/",
        {"questions": [told["uid"]], "text": "由需求方提供。"},
    )
    assert made.status_code == 201
    row = Answer.objects.get()
    public = As(None).get(f"/api/v1/answers/?scenario={scenario.uid}").json()["results"]
    assert [(one["uid"], one["questions"]) for one in public] == [(str(row.uid), [told["uid"]])]
    shown = As(None).get(f"/api/v1/questions/{told['uid']}/").json()
    assert (shown["answer"], shown["own"], shown["due_at"]) == (str(row.uid), False, None)


def test_the_same_key_asks_once():
    scenario, client = demand(), As(world.vendor())
    address = f"/api/v1/scenarios/{scenario.uid}/questions/"
    answers = [client.post(address, {"text": ASKED}, key="k1") for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json()["uid"] == answers[1].json()["uid"]
    assert Question.objects.count() == 1


def test_what_may_be_done_is_told_as_moves(clock):
    owner, vendor = world.owner(), world.vendor()
    scenario = demand(owner)

    def moves(actor):
        shown = As(actor).get(f"/api/v1/scenarios/{scenario.uid}/").json()
        return {move["name"] for move in shown["actions"]}

    assert "ask_question" in moves(vendor)
    assert "answer_questions" not in moves(owner)
    ask(scenario, vendor)
    assert "answer_questions" in moves(owner)
    clock.freeze(asked_until(scenario) + timedelta(seconds=1))
    assert "ask_question" not in moves(vendor)
    assert "answer_questions" in moves(world.officer())
