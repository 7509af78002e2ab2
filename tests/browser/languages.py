"""What a page says in a language that it does not speak, unless it is marked as such."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import polib
from django.conf import settings

HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")
VOID = set("area base br col embed hr img input link meta source track wbr".split())
SPOKEN = ("title", "aria-label", "alt", "placeholder", "data-label", "data-copied", "data-over")
CATALOGUE = Path(settings.BASE_DIR, "marketplace/locale/zh_Hans/LC_MESSAGES/django.po")
PLACE = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


class Reading(HTMLParser):
    """Every text with the language that stands over it, and every link."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.above: list[tuple[str, str]] = []
        self.texts: list[tuple[str, str]] = []
        self.links: list[str] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        inherited = self.above[-1][1] if self.above else ""
        language = given.get("lang", inherited)
        self.texts += [(language, given[name]) for name in SPOKEN if given.get(name)]
        if tag == "input" and given.get("type") in {"submit", "button"}:
            self.texts.append((language, given.get("value", "")))
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag not in VOID:
            self.above.append((tag, language))

    def handle_endtag(self, tag: str) -> None:
        while self.above and self.above[-1][0] != tag:
            self.above.pop()
        if self.above:
            self.above.pop()

    def handle_data(self, data: str) -> None:
        tag, language = self.above[-1] if self.above else ("", "")
        # What was typed stands in a box as it was typed; a title takes no marks.
        if data.strip() and tag not in {"script", "style", "textarea", "title"}:
            self.texts.append((language, " ".join(data.split())))


def chinese_on_english(reading: Reading) -> Iterator[str]:
    for language, text in reading.texts:
        if not language.startswith("zh") and HAN.search(text):
            yield text[:80]


@cache
def english_sentences() -> frozenset[str]:
    """The interface's texts that have a Chinese wording of their own."""
    return frozenset(
        entry.msgid.strip()
        for entry in polib.pofile(str(CATALOGUE))
        if entry.msgstr and HAN.search(entry.msgstr) and len(entry.msgid) > 3
        if not PLACE.search(entry.msgid)
    )


def english_on_chinese(reading: Reading) -> Iterator[str]:
    sentences = english_sentences()
    for language, text in reading.texts:
        if not language.startswith("en") and text in sentences:
            yield text[:80]
