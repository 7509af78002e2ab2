"""Every page: declared, within reach (WCAG 2.2 AA), and in one language at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import resolve, reverse
from django.utils import translation
from playwright.sync_api import Page, Route

from tests.browser import addresses
from tests.browser.addresses import NO_PAGES, PAGES
from tests.browser.demo import Demo, loaded
from tests.browser.languages import (
    Reading,
    chinese_on_english,
    english_on_chinese,
)
from tests.scenarios.drafting.made import filled_excel

AXE_SCRIPT = AXE_FILE_PATH.read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WHOLE = {"type": "tag", "values": TAGS}
# In the dark only the colours differ.
COLOURS = {"type": "rule", "values": ["color-contrast"]}
# Without what only axe's own reports need.
FIND = """
(only) => axe.run({
  runOnly: only, resultTypes: ["violations"], selectors: false, preload: false, iframes: false,
}).then((found) => found.violations
  .map((fault) => [fault.id, ...fault.nodes.slice(0, 4).map((node) => node.html.slice(0, 160))]))
"""
# Two frames after the window has changed: only then is the page laid out anew.
WIDTH = """() => new Promise((tell) => requestAnimationFrame(() => requestAnimationFrame(
    () => tell(document.documentElement.scrollWidth))))"""
SEND = "(form) => { form.noValidate = true; form.requestSubmit(); }"
PHONE, DESKTOP, HEIGHT = 390, 1280, 900
ROWS = [(name, row) for name, rows in PAGES.items() for row in rows]
# Their templates, shown where no request brings them about.
FAULTS = (400, 403, "403_csrf", 413, 429, 500, 503)


@pytest.fixture(scope="module")
def demo(
    django_test_environment: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[Demo]:
    with (
        pytest.MonkeyPatch.context() as patch,
        django_db_blocker.unblock(),
        loaded(tmp_path_factory.mktemp("demo"), patch) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def page(browser: Any, demo: Demo) -> Iterator[Page]:
    """One for all, so that what every page loads is loaded once."""
    context = browser.new_context(locale="zh-CN", reduced_motion="reduce")
    context.set_default_timeout(20_000)
    context.add_init_script(AXE_SCRIPT)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def sessions(demo: Demo) -> dict[tuple[str, bool], str]:
    asked = {(row.who, row.half) for _name, row in ROWS if row.who}
    return {(who, half): demo.session(who, half=half) for who, half in asked}


def test_every_address_is_declared_once():
    assert set(addresses.names()) == {*PAGES, *NO_PAGES}
    assert set(PAGES) & set(NO_PAGES) == set()


def looked_at(
    page: Page, label: str, language: str, *, day: bool = True, night: bool = True
) -> Iterator[str]:
    """What is wrong with the page that is open: axe, the widths, and the other language."""
    english = language == "en"
    for fault in page.evaluate(FIND, WHOLE) if day else []:
        yield f"{label}: {fault}"
    if night:
        page.emulate_media(color_scheme="dark")
        for fault in page.evaluate(FIND, COLOURS):
            yield f"{label} dark: {fault}"
        page.emulate_media(color_scheme="light")
    for width in (PHONE, DESKTOP) if english else (DESKTOP, PHONE):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        if (wide := page.evaluate(WIDTH)) > width:
            yield f"{label} at {width}: {wide} px wide"
    # As scripts have made it by now.
    reading = Reading(page.content())
    leaks = chinese_on_english(reading) if english else english_on_chinese(reading)
    for text in leaks:
        yield f"{label} says: {text}"


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_within_reach_of_everybody(demo, page, sessions, name):
    """Nothing sticks out, axe finds nothing, by day and by night, in one language at a time."""
    faults: list[str] = []
    for place, row in enumerate(PAGES[name]):
        page.context.clear_cookies()
        if row.who:
            value = sessions[row.who, row.half]
            cookie = {"name": settings.SESSION_COOKIE_NAME, "value": value, "url": demo.site}
            page.context.add_cookies([cookie])
        user = demo.user(row.who) if row.who else None
        for language, width in (("zh-hans", DESKTOP), ("en", PHONE)):
            with translation.override(language):
                url = demo.site + addresses.path_of(name, row, user)
            label = f"{name} {place} {row.who} {language}"
            page.set_viewport_size({"width": width, "height": HEIGHT})
            answer = page.goto(url, wait_until="domcontentloaded")
            if answer.status != row.status or (page.url != url) != row.moves:
                faults.append(f"{label}: {answer.status} {page.url}")
            if row.send:
                with page.expect_navigation(wait_until="domcontentloaded"):
                    page.locator(row.send).last.evaluate(SEND)
            # The first row of a page in both languages by day, Chinese by night too; the others,
            # which differ in what they say, in turns: one language by day, the other by night.
            turn = (language == "en") == bool(place % 2)
            day, night = (True, language != "en") if not place else (turn, not turn)
            faults += looked_at(page, label, language, day=day, night=night)
    assert faults == [], "\n".join(faults)


@pytest.mark.browser
@pytest.mark.slow
def test_what_was_understood_of_a_file_is_within_reach(demo, page, sessions, tmp_path):
    faults: list[str] = []
    page.context.clear_cookies()
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": sessions["o3-owner", False]}
    page.context.add_cookies([cookie | {"url": demo.site}])
    file = tmp_path / "form.xlsx"
    for language in ("zh-hans", "en"):
        with translation.override(language):
            url = demo.site + reverse("scenario-import")
        form = page.request.get(url.replace("/import/", "/import/form.xlsx")).body()
        answers = {"title": "港口视频取证（虚构）", "budget_cny": "很多", "domain": "没有"}
        file.write_bytes(filled_excel(form, answers, {}))
        page.goto(url)
        page.set_input_files("#id_file", file)
        with page.expect_navigation(wait_until="domcontentloaded"):
            page.locator("main form").evaluate(SEND)
        assert page.locator("main table").count() == 1
        faults += looked_at(page, f"understood {language}", language)
    assert faults == [], "\n".join(faults)


def answering(body: str) -> Callable[[Route], None]:
    kind = "text/html; charset=utf-8"
    return lambda route: route.fulfill(body=body, content_type=kind)


@pytest.mark.browser
@pytest.mark.slow
def test_the_pages_of_faults_are_within_reach(demo, page):
    faults: list[str] = []
    page.context.clear_cookies()
    for name in FAULTS:
        for language in ("zh-hans", "en"):
            with translation.override(language):
                body = render_to_string(f"errors/{name}.html")
            url = f"{demo.site}/{language}/{name}/"
            page.route(url, answering(body))
            page.goto(url, wait_until="load")  # with its style sheet
            night = language != "en"
            faults += looked_at(page, f"{name} {language}", language, night=night)
    assert faults == [], "\n".join(faults)


# -- One language at a time ------------------------------------------------------------------------
# Beyond the declared ones, at most so many pages of one address, from link to link.
OF_ONE_NAME = 2
CRAWLERS = "o1-owner o5-owner v5 officer secretary keyholder2 e7 inspector".split()


def crawl(demo: Demo, who: str, language: str) -> Iterator[tuple[str, Reading]]:
    """Whatever kind of page this person reaches by links."""
    client = demo.client(who)
    with translation.override(language):
        waiting = [reverse("board"), reverse("goals")]
    home, seen, opened = waiting[0], set(waiting), Counter[str]()
    for path in waiting:
        answer = client.get(path)
        if answer.status_code != 200 or "text/html" not in answer.headers["Content-Type"]:
            answer.close()
            continue
        reading = Reading(answer.content.decode())
        yield path, reading
        for link in reading.links:
            url, _hash, _anchor = urljoin(path, link).partition("#")
            inside = url.startswith(home) and (home != "/" or not url.startswith("/en/"))
            if inside and url.endswith("/") and "?" not in url and url not in seen:
                seen.add(url)
                with translation.override(language):
                    name = resolve(url).url_name
                opened[name] += 1
                if name in PAGES and opened[name] <= OF_ONE_NAME:
                    waiting.append(url)


@pytest.mark.slow
@pytest.mark.parametrize("who", ["", *CRAWLERS])
def test_pages_on_the_way_speak_one_language(demo, who):
    """What is neither translated nor marked as Chinese, wherever links lead this person."""
    leaks = {
        f"{path}: {text}"
        for language, leaking in (("en", chinese_on_english), ("zh-hans", english_on_chinese))
        for path, reading in crawl(demo, who, language)
        for text in leaking(reading)
    }
    assert sorted(leaks) == [], "\n".join(sorted(leaks))
