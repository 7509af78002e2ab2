"""What to try where nothing is found: which word to drop, and how it may be spelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.db import connection

from marketplace.scenarios.search.asked import (
    asked_of,
    entry_condition,
    offered_terms,
    term_numbers,
)
from marketplace.scenarios.search.counts import COUNTED_MOST, NOW
from marketplace.scenarios.search.words import HAN_RUN, Query, Word, way_of

NEAR_MOST = 3
CANDIDATES = 40
ALIKE = 0.6


@dataclass(frozen=True)
class Drop:
    """A word in force. count: how many rows without it; 0 where that helps nobody."""

    word: str
    count: int
    # Nothing that is posted holds it, whatever else is asked for.
    unknown: bool
    # Spellings near to it that something holds.
    near: tuple[str, ...] = ()


def advice(filters: Mapping[str, Any]) -> list[Drop]:
    """For each word of a search that found nothing. Two queries, one more per unknown word."""
    asked = asked_of(filters)
    if asked.query is None or not asked.query.words:
        return []
    words = asked.query.words
    numbers = term_numbers(offered_terms())
    parts, given = [], []
    for place, word in enumerate(words):
        alone = Query(word.text, (word,))
        rest = asked.query.without(word)
        for name, query in ((f"alone{place}", alone), (f"rest{place}", rest)):
            if not query.words:
                condition, values = entry_condition(asked.without("q"), numbers)
            elif name.startswith("alone"):
                condition, values = "e.tokens @@ %s::tsquery", [query.tsquery]
            else:
                one = asked.without("q")
                condition, values = entry_condition(type(one)(query, one.chosen), numbers)
            most = 1 if name.startswith("alone") else COUNTED_MOST
            parts.append(
                f"SELECT '{name}', count(*) FROM (SELECT FROM marketplace_searchentry e"  # noqa: S608
                f" CROSS JOIN {NOW} WHERE {condition} LIMIT {most}) x"
            )
            given += values
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), given)
        counted = dict(cursor.fetchall())
    return [
        Drop(
            word.text,
            counted[f"rest{place}"],
            unknown := not counted[f"alone{place}"],
            near=near(word) if unknown else (),
        )
        for place, word in enumerate(words)
    ]


def near(word: Word) -> tuple[str, ...]:
    """Words of what is posted that are spelled almost so, the nearest first.

    Of Latin ones by their trigrams; of Chinese ones by one character of two or more that differs.
    """
    text = word.text
    if HAN_RUN.fullmatch(text):
        if len(text) < 2:
            return ()
        patterns = [f"{text[:at]}_{text[at + 1 :]}" for at in range(len(text))]
        rows = _words("word LIKE ANY(%s) ORDER BY word", [patterns])
        return tuple(rows[:NEAR_MOST])
    if len(text) < 3 or not way_of(text):
        return ()
    rows = _words("word %% %s ORDER BY word <-> %s", [text, text])
    alike = [(SequenceMatcher(None, text, row).ratio(), row) for row in rows if row != text]
    return tuple(row for ratio, row in sorted(alike, reverse=True) if ratio >= ALIKE)[:NEAR_MOST]


def _words(condition: str, given: list[Any]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT word FROM marketplace_searchword WHERE {condition} LIMIT {CANDIDATES}",  # noqa: S608
            given,
        )
        return [row[0] for row in cursor.fetchall()]
