"""Reading changes: each with its difference, by field, by word and by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from marketplace.base.actor import Actor
from marketplace.scenarios.amendments.difference import (
    Piece,
    RowChange,
    rows_difference,
    text_difference,
)
from marketplace.scenarios.amendments.models import Amendment
from marketplace.scenarios.amendments.table import AMENDABLE
from marketplace.scenarios.content import ROWS, TEXTS
from marketplace.scenarios.models import Scenario


@dataclass(frozen=True)
class Changed:
    """One field or part. `pieces` of a text, `rows` of a part, else before and after."""

    name: str
    affects: bool
    before: Any = None
    after: Any = None
    pieces: list[Piece] = field(default_factory=list)
    rows: list[RowChange] = field(default_factory=list)


def amendments_of(actor: Actor, scenario: Scenario) -> QuerySet[Amendment]:
    """Newest first."""
    rows = Amendment.objects.visible_to(actor).filter(scenario=scenario)
    return rows.select_related("scenario", "drafted_by", "published_by").order_by("-pk")


def difference(row: Amendment) -> list[Changed]:
    """In the order of the table."""
    found = []
    for name, affects in AMENDABLE.items():
        if name not in row.changes:
            continue
        before, after = row.changes[name]["before"], row.changes[name]["after"]
        if name in ROWS:
            told = Changed(name, affects, rows=rows_difference(before or [], after or []))
        elif name in TEXTS:
            told = Changed(name, affects, pieces=text_difference(before or "", after or ""))
        else:
            told = Changed(name, affects, before, after)
        found.append(told)
    return found
