"""A judge fills a sheet in a real browser: every change is saved, then the sheet is locked."""

from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import expect

from marketplace.committee.models import SheetState
from tests.browser.pages import SETTLED
from tests.committee import factories
from tests.committee.test_pages import signed_in

LEVELS = [
    {"points_percent": "100", "text": "有同规模实测数据"},
    {"points_percent": "85", "text": "有小规模实测数据"},
]
pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_every_change_is_saved_and_the_lock_signs_what_was_saved(site: str, page: Any) -> None:
    _panel, judges = factories.scoring_panel(
        factories.scenario_in_review(1, criteria={"C1": {"levels": LEVELS}})
    )
    sheet = factories.sheets(judges[0]).get()
    name = settings.SESSION_COOKIE_NAME
    cookie = signed_in(judges[0]).cookies[name].value
    page.context.add_cookies([{"name": name, "value": cookie, "url": site}])
    page.goto(f"{site}/en/sheets/{sheet.uid}/")
    expect(page.locator("#criteria a[aria-current]")).to_have_text("C1 技术方案, Not scored yet")
    expect(page.locator("#points-C2")).to_be_hidden()
    page.fill("#points-C1", "41")
    page.locator("#comment-C1").focus()
    expect(page.locator("#saved-C1")).to_contain_text("Saved at")
    # One criterion at a time, by keyboard.
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("#points-C2")).to_be_focused()
    page.fill("#points-C2", "99")
    page.locator("#comment-C2").focus()
    expect(page.locator("#saved-C2")).to_contain_text("Points go from 0 to 20.")
    expect(page.locator("#points-C2")).to_have_value("99")
    # Changes in a row, faster than the answers: none makes the next one stale.
    page.fill("#comment-C2", "接口说明完整")
    page.fill("#points-C2", "15")
    page.keyboard.press("Alt+ArrowUp")
    # A number chooses the level of which it is the place.
    page.locator("#document").focus()
    page.keyboard.press("2")
    expect(page.locator("#points-C1")).to_have_value("42.50")
    expect(page.locator("#criterion-C1 [aria-pressed=true]")).to_have_count(1)
    expect(page.locator("#lock")).to_contain_text("57.50 / 70")
    page.wait_for_function(SETTLED)
    page.locator("#lock summary").click()
    page.locator("#lock button[type=submit]").click()
    page.wait_for_url("**/panels/**")
    sheet.refresh_from_db()
    assert sheet.state == SheetState.LOCKED
    given = list(sheet.scores.order_by("criterion__code").values_list("points", "comment"))
    assert [(str(points), comment) for points, comment in given] == [
        ("42.50", ""),
        ("15.00", "接口说明完整"),
    ]
