"""A demand begins from a template, from one of the owner's own, or from a file."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from marketplace.base import clock
from marketplace.scenarios import actions, checks, queries
from marketplace.scenarios.content import read
from marketplace.scenarios.drafting.starting import templates
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.queries import known_codes
from tests import world
from tests.scenarios import typed
from tests.scenarios.drafting import made
from tests.web.asking import browser, url

pytestmark = pytest.mark.django_db

VALUES = {
    "title": "名单隐私求交",
    "summary": "两方比对。",
    "domain": "数据合规",
    "technologies": "多方安全计算、数据流通安全",
    "budget_cny": "2800000",
    "consortium_allowed": "是",
    "consortium_members_max": "3",
    "duration_months": "十个月",
    "area": "月球",
}
ROWS = {
    "metrics": [
        {"name": "召回率", "operator": "≥", "value": "99.5", "unit": "%", "critical": "是"},
        {"name": "用时", "operator": "≤", "value": "很快", "unit": "min"},
    ],
    "criteria": [{"name": "方案", "kind": "technical", "weight": "85", "levels": "100 实测"}],
}


def upload(client: Any, address: str, raw: bytes, name: str = "x.docx") -> Any:
    return client.post(address, {"file": SimpleUploadedFile(name, raw)})


def hidden(page: Any) -> dict[str, Any]:
    """What the button of the preview sends."""
    sent: dict[str, Any] = {}
    text = page.content.decode()
    for name, value in re.findall(
        r'<textarea hidden name="(.*?)">\n(.*?)</textarea>', text, re.DOTALL
    ):
        sent.setdefault(name, []).append(unescape(value))
    return sent | {"revision": page.context["revision"], "seen": page.context["seen"], "do": "save"}


def test_there_are_eight_templates_without_what_must_be_new():
    assert len(templates()) == 8
    for template in templates().values():
        content, faults = read(template.data, base={}, known=known_codes(), now=clock.now())
        assert faults == []
        assert {"deadline_at", "contact", "budget_cny"} & set(content.values) == set()
        profile = queries.newest_profile("A")
        open_ones = checks.faults(content, profile=profile, now=clock.now(), demo=True)
        assert {one.field for one in open_ones} == {
            "contact",
            "area",
            "funding",
            "budget_cny",
            "duration_months",
        }


def test_a_template_fills_the_form_and_stores_nothing():
    owner = world.owner()
    page = browser(owner).get(reverse("scenario-new") + "?template=sbom")
    assert page.status_code == 200
    assert "组件识别召回率" in page.content.decode()
    assert Scenario.objects.count() == 0
    assert browser(owner).get(reverse("scenario-new") + "?template=none").status_code == 404


def test_a_clone_takes_all_but_what_must_be_new_and_only_from_ones_own():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    page = browser(owner).get(reverse("scenario-new") + f"?from={scenario.uid}")
    initial = page.context["form"].initial
    assert initial["title"] == scenario.title
    assert "deadline_at" not in initial
    assert "contact" not in initial
    stranger = browser(world.owner())
    assert stranger.get(reverse("scenario-new") + f"?from={scenario.uid}").status_code == 404
    assert stranger.get(reverse("scenario-new") + "?from=x").status_code == 404
    own = browser(owner).get(reverse("scenario-start")).context["own"]
    assert [one.uid for one in own] == [scenario.uid]
    assert len(stranger.get(reverse("scenario-start")).context["own"]) == 0


@pytest.mark.parametrize(
    ("kind", "fill"), [("docx", made.filled_word), ("xlsx", made.filled_excel)]
)
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_form_comes_back_as_a_draft(kind, fill, prefix):
    client = browser(world.owner())
    form = client.get(f"{prefix}/scenarios/import/form.{kind}")
    assert form.status_code == 200
    page = upload(client, reverse("scenario-import"), fill(form.content, VALUES, ROWS), kind)
    assert page.status_code == 200
    told = {line["label"]: bool(line["why"]) for line in page.context["lines"]}
    assert sum(told.values()) == 3
    assert Scenario.objects.count() == 0
    assert client.post(page.context["action"], hidden(page)).status_code == 302
    scenario = Scenario.objects.get()
    content = queries.stored_content(scenario)
    assert content.values["title"] == "名单隐私求交"
    assert content.values["domain"] == "data_compliance"
    assert content.values["technologies"] == ["mpc", "data_flow"]
    assert (content.values["consortium_allowed"], content.values["consortium_members_max"]) == (
        True,
        3,
    )
    assert content.values["duration_months"] is None
    assert [(row["name"], row["critical"]) for row in content.rows["metrics"]] == [("召回率", True)]
    assert content.rows["criteria"][0]["levels"] == [{"points_percent": "100", "text": "实测"}]


def test_a_file_goes_into_a_draft_and_leaves_the_rest_and_the_revision_counts():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    client = browser(owner)
    form = client.get(reverse("scenario-form-file", args=["docx"])).content
    raw = made.filled_word(form, {"title": "新名"}, {})
    page = upload(client, url("scenario-import-into", scenario), raw)
    before = queries.stored_content(scenario)
    sent = hidden(page)
    assert client.post(page.context["action"], sent).status_code == 302
    scenario.refresh_from_db()
    after = queries.stored_content(scenario)
    assert after.values["title"] == "新名"
    assert after.rows == before.rows
    assert after.values["contact"] == before.values["contact"]
    assert client.post(page.context["action"], sent).status_code == 409


@pytest.mark.parametrize("name", ["formula", "macros", "bomb", "outside entity", "old or locked"])
def test_a_bad_file_is_answered_with_a_sentence(name):
    page = upload(browser(world.owner()), reverse("scenario-import"), made.bad_files()[name][0])
    assert page.status_code == 422
    assert page.context["wrong"] in unescape(page.content.decode())
    assert Scenario.objects.count() == 0


def test_nothing_sent_and_nothing_of_the_form_are_told():
    client = browser(world.owner())
    assert client.post(reverse("scenario-import"), {}).status_code == 422
    raw = made.word(made.EMPTY_WORD.format("").replace("[title]", "x"))
    assert upload(client, reverse("scenario-import"), raw).status_code == 422


def test_only_who_may_draft_begins_and_only_a_draft_is_filled():
    for name in ("scenario-start", "scenario-import"):
        assert browser(world.vendor()).get(reverse(name)).status_code == 403
    owner = world.owner()
    filed = world.draft_scenario(owner, state=State.SUBMITTED)
    assert browser(owner).get(url("scenario-import-into", filed)).status_code == 302
    assert browser(world.owner()).get(url("scenario-import-into", filed)).status_code == 404


def test_markup_in_a_file_is_shown_as_text():
    client = browser(world.owner())
    form = client.get(reverse("scenario-form-file", args=["docx"])).content
    raw = made.filled_word(form, {"title": "</textarea><script>alert(1)</script>"}, {})
    text = upload(client, reverse("scenario-import"), raw).content.decode()
    assert "<script>alert" not in text
    assert "&lt;/textarea&gt;" in text


def test_the_preview_speaks_its_reader_s_language():
    client = browser(world.owner())
    form = client.get("/en/scenarios/import/form.docx").content
    page = upload(client, "/en/scenarios/import/", made.filled_word(form, VALUES, ROWS))
    said = {line["label"]: line["value"] for line in page.context["lines"]}
    assert said["Domain"] == str(world.term("domain", "data_compliance").name_en)
    assert said["Area"] == "月球"
    assert [text for text in said.values() if text in {"on", "data_compliance"}] == []
