"""In a real browser: from a clone, through a form that was filled in, past the meter, to filing."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from marketplace.scenarios import actions
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.browser.pages import Reader
from tests.scenarios import typed
from tests.scenarios.drafting import made


@pytest.fixture
def reader(browser, site):
    made_ = Reader(browser, site, "owner", "/en")
    yield made_
    made_.close()
    assert made_.complaints == []


@pytest.mark.browser
def test_a_clone_takes_in_a_file_is_measured_and_filed(reader, tmp_path):
    owner, page = world.owner(), reader.page
    first = actions.create_draft(actor=owner, data=typed.data())
    reader.enter(owner.user)
    reader.go("/scenarios/start/")
    page.click(f"a[href$='from={first.uid}']")
    page.fill("#id_title", "另一个需求")
    # Pressed twice, and while a save by itself may be under way: one draft.
    page.dblclick("#demand .jb-actions button[value=save]")
    expect(page.locator("#notices")).to_contain_text("The draft is saved.")
    clone = Scenario.objects.exclude(pk=first.pk).get()
    assert (clone.title, clone.contact) == ("另一个需求", "")

    form = page.request.get(f"{reader.site}/en/scenarios/import/form.xlsx").body()
    day = typed.data()["deadline_at"]
    answers = {"contact": "李四 021-00000001", "deadline_at": f"{day:%F} 17:00"}
    sent = tmp_path / "form.xlsx"
    sent.write_bytes(made.filled_excel(form, answers, {}))
    reader.go(f"/scenarios/{clone.uid}/import/")
    page.set_input_files("#id_file", sent)
    page.click("main form button.btn-primary")
    expect(page.locator("main table")).to_contain_text(answers["contact"])
    page.dblclick("main form button[value=save]")
    expect(page.locator("#id_contact")).to_have_value(answers["contact"])

    meter = page.locator("#meter .jb-progress-words")
    before = meter.inner_text()
    page.fill("#id_metrics-0-dataset", "一万条标注流量")
    expect(meter).not_to_have_text(before)
    page.dblclick("#demand .jb-actions button[value=submit]")
    page.wait_for_url(f"**/{clone.uid}/gate/")
    clone.refresh_from_db()
    assert clone.state == State.SUBMITTED
    assert clone.metrics.get(position=0).dataset == "一万条标注流量"


@pytest.mark.browser
def test_a_draft_from_a_template_and_one_from_a_word_form_with_its_preview(reader, tmp_path):
    owner, page = world.owner(), reader.page
    reader.enter(owner.user)
    reader.go("/scenarios/start/")
    page.click("a[href$='template=sbom']")
    expect(page.locator("#id_metrics-0-name")).to_have_value("组件识别召回率")
    assert Scenario.objects.count() == 0
    page.fill("#id_title", "软件成分清单")
    page.dblclick("#demand .jb-actions button[value=save]")
    expect(page.locator("#notices")).to_contain_text("The draft is saved.")
    first = Scenario.objects.get()
    assert (first.title, first.metrics.get(position=0).name) == ("软件成分清单", "组件识别召回率")

    reader.go("/scenarios/import/")
    form = page.request.get(f"{reader.site}/en/scenarios/import/form.docx").body()
    sent = tmp_path / "form.docx"
    answers = {"title": "名单隐私求交", "area": "月球"}
    rows = {"metrics": [{"name": "召回率", "operator": "≥", "value": "99.5", "unit": "%"}]}
    sent.write_bytes(made.filled_word(form, answers, rows))
    page.set_input_files("#id_file", sent)
    page.click("main form button.btn-primary")
    # What was understood and what was not, before anything is stored.
    expect(page.locator("main table")).to_contain_text("名单隐私求交")
    assert page.locator("main tr", has_text="月球").locator("td").last.inner_text().strip() != "yes"
    assert Scenario.objects.count() == 1
    page.dblclick("main form button[value=save]")
    expect(page.locator("#id_title")).to_have_value("名单隐私求交")
    second = Scenario.objects.exclude(pk=first.pk).get()
    assert (second.area, second.metrics.get().name) == (None, "召回率")
