"""What a demand may hold: every field and row, its kind and its limits.

Pure: no database. `read` refuses absurd content at once, field by field; whether a demand is
complete is another question and stands in checks.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from marketplace.scenarios.readers import (
    Reader,
    Wrong,
    code,
    deadline,
    decimal,
    flag,
    levels,
    one_of,
    several_of,
    text,
    whole,
)

Row = dict[str, Any]
BUDGET_MOST = Decimal(10_000_000_000)
HUNDRED = Decimal(100)

# field -> (most characters, may have several lines); the same limits as the columns.
TEXTS = {
    "title": (120, False),
    "title_en": (200, False),
    "summary": (1000, True),
    "summary_en": (2000, True),
    "pain": (5000, True),
    "need": (10000, True),
    "deliverables": (5000, True),
    "ip_terms": (5000, True),
    "data_terms": (5000, True),
    "contact": (200, False),
}
# Fields that may be for released readers alone; their texts leave the demand at its publication.
RESTRICTABLE = ("pain", "need", "deliverables", "ip_terms", "data_terms")
# field -> vocabulary
TERMS = {
    "domain": "domain",
    "carrier": "carrier",
    "area": "area",
    "focus": "focus",
    "funding": "funding_source",
}
# field -> vocabulary, of which it names any number
TAGS = {"technologies": "technology", "platforms": "linked_platform"}
ROWS_MOST = {
    "metrics": 30,
    "criteria": 20,
    "payment_nodes": 12,
    "milestones": 24,
    "conditions": 20,
}
# The letter of a row's code where it has one.
CODED = {"metrics": "M", "criteria": "C", "conditions": "Q"}
# What a row cannot be kept without, even in a draft: the column has no "not yet".
NEEDS = {
    "metrics": ("operator", "value"),
    "criteria": ("kind", "weight"),
    "payment_nodes": ("percent",),
    "milestones": ("month",),
    "conditions": (),
}
PERCENT = decimal(places=2, above=Decimal(0), most=HUNDRED)
LARGEST = Decimal(10) ** 13

ROWS: dict[str, dict[str, Reader]] = {
    "metrics": {
        "code": code,
        "name": text(120),
        "name_en": text(200),
        "operator": one_of((">=", "<=", "=")),
        "value": decimal(places=6, least=-LARGEST, most=LARGEST),
        "unit": text(40),
        "test_method": text(1000, lines=True),
        "dataset": text(400),
        "tester": text(200),
        "critical": flag,
    },
    "criteria": {
        "code": code,
        "name": text(120),
        "name_en": text(200),
        "kind": one_of(("technical", "team", "price")),
        "weight": PERCENT,
        "guidance": text(1000, lines=True),
        "levels": levels,
        "veto": flag,
        "minimum": PERCENT,
    },
    "payment_nodes": {"name": text(120), "percent": PERCENT, "condition": text(400)},
    "milestones": {"name": text(200), "month": whole(least=1, most=120)},
    "conditions": {
        "code": code,
        "text": text(400),
        "text_en": text(600),
        "evidence": text(400),
    },
}


@dataclass(frozen=True)
class Fault:
    """One broken rule: the field ("title", "metrics-0-value"), the rule's code, the sentence."""

    field: str
    rule: str
    message: str


@dataclass(frozen=True)
class Known:
    """The codes that may be chosen: by vocabulary, and the rule profiles."""

    terms: Mapping[str, frozenset[str]]
    profiles: frozenset[str]


@dataclass
class Content:
    """A demand as plain values: fields by name, terms and profile as codes, rows by part."""

    values: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)


def by_field(faults: list[Fault]) -> dict[str, list[Any]]:
    """The shape that a refusal carries: {field: [sentence, …]}."""
    found: dict[str, list[Any]] = {}
    for fault in faults:
        found.setdefault(fault.field, []).append(fault.message)
    return found


def _readers(known: Known, now: datetime) -> dict[str, Reader]:
    readers: dict[str, Reader] = {
        name: text(most, lines=lines) for name, (most, lines) in TEXTS.items()
    }
    for name, vocabulary in TERMS.items():
        readers[name] = one_of(known.terms[vocabulary])
    return readers | {
        **{name: several_of(known.terms[vocabulary]) for name, vocabulary in TAGS.items()},
        "profile": one_of(known.profiles),
        "language": one_of(("zh-hans", "en"), empty="zh-hans"),
        "organising_mode": one_of(("best", "race"), empty="best"),
        "award_mode": one_of(("owner_choice", "collective"), empty="owner_choice"),
        "race_entrants": whole(least=2, most=5),
        "budget_cny": decimal(places=2, above=Decimal(0), most=BUDGET_MOST),
        "duration_months": whole(least=1, most=120),
        "deadline_at": deadline(now),
        "owner_masked": flag,
        "owner_mask": text(60),
        "restricted_fields": several_of(RESTRICTABLE),
        "consortium_allowed": flag,
        "consortium_members_max": whole(least=1, most=20),
        "pass_line_percent": decimal(places=2, least=Decimal(0), most=HUNDRED),
    }


