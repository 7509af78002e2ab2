"""Meter, missing parts and notes on the page, beside the form and at the gate."""

from __future__ import annotations

import pytest
from django.urls import reverse

from marketplace.scenarios import actions
from marketplace.scenarios.content import ROWS
from marketplace.scenarios.drafting.names import bidders_named, called
from marketplace.scenarios.drafting.notes import field_notes
from marketplace.scenarios.models import State
from marketplace.web.forms.scenarios import PARTS, DemandForm
from tests import world
from tests.scenarios import typed
from tests.scenarios.test_pages import posted
from tests.web.asking import browser, url

pytestmark = pytest.mark.django_db


def test_every_field_has_help_and_an_example_in_both_languages():
    fields = [*DemandForm.base_fields]
    fields += [f"{part}.{name}" for part in PARTS for name in ROWS[part]]
    assert sorted(field_notes()) == sorted(fields)
    for note in field_notes().values():
        assert all([note.help_zh, note.help_en, note.example_zh, note.example_en])


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("上海示盾科技股份有限公司", "示盾科技"),
        ("示盾安全（虚构）", "示盾安全"),
        ("Demo-Shield Co. Ltd.", "Demo-Shield"),
    ],
)
def test_companies_are_known_by_what_people_call_them(name, short):
    assert called(name) == short


def test_bidders_are_found_in_a_text_by_one_query(django_assert_num_queries):
    vendor = world.vendor()
    vendor.organisation.name = "上海示盾科技股份有限公司"
    vendor.organisation.name_en = "Demo-Shield"
    vendor.organisation.save()
    with django_assert_num_queries(1):
        assert bidders_named("需采用示盾科技的探针", without=None) == ["示盾科技"]
    assert bidders_named("a DEMO-SHIELD box", without=None) == ["Demo-Shield"]
    assert bidders_named("需采用示盾科技", without=vendor.organisation_id) == []
    assert bidders_named("", without=None) == []


def test_the_meter_stands_beside_the_form_and_follows_what_is_typed():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    client = browser(owner)
    page = client.get(url("scenario-edit", scenario))
    score = page.context["meter"]["score"]
    sent = posted(scenario, **{"metrics-0-tester": "揭榜方"})
    checked = client.post(reverse("scenario-check"), sent)
    assert checked.context["meter"]["score"] < score
    text = checked.content.decode()
    assert 'id="meter"' in text
    assert text.count("hx-swap-oob") == 6
    assert 'href="#id_metrics-0-tester"' in text


def test_each_part_says_what_is_missing_in_it():
    owner = world.owner()
    page = browser(owner).get(reverse("scenario-new"))
    missing = {part["section"]: len(part["items"]) for part in page.context["missing"]}
    assert list(missing) == ["what", "metrics", "judging", "money", "bidders"]
    assert sum(missing.values()) == len(page.context["checklist"])
    assert all(missing.values())


def test_the_gate_sees_the_meter_and_its_sentences_are_no_links_there():
    scenario = world.draft_scenario(world.owner(), state=State.SUBMITTED)
    page = browser(world.officer()).get(url("scenario-gate", scenario))
    assert page.context["meter"]["rule"] == "quality/2"
    assert 'href="#id_' not in page.content.decode().partition('id="meter"')[2]


def test_a_paste_of_100_000_signs_is_measured_refused_and_kept():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    pasted = "<b>采用某品牌</b>" * 10_000
    sent = posted(scenario, need=pasted)
    client = browser(owner)
    checked = client.post(reverse("scenario-check"), sent)
    assert checked.status_code == 200
    assert [item["anchor"] for item in checked.context["checklist"]] == ["id_need"]
    page = client.post(url("scenario-edit", scenario), sent | {"do": "save"})
    assert page.status_code == 422
    assert page.context["form"]["need"].value() == pasted
    assert "<b>采用" not in page.content.decode()
