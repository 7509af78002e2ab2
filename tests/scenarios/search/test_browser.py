"""Finding a demand in a real browser: words, facets in the sheet of a phone, one tap to drop."""

from __future__ import annotations

import pytest

from tests.scenarios.search import corpus


@pytest.mark.browser
def test_a_demand_is_found_by_words_and_facets_on_a_phone(site, page):
    corpus.load()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{site}/en/")
    page.fill("#q", "勒索")
    page.press("#q", "Enter")
    page.wait_for_url("**q=**")
    page.wait_for_selector(".jb-entry mark")
    page.click("label[for=filters]:visible")
    page.click("#facet-domain-digital_infrastructure")
    page.wait_for_url("**domain=digital_infrastructure**")
    # The sheet stays open for the next choice.
    page.locator("details", has_text="Technology").locator("summary").click()
    page.click("#facet-technology-pentest")
    page.wait_for_url("**technology=pentest**")
    page.wait_for_selector("#facet-technology-pentest[aria-current]:visible")
    page.click("text=Show results")
    chips = page.locator(".pub-chosen .pub-filter")
    assert chips.count() == 3
    chips.nth(2).click()
    page.wait_for_url(lambda url: "technology" not in url)
    page.wait_for_selector(".pub-chosen .pub-filter >> nth=1")
    page.go_back()
    page.wait_for_selector(".pub-chosen .pub-filter >> nth=2")
    assert complaints == []
