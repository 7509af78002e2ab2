"""The sketch of a demand, written with its words and filled for those that have none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from marketplace.scenarios.batched import in_batches
from marketplace.scenarios.content import Content
from marketplace.scenarios.likeness.models import Likeness
from marketplace.scenarios.likeness.sketch import bands, shingles, signature, signed
from marketplace.scenarios.models import Scenario

BATCH = 200
# What is compared: who copies terms of contract copies nothing.
PARTS = ("title", "pain", "need", "metrics")


def words_of(values: Mapping[str, Any], metrics: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The text of each of PARTS."""
    told = [
        f"{row.get('name') or ''} {row.get('operator') or ''} {_number(row.get('value'))}"
        f" {row.get('unit') or ''} {row.get('test_method') or ''} {row.get('dataset') or ''}"
        for row in metrics
    ]
    texts = {name: str(values.get(name) or "") for name in PARTS if name != "metrics"}
    return texts | {"metrics": "\n".join(told)}


def _number(value: Any) -> str:
    return "" if value is None else f"{value.normalize():f}"


def words_of_content(content: Content) -> dict[str, str]:
    return words_of(content.values, content.rows.get("metrics", []))


def words_of_row(scenario: Scenario) -> dict[str, str]:
    """Without what only released readers read. scenario: with its metrics, where there are many."""
    held = {"metrics", *scenario.restricted_fields}
    values = {name: getattr(scenario, name) for name in PARTS if name not in held}
    return words_of(values, [vars(row) for row in scenario.metrics.all()])


def keep_sketches(rows: Sequence[Scenario]) -> None:
    """Write the sketches of these in place of what stood there."""
    found = []
    for scenario in rows:
        words = words_of_row(scenario)
        signs = signature(frozenset().union(*map(shingles, words.values())))
        found.append(Likeness(scenario=scenario, bands=bands(signs), signs=signed(signs)))
    Likeness.objects.bulk_create(
        found,
        update_conflicts=True,
        unique_fields=["scenario"],
        update_fields=["bands", "signs"],
    )


def sketch_again(*, every: bool, told: Callable[[int], None] = lambda _done: None) -> int:
    """Sketch what has no sketch yet, or everything, in batches of their own transaction.

    May run beside everything else, and again where it was stopped. Returns how many.
    """
    return in_batches(partial(_batch, every=every), keep_sketches, told)


def _batch(behind: int, *, every: bool) -> list[Scenario]:
    rows = Scenario.objects.filter(pk__gt=behind).order_by("pk")
    if not every:
        rows = rows.filter(likeness=None)
    return list(
        rows.only("pk", "title", "pain", "need", "restricted_fields").prefetch_related("metrics")[
            :BATCH
        ]
    )
