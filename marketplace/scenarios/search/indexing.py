"""The words of posted demands, as they stand in the index. Only what everybody may read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from django.db import connection, transaction
from django.db.models import Max, Min

from marketplace.scenarios.batched import in_batches
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.search import facts
from marketplace.scenarios.search.models import SearchEntry, SearchWord
from marketplace.scenarios.search.words import (
    STOP_CHINESE,
    cut,
    parts_of,
    pieces,
    plain,
    simplified,
    vector,
)

BATCH = 200
NEAR = ("organisation", "domain", "carrier", "area", "focus")
BESIDE = ("technologies", "platforms", "metrics")


def public_parts(scenario: Scenario) -> list[tuple[str, str]]:
    """(weight, text) of what a visitor reads of it, the most telling first.

    A: title and reference. B: summaries. C: what hurts and what is wanted. D: metrics, terms,
    deliverables, owner. Never the contact, nor what is released reader by reader.
    """
    owner = scenario.organisation
    terms = [scenario.domain, scenario.carrier, scenario.area, scenario.focus]
    terms += [*scenario.technologies.all(), *scenario.platforms.all()]
    metrics = list(scenario.metrics.all())
    parts = [
        ("A", scenario.title),
        ("A", scenario.title_en),
        ("A", scenario.ref or ""),
        ("B", scenario.summary),
        ("B", scenario.summary_en),
        *(("D", f"{term.name_zh} {term.name_en}") for term in terms if term),
        ("D", scenario.owner_mask if scenario.veiled else f"{owner.name} {owner.name_en}"),
        *(("D", f"{row.name} {row.name_en}") for row in metrics),
        ("C", scenario.need),
        ("C", scenario.pain),
        ("D", scenario.deliverables),
        *(("D", f"{row.test_method} {row.dataset}") for row in metrics),
    ]
    return [(weight, text) for weight, text in parts if text.strip()]


def telling_words(parts: Iterable[tuple[str, str]]) -> set[str]:
    """Words of title, summaries and terms, for the nearest spelling of a word that is not found."""
    found: set[str] = set()
    for weight, text in parts:
        if weight == "C":
            continue
        for piece in pieces(simplified(plain(text))):
            for word in cut(piece.text) if piece.han else [piece.text]:
                found.update([word, *parts_of(word)] if piece.han else [word])
    return {word for word in found - STOP_CHINESE if 1 < len(word) <= 64 and not word.isdigit()}


def index(rows: Sequence[Scenario]) -> None:
    """Put the words of these in place of what stood there."""
    entries, words = [], set()
    for scenario in rows:
        parts = public_parts(scenario)
        words |= telling_words(parts)
        entries.append(SearchEntry(scenario=scenario, tokens=vector(parts)))
    SearchEntry.objects.bulk_create(
        entries, update_conflicts=True, unique_fields=["scenario"], update_fields=["tokens"]
    )
    # In one order, so that two that bring the same words do not wait for each other.
    SearchWord.objects.bulk_create(
        [SearchWord(word=word) for word in sorted(words)], ignore_conflicts=True
    )


def index_again(*, every: bool, told: Callable[[int], None] = lambda _done: None) -> int:
    """Index what has no words yet, or everything, in batches of their own transaction.

    told: called with the number done so far after each batch. Returns how many were indexed. May
    run beside everything else, and again where it was stopped: `every` touches facts as well.
    """
    if every:
        _refresh_facts()
    return in_batches(partial(_batch, every=every), index, told)


def _batch(behind: int, *, every: bool) -> list[Scenario]:
    rows = Scenario.objects.public().filter(pk__gt=behind).order_by("pk")
    if not every:
        rows = rows.filter(search__tokens=None)
    return list(rows.select_related(*NEAR).prefetch_related(*BESIDE)[:BATCH])


def _refresh_facts(step: int = 10_000) -> None:
    ends = Scenario.objects.aggregate(low=Min("pk"), high=Max("pk"))
    if ends["low"] is None:
        return
    for low in range(ends["low"], ends["high"] + 1, step):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(facts.REFRESH, {"low": low, "high": low + step - 1})
