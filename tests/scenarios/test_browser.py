"""The form in a real browser: rows, the live checklist, filing. Under the strict policy."""

from __future__ import annotations

import pytest

from marketplace.scenarios import actions
from marketplace.scenarios.models import State
from tests import world
from tests.scenarios import typed


@pytest.mark.browser
def test_rows_and_the_checklist_work_and_a_demand_is_filed(site, page):
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(f"{site}/en/accounts/login/")
    page.fill("[name=login]", owner.user.email)
    page.fill("[name=password]", world.PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/desk/**")
    page.goto(f"{site}/en/scenarios/{scenario.uid}/edit/")

    page.click("[data-formset=milestones] [data-formset-add]")
    page.wait_for_selector("#checklist :text('things are still open')", state="detached")
    page.fill("#id_milestones-2-name", "试运行")
    page.fill("#id_milestones-2-month", "10")
    page.press("#id_milestones-2-month", "Tab")
    page.wait_for_selector("#checklist a[href='#id_milestones-2-month']")
    page.fill("#id_milestones-2-month", "９")
    page.press("#id_milestones-2-month", "Tab")
    page.wait_for_selector("#checklist a", state="detached")
    page.click("[data-formset=metrics] [data-formset-row]:nth-child(2) [data-formset-remove]")
    page.click("#demand button[value=submit]:visible")
    page.wait_for_url(f"**/{scenario.uid}/gate/")

    scenario.refresh_from_db()
    assert scenario.state == State.SUBMITTED
    months = [(row.name, row.month) for row in scenario.milestones.order_by("position")]
    assert months == [("原型", 3), ("验收", 9), ("试运行", 9)]
    assert [row.code for row in scenario.metrics.all()] == ["M1"]
    assert complaints == []