def read(
    data: Mapping[str, Any], *, base: Mapping[str, Any], known: Known, now: datetime
) -> tuple[Content, list[Fault]]:
    """Read what came. Fields that `data` does not name stay as they are; a part is replaced whole.

    base: the present values of fields that depend on one another. Returns the clean values of
    what was given, and every fault; with faults the content is not to be kept.
    """
    content = Content()
    faults: list[Fault] = []
    readers = _readers(known, now)
    for name, raw in data.items():
        if name in ROWS:
            content.rows[name] = _read_rows(name, raw, faults)
        elif name in readers:
            try:
                content.values[name] = readers[name](raw)
            except Wrong as wrong:
                faults.append(Fault(name, wrong.rule, wrong.message))
        else:
            faults.append(Fault(str(name), "field.unknown", _("There is no such field.")))
    _settle(content, data, base, faults)
    return content, faults


def _settle(
    content: Content, data: Mapping[str, Any], base: Mapping[str, Any], faults: list[Fault]
) -> None:
    """What fields say about one another, as far as a draft must already be consistent."""
    values = content.values
    wrong = {fault.field for fault in faults}
    if not values.get("title", base.get("title")) and "title" not in wrong:
        faults.append(Fault("title", "required", _("Give the demand a title, also as a draft.")))
    mode = values.get("organising_mode", base.get("organising_mode", "best"))
    entrants = values.get("race_entrants", base.get("race_entrants"))
    if mode == "race" and entrants is None and "race_entrants" not in wrong:
        sentence = _("A race names how many take part, from 2 to 5.")
        faults.append(Fault("race_entrants", "race.entrants", sentence))
    if mode == "best" and entrants is not None:
        if data.get("race_entrants"):
            sentence = _("Only a race has entrants: choose the race, or leave this empty.")
            faults.append(Fault("race_entrants", "race.not_a_race", sentence))
        else:
            values["race_entrants"] = None
    if values.get("consortium_members_max", 1) is None:
        values["consortium_members_max"] = 1


def _read_rows(part: str, raw: Any, faults: list[Fault]) -> list[Row]:
    if raw is None:
        return []
    if not isinstance(raw, list | tuple) or any(not isinstance(row, Mapping) for row in raw):
        faults.append(Fault(part, "rows.kind", _("Give a list of rows.")))
        return []
    given = [(place, row) for place, row in enumerate(raw) if not is_blank(row)]
    if len(given) > ROWS_MOST[part]:
        sentence = _("At most %(most)s rows; there are %(have)s.")
        wording = sentence % {"most": ROWS_MOST[part], "have": len(given)}
        faults.append(Fault(part, "rows.most", wording))
        return []
    rows = [_read_row(part, place, row, faults) for place, row in given]
    if part in CODED:
        _number_codes(part, [place for place, _row in given], rows, faults)
    return rows


def is_blank(row: Mapping[str, Any]) -> bool:
    """Nobody typed anything into this row."""
    return all(
        value is None
        or value is False
        or value == []
        or (isinstance(value, str) and not value.strip())
        for value in row.values()
    )


def _read_row(part: str, place: int, raw: Mapping[str, Any], faults: list[Fault]) -> Row:
    row: Row = {}
    for name in raw.keys() - ROWS[part].keys():
        where = f"{part}-{place}-{name}"
        faults.append(Fault(where, "field.unknown", _("There is no such field.")))
    for name, reader in ROWS[part].items():
        where = f"{part}-{place}-{name}"
        try:
            row[name] = reader(raw.get(name))
        except Wrong as wrong:
            faults.append(Fault(where, wrong.rule, wrong.message))
            continue
        if name in NEEDS[part] and row[name] is None:
            sentence = _("Fill this in, or remove the row.")
            faults.append(Fault(where, "row.incomplete", sentence))
    return row


def _number_codes(part: str, places: list[int], rows: list[Row], faults: list[Fault]) -> None:
    """Refuse a code that stands twice; give a free one to rows that have none."""
    taken: set[str] = set()
    for place, row in zip(places, rows, strict=True):
        given = row.get("code")
        if given and given in taken:
            sentence = _("The code %(code)s stands twice.") % {"code": given}
            faults.append(Fault(f"{part}-{place}-code", "code.twice", sentence))
        taken.add(given or "")
    free = (f"{CODED[part]}{number}" for number in range(1, 100))
    for row in rows:
        if row.get("code") == "":
            row["code"] = next(name for name in free if name not in taken)
