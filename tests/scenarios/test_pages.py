"""The pages of a demand, walked with Django's test client, in Chinese and English."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from marketplace.base import clock as real_clock
from marketplace.base.actor import Actor, Role
from marketplace.scenarios import actions, queries
from marketplace.scenarios.models import Scenario, ScenarioNote, State
from marketplace.web.forms.scenarios import PARTS, initial_of
from tests import world
from tests.scenarios import rounds, typed

pytestmark = pytest.mark.django_db
MARKUP = '<script>alert("x")</script><b>粗</b>'


def browser(actor: Actor) -> Client:
    client = Client()
    client.force_login(actor.user)
    return client


def url(name: str, scenario: Scenario) -> str:
    return reverse(name, kwargs={"address": scenario.address})


def posted(scenario: Scenario | None, **changed: Any) -> dict[str, Any]:
    """What a browser sends for this demand, or for an empty form."""
    content = queries.stored_content(scenario) if scenario else queries.Content()
    values, rows = initial_of(content)
    sent: dict[str, Any] = {name: value for name, value in values.items() if value is not False}
    sent = {name: "on" if value is True else value for name, value in sent.items()}
    for part in PARTS:
        sent[f"{part}-TOTAL_FORMS"] = len(rows[part])
        sent[f"{part}-INITIAL_FORMS"] = 0
        for place, row in enumerate(rows[part]):
            for name, value in row.items():
                if value is not False:
                    sent[f"{part}-{place}-{name}"] = "on" if value is True else value
    sent["revision"] = scenario.revision if scenario else 1
    return sent | changed


@pytest.mark.parametrize(
    ("prefix", "words"), [("", "New demand"), ("/en", "New demand")], ids=["zh", "en"]
)
def test_the_empty_form_is_shown_with_its_checklist(prefix, words):
    owner = world.owner()
    page = browser(owner).get(f"{prefix}/scenarios/new/")
    assert page.status_code == 200
    text = page.content.decode()
    with translation.override("en" if prefix else "zh-hans"):
        assert translation.gettext(words) in text
    # In the checklist, and in what is open in its part.
    assert text.count('href="#id_title"') == 2
    assert " style=" not in text
    assert " onclick=" not in text


def test_only_who_may_draft_sees_the_form():
    for actor in (world.vendor(), world.officer(), world.person(Role.EXPERT)):
        assert browser(actor).get("/scenarios/new/").status_code == 403
    assert Client().get("/scenarios/new/").status_code == 302


def test_a_draft_may_be_incomplete_and_opens_for_editing():
    owner = world.owner()
    page = browser(owner).post("/scenarios/new/", {"title": "需求", "do": "save"})
    scenario = Scenario.objects.get()
    assert page.status_code == 302
    assert page.url == f"/scenarios/{scenario.uid}/edit/"
    assert scenario.title == "需求"
    assert scenario.state == State.DRAFT
    assert browser(owner).get(page.url).status_code == 200


def test_every_field_and_row_survives_a_round_through_the_form():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    before = queries.stored_content(scenario)
    page = browser(owner).post(url("scenario-edit", scenario), posted(scenario, do="save"))
    assert page.status_code == 302
    scenario.refresh_from_db()
    after = queries.stored_content(scenario)
    cut = {"microsecond": 0}
    before.values["deadline_at"] = before.values["deadline_at"].replace(**cut)
    assert after == before
    assert scenario.revision == 2


def test_all_faults_stand_beside_their_fields_and_nothing_typed_is_lost():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    bad = {
        "title": "",
        "budget_cny": "一百万",
        "criteria-0-weight": "九十",
        "metrics-1-value": "1e5",
        "payment_nodes-0-percent": "130",
        "deadline_at": "2020-01-01T00:00",
    }
    page = browser(owner).post(url("scenario-edit", scenario), posted(scenario, **bad))
    text = page.content.decode()
    assert page.status_code == 422
    for value in ("一百万", "九十", "1e5", "130", "2020-01-01T00:00"):
        assert f'value="{value}"' in text
    anchors = [name for name in bad if f'<li><a href="#id_{name}">' in text]
    assert anchors == list(bad)
    scenario.refresh_from_db()
    assert scenario.revision == 1


def test_submitting_an_incomplete_demand_lists_everything_at_once():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data={"title": "需求"})
    page = browser(owner).post(url("scenario-edit", scenario), posted(scenario, do="submit"))
    assert page.status_code == 422
    faults = {fault.field for fault in queries.open_faults(scenario, real_clock.now())}
    assert faults >= {"summary", "metrics", "criteria", "payment_nodes", "conditions", "profile"}
    assert page.context["demand"].rows["criteria"].non_form_errors()
    scenario.refresh_from_db()
    assert scenario.state == State.DRAFT


def test_filing_from_the_form_saves_and_files():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    sent = posted(scenario, do="submit", title="改过的标题")
    page = browser(owner).post(url("scenario-edit", scenario), sent)
    scenario.refresh_from_db()
    assert (scenario.title, scenario.state) == ("改过的标题", State.SUBMITTED)
    assert page.url == url("scenario-gate", scenario)
    assert browser(owner).get(page.url).status_code == 200
    assert browser(owner).get(url("scenario-edit", scenario)).url == page.url


def test_without_scripts_a_button_adds_a_row_and_saves_nothing():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    sent = posted(scenario, add="milestones", title="还没保存")
    page = browser(owner).post(url("scenario-edit", scenario), sent)
    assert page.status_code == 200
    assert len(page.context["rows"]["milestones"].forms) == 3
    assert 'value="还没保存"' in page.content.decode()
    scenario.refresh_from_db()
    assert scenario.title == "工控流量异常检测"


def test_removed_and_empty_rows_are_left_out():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    sent = posted(scenario, do="save") | {
        "payment_nodes-0-DELETE": "on",
        "milestones-0-name": " ",
        "milestones-0-month": "",
    }
    assert browser(owner).post(url("scenario-edit", scenario), sent).status_code == 302
    assert [row.name for row in scenario.payment_nodes.order_by("position")] == ["中期", "验收"]
    assert [row.name for row in scenario.milestones.all()] == ["验收"]


def test_a_stale_form_shows_what_changed_and_may_then_be_saved():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    client = browser(owner)
    seen = client.get(url("scenario-edit", scenario)).context["seen"]
    other = typed.data(deadline_at=scenario.deadline_at, pain="别人改的痛点")
    other["milestones"] = [{"name": "别人的里程碑", "month": "9"}]
    actions.save_draft(actor=owner, scenario_uid=scenario.uid, revision=1, data=other)
    sent = posted(scenario, do="save", title="我的标题", seen=seen, revision=1)
    sent["pain"] = "我的痛点"
    page = client.post(url("scenario-edit", scenario), sent)
    assert page.status_code == 409
    told = {str(change["label"]): change for change in page.context["changes"]}
    assert len(told) == 2
    assert {change["theirs"] for change in told.values()} == {
        "别人改的痛点",
        "别人的里程碑 · 9",
    }
    text = page.content.decode()
    assert 'value="我的标题"' in text
    again = sent | {"revision": page.context["revision"], "seen": page.context["seen"]}
    assert client.post(url("scenario-edit", scenario), again).status_code == 302
    scenario.refresh_from_db()
    assert (scenario.title, scenario.pain, scenario.revision) == ("我的标题", "我的痛点", 3)


def test_markup_is_shown_as_text_everywhere():
    owner, officer = world.owner(), world.officer()
    data = typed.data(title=MARKUP, summary=MARKUP, need=MARKUP, pain=MARKUP)
    data["metrics"][0] |= {"name": MARKUP, "test_method": MARKUP}
    data["conditions"] = [{"text": MARKUP}]
    scenario = actions.create_draft(actor=owner, data=data)
    pages = [browser(owner).get(url("scenario-edit", scenario))]
    actions.submit_scenario(actor=owner, scenario_uid=scenario.uid, revision=1)
    actions.start_demonstration(actor=officer, scenario_uid=scenario.uid)
    rounds.through(scenario, opinion=MARKUP)
    pages += [browser(officer).get(url(f"scenario-{n}", scenario)) for n in ("gate", "publish")]
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.content.decode()
        assert "&lt;script&gt;alert" in page.content.decode()


def test_the_live_checklist_judges_what_stands_in_the_form_and_keeps_nothing():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    client = browser(owner)
    page = client.post(reverse("scenario-check"), posted(scenario))
    assert page.context["checklist"] == []
    sent = posted(scenario) | {"criteria-0-weight": "60"}
    page = client.post(reverse("scenario-check"), sent)
    assert [item["anchor"] for item in page.context["checklist"]] == ["part-criteria"]
    assert Scenario.objects.get().revision == 1
    assert client.get(reverse("scenario-check")).status_code == 405


def test_the_gate_walks_step_by_step_and_keeps_words_when_refused():
    owner, officer = world.owner(), world.officer()
    scenario = world.draft_scenario(owner, state=State.SUBMITTED)
    client = browser(officer)
    gate = url("scenario-gate", scenario)
    assert client.post(gate, {"step": "start"}).status_code == 302
    page = client.post(gate, {"step": "return", "words": " "})
    assert page.status_code == 422
    assert str(page.context["form"].errors["words"][0])
    page = client.post(gate, {"step": "start", "words": "写了很久的意见"})
    assert page.status_code == 409
    assert "写了很久的意见" in page.content.decode()
    assert client.post(gate, {"words": "无步骤"}).status_code == 422
    assert client.post(gate, {"step": "conclude", "words": "真实可测"}).status_code == 422
    rounds.through(scenario, opinion="真实可测")
    scenario.refresh_from_db()
    assert scenario.state == State.DEMONSTRATED
    assert ScenarioNote.objects.get().text == "真实可测"
    assert client.post(gate, {"step": "return", "words": "请补充"}).status_code == 302
    assert "请补充" in browser(owner).get(url("scenario-edit", scenario)).content.decode()


def test_the_gate_is_for_the_office_and_the_owner():
    owner = world.owner()
    scenario = world.draft_scenario(owner, state=State.SUBMITTED)
    gate = url("scenario-gate", scenario)
    assert browser(world.vendor()).get(gate).status_code == 404
    assert browser(owner).get(gate).status_code == 200
    assert browser(owner).post(gate, {"step": "start"}).status_code == 403
    page = browser(world.secretary()).get(gate)
    assert page.status_code == 200
    assert page.context["may"] is False


def test_publication_asks_for_everything_and_is_not_done_by_accident():
    scenario = typed.demonstrated()
    officer, people = world.officer(), typed.holders()
    client, address = browser(officer), url("scenario-publish", scenario)
    assert client.get(address).context["earliest_at"] > real_clock.now() + timedelta(days=9)
    sent = {"key_holders": [str(uid) for uid in people], "deadline_at": ""}
    page = client.post(address, sent)
    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["sure"]
    soon = f"{real_clock.now() + timedelta(days=2):%Y-%m-%dT%H:%M}"
    page = client.post(address, {"key_holders": ["no-uid"], "deadline_at": soon, "sure": "on"})
    assert page.status_code == 422
    assert set(page.context["form"].errors) == {"deadline_at", "key_holders"}
    page = client.post(address, sent | {"sure": "on"})
    scenario.refresh_from_db()
    assert page.url == url("scenario", scenario)
    assert scenario.state == State.PUBLISHED


def test_the_author_and_the_owner_never_see_the_publish_page():
    owner = world.owner()
    scenario = typed.demonstrated(owner)
    assert browser(owner).get(url("scenario-publish", scenario)).status_code == 403
    assert browser(world.vendor()).get(url("scenario-publish", scenario)).status_code == 404


def test_withdrawal_asks_why_and_is_over_with_the_deadline(clock):
    owner = world.owner()
    scenario = world.published_scenario(owner)
    client, address = browser(owner), url("scenario-withdraw", scenario)
    assert client.get(address).status_code == 200
    assert client.get(f"/scenarios/{scenario.uid}/withdraw/").url == address
    assert client.post(address, {"reason": ""}).status_code == 422
    clock.freeze(scenario.deadline_at)
    page = client.post(address, {"reason": "资金取消"})
    assert page.status_code == 409
    assert page.context["refusal"].code == "deadline.passed"
    clock.freeze(scenario.deadline_at - timedelta(milliseconds=1))
    assert client.post(address, {"reason": "资金取消"}).url == url("scenario", scenario)
    assert browser(world.vendor()).get(address).status_code == 403


def test_a_draft_is_deleted_from_its_page():
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    page = browser(owner).post(url("scenario-edit", scenario), {"do": "delete"})
    assert page.url == reverse("board")
    assert Scenario.objects.count() == 0


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_renders_in_both_languages_within_its_queries(language, assert_max_queries):
    owner, officer = world.owner(), world.officer()
    draft = actions.create_draft(actor=owner, data=typed.data())
    waiting, posted_one = typed.demonstrated(owner), world.published_scenario(owner)
    with translation.override(language):
        visits = [
            (owner, url("scenario-edit", draft)),
            (officer, url("scenario-gate", waiting)),
            (officer, url("scenario-publish", waiting)),
            (owner, url("scenario-withdraw", posted_one)),
        ]
    for actor, address in visits:
        client = browser(actor)
        with assert_max_queries(32):
            page = client.get(address)
        assert page.status_code == 200
        assert f'lang="{"en" if language == "en" else "zh-Hans"}"' in page.content.decode()


@pytest.mark.parametrize("total", ["x", "-1", "9" * 5000, "1000000"])
def test_a_forged_count_of_rows_is_survived(total):
    sent = {"title": "需求", "metrics-TOTAL_FORMS": total, "seen": "[1", "revision": "9" * 99}
    owner = world.owner()
    assert browser(owner).post("/scenarios/new/", sent).status_code == 302
    scenario = Scenario.objects.get()
    assert browser(owner).post(url("scenario-edit", scenario), sent).status_code == 409
