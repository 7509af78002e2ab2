"""What is typed is not lost: a draft saves itself, tells of a newer one, and outlives a sign-in."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from marketplace.scenarios import actions
from marketplace.scenarios.models import Scenario
from tests import world
from tests.browser.pages import Reader

pytestmark = pytest.mark.browser


@pytest.fixture
def reader(browser, site):
    made = Reader(browser, site, "owner")
    yield made
    made.close()
    # htmx tells the console of every status that it does not swap.
    assert [said for said in made.complaints if "Error Code 401" not in said] == []


def saved(reader):
    reader.page.wait_for_selector("#autosave .jb-saved")


def test_a_draft_saves_itself_from_the_first_words_on(reader):
    owner = world.owner()
    reader.enter(owner.user)
    reader.go("/scenarios/new/")
    reader.page.fill("[name=title]", "产线流量异常检测")
    saved(reader)
    reader.page.wait_for_url("**/edit/")
    reader.page.fill("[name=summary]", "旁路采集。")
    reader.page.wait_for_function("() => !document.querySelector('form[data-changed]')")
    row = Scenario.objects.get()
    assert (row.title, row.summary, row.revision) == ("产线流量异常检测", "旁路采集。", 2)
    reader.page.reload()
    assert reader.page.input_value("[name=summary]") == "旁路采集。"


def test_a_newer_version_is_told_with_what_changed(reader):
    owner = world.owner()
    reader.enter(owner.user)
    row = actions.create_draft(actor=owner, data={"title": "初稿", "summary": "一"})
    reader.go(f"/scenarios/{row.uid}/edit/")
    actions.save_draft(actor=owner, scenario_uid=row.uid, revision=1, data={"summary": "二"})
    with reader.refused_with(409):
        reader.page.fill("[name=summary]", "三")
    expect(reader.page.locator("#autosave")).to_contain_text("二")
    assert reader.page.input_value("[name=summary]") == "三"
    reader.page.fill("[name=summary]", "三三")
    saved(reader)
    row.refresh_from_db()
    assert row.summary == "三三"


def test_what_was_typed_outlives_a_sign_in(reader):
    owner = world.owner()
    reader.enter(owner.user)
    row = actions.create_draft(actor=owner, data={"title": "初稿"})
    reader.go(f"/scenarios/{row.uid}/edit/")
    Session.objects.all().delete()
    with reader.refused_with(401):
        reader.page.fill("[name=need]", "很长的一段文字")
    reader.press("#notices [data-failure] a")
    reader.page.fill("[name=login]", owner.user.email)
    reader.page.fill("[name=password]", world.PASSWORD)
    reader.press("main form button[type=submit]", "**/edit/")
    assert reader.page.input_value("[name=need]") == "很长的一段文字"
    saved(reader)
    row.refresh_from_db()
    assert row.need == "很长的一段文字"
