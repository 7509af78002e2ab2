"""Every page: declared, within reach (WCAG 2.2 AA), and in one language at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from django.conf import settings
from django.urls import reverse
from django.utils import translation
from playwright.sync_api import Page

from tests.browser import addresses
from tests.browser.addresses import NO_PAGES, PAGES
from tests.browser.demo import Demo, loaded
from tests.browser.languages import (
    Reading,
    chinese_on_english,
    english_on_chinese,
    english_sentences,
)

AXE_SCRIPT = AXE_FILE_PATH.read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WHOLE = {"type": "tag", "values": TAGS}
# In the dark only the colours differ.
COLOURS = {"type": "rule", "values": ["color-contrast"]}
FIND = """
(only) => axe.run({runOnly: only, resultTypes: ["violations"]}).then((found) => found.violations
  .map((fault) => [fault.id, ...fault.nodes.slice(0, 4).map((node) => node.html.slice(0, 160))]))
"""
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
ROWS = [(name, row) for name, rows in PAGES.items() for row in rows]


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
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def sessions(demo: Demo) -> dict[str, str]:
    return {who: demo.session(who) for who in {row.who for _name, row in ROWS} if who}


def test_every_address_is_declared_once():
    assert set(addresses.names()) == {*PAGES, *NO_PAGES}
    assert set(PAGES) & set(NO_PAGES) == set()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_within_reach_of_everybody(demo, page, sessions, name):
    """Nothing sticks out, axe finds nothing, in both languages, by day and by night."""
    faults: list[str] = []
    for place, row in enumerate(PAGES[name]):
        page.context.clear_cookies()
        if row.who:
            cookie = {"name": settings.SESSION_COOKIE_NAME, "value": sessions[row.who]}
            page.context.add_cookies([{**cookie, "url": demo.site}])
        user = demo.user(row.who) if row.who else None
        for language, size in (("zh-hans", DESKTOP), ("en", PHONE)):
            with translation.override(language):
                url = demo.site + addresses.path_of(name, row, user)
            label = f"{name} {place} {row.who} {language}"
            page.set_viewport_size(size)
            page.emulate_media(color_scheme="light")
            answer = page.goto(url)
            if (answer.status, page.url) != (row.status, url):
                faults.append(f"{label}: {answer.status} {page.url}")
            page.evaluate(AXE_SCRIPT)
            faults += [f"{label}: {fault}" for fault in page.evaluate(FIND, WHOLE)]
            if language != "en":
                page.emulate_media(color_scheme="dark")
                faults += [f"{label} dark: {fault}" for fault in page.evaluate(FIND, COLOURS)]
            for width in (DESKTOP["width"], PHONE["width"]):
                page.set_viewport_size({**size, "width": width})
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    faults.append(f"{label} at {width}: {wide} px wide")
    assert faults == []


# -- One language at a time ------------------------------------------------------------------------
MOST_PAGES = 60
CRAWLERS = "o1-owner o5-owner v5 officer secretary keyholder2 e7 inspector".split()


def crawl(demo: Demo, who: str, language: str) -> Iterator[tuple[str, Reading]]:
    """Whatever page this person reaches by links, and the pages declared for him."""
    user, client = demo.user(who) if who else None, demo.client(who)
    with translation.override(language):
        waiting = [reverse("board"), reverse("goals"), reverse("components")]
        waiting += [addresses.path_of(name, row, user) for name, row in ROWS if row.who == who]
    home, seen = waiting[0], set(waiting)
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
            asked = url.partition("?")[0].endswith("/") and "?" not in url
            if inside and asked and url not in seen and len(waiting) < MOST_PAGES:
                seen.add(url)
                waiting.append(url)


@pytest.mark.slow
@pytest.mark.parametrize("who", ["", *CRAWLERS])
def test_english_pages_speak_english(demo, who):
    leaks = {
        f"{path}: {text}"
        for path, reading in crawl(demo, who, "en")
        for text in chinese_on_english(reading)
    }
    assert sorted(leaks) == []


@pytest.mark.slow
@pytest.mark.parametrize("who", ["", *CRAWLERS])
def test_chinese_pages_speak_chinese(demo, who):
    sentences = english_sentences()
    leaks = {
        f"{path}: {text}"
        for path, reading in crawl(demo, who, "zh-hans")
        for text in english_on_chinese(reading, sentences)
    }
    assert sorted(leaks) == []
