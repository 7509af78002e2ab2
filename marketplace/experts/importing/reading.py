"""What the cells of a filled-in spreadsheet say of experts and their ties. No database.

A table is known by its head: `E-mail [expert.email]` in that of experts, `Kind [tie.kind]` in that
of ties. Labels may be translated, reordered or widened; the code in brackets decides. A row whose
first cell begins with ※ explains and is not read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from marketplace.base.errors import Invalid
from marketplace.base.texts import read_all
from marketplace.experts import entries
from marketplace.experts.models import ExpertKind, Grade, InterestKind, Relation

Table = list[list[str]]
# {code: the words by which it may be named}
Words = Mapping[str, Collection[str]]

PEOPLE_MOST = 300
TIES_MOST = 480
EXPERT = "expert"
TIE = "tie"
EXPERT_COLUMNS = (
    *("email", "name", "name_en", "number", "title", "title_en", "grade", "kind"),
    *("specialties", "years", "valid_until", "panels_most"),
)
TIE_COLUMNS = (
    *("email", "number", "kind", "relation", "party_name", "party_uscc"),
    *("from_date", "until_date"),
)
COLUMNS = {EXPERT: EXPERT_COLUMNS, TIE: TIE_COLUMNS}
DAYS = {"valid_until", "from_date", "until_date"}
NUMBERS = {"years", "panels_most"}
CODE = re.compile(r"\[(expert|tie)\.([a-z_]{2,30})\]", re.ASCII)
ASIDE = "※"
BETWEEN = re.compile(r"[、,，;；/\n]+")
SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)
# The number of a mainland identity card. No such number is asked for, and none is kept.
IDENTITY = re.compile(
    r"(?<!\d)\d{6}(19|20)\d{2}(0\d|1[0-2])([0-2]\d|3[01])\d{3}[\dXx](?!\d)", re.ASCII
)


@dataclass
class Fault:
    """What is wrong in one cell. row: as the spreadsheet counts. column: as its head names it."""

    table: str
    row: int
    column: str
    sentence: str


@dataclass
class Line:
    """One row that was understood: clean values by column."""

    row: int
    values: dict[str, Any]


@dataclass
class Read:
    people: list[Line] = field(default_factory=list)
    ties: list[Line] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read_tables(tables: list[Table], *, today: date, specialties: Words) -> Read:
    """Every row of every table whose head is known. Faulty rows are told, and left out."""
    found = Read()
    for table in tables:
        for at, row in enumerate(table):
            heads = [CODE.search(cell[:200]) for cell in row]
            kinds = {head[1] for head in heads if head}
            if kinds:
                kind = EXPERT if EXPERT in kinds else TIE
                named = [head[2] if head and head[1] == kind else "" for head in heads]
                labels = [CODE.sub("", cell).strip() for cell in row]
                _rows(found, kind, named, labels, table[at + 1 :], at + 2, today, specialties)
                break
    _once(found)
    return found


def _rows(  # noqa: PLR0917 - one table under its head
    found: Read,
    kind: str,
    named: list[str],
    labels: list[str],
    rows: Table,
    first: int,
    today: date,
    specialties: Words,
) -> None:
    """first: the spreadsheet's number of rows[0]."""
    label = {name: label for name, label in zip(named, labels, strict=True) if name}

    def fault(row: int, column: str, sentence: str) -> None:
        found.faults.append(Fault(kind, row, column, sentence))

    for name, words in label.items():
        if name not in COLUMNS[kind]:
            fault(first - 1, words, _("The form asks no such thing."))
    lines, most = (found.people, PEOPLE_MOST) if kind == EXPERT else (found.ties, TIES_MOST)
    for number, cells in enumerate(rows, start=first):
        typed = {
            name: cell.strip()
            for name, cell in zip(named, cells, strict=False)
            if name in COLUMNS[kind] and cell.strip()
        }
        if not typed or cells[0].startswith(ASIDE):
            continue
        if len(lines) >= most:
            sentence = _("At most %(most)s rows in one file; the rest is left out.")
            fault(number, "", sentence % {"most": most})
            break
        wrong = _identity(typed)
        values: dict[str, Any] = {}
        if not wrong:
            values, wrong = _values(kind, typed, today, specialties)
        for name, sentences in wrong.items():
            fault(number, label.get(name, name), " ".join(map(str, sentences)))
        if not wrong:
            lines.append(Line(number, values))


def _identity(typed: Mapping[str, str]) -> dict[str, list[str]]:
    """Cells that seem to hold the number of an identity card. A firm's code is no such number."""
    sentence = _("This looks like an identity number. None is kept here: take it out.")
    return {
        name: [sentence]
        for name, words in typed.items()
        if name != "party_uscc" and IDENTITY.search(words)
    }


def _values(
    kind: str, typed: Mapping[str, str], today: date, specialties: Words
) -> tuple[dict[str, Any], dict[str, Any]]:
    given: dict[str, Any] = {
        name: _day(words) if name in DAYS else _whole(words) if name in NUMBERS else words
        for name, words in typed.items()
    }
    if kind == EXPERT:
        chosen: dict[str, Words] = {"grade": offered(Grade), "kind": offered(ExpertKind)}
        listed = [words.strip() for words in BETWEEN.split(typed.get("specialties", ""))]
        given["specialties"] = [chosen_of(words, specialties) for words in listed if words]
        readers = entries.PERSON | entries.entry(today, specialties)
        needed = ["name", *entries.ENTRY_NEEDED]
    else:
        chosen = {"kind": offered(InterestKind), "relation": offered(Relation)}
        readers = entries.tie(today) | {
            "email": entries.PERSON["email"],
            "number": entries.entry(today, ())["number"],
        }
        needed = [*entries.TIE_NEEDED]
    for name, words in chosen.items():
        if name in given:
            given[name] = chosen_of(given[name], words)
    try:
        clean = read_all(readers, given, needed=needed)
    except Invalid as error:
        return {}, dict(error.errors)
    if not clean["email"] and not clean["number"]:
        return {}, {"email": [_("Give the e-mail address, or the number in the pool.")]}
    return clean, dict(entries.tie_errors(clean)) if kind == TIE else {}


def _once(found: Read) -> None:
    """Nobody stands twice in one file; the second row is a fault."""
    seen: dict[tuple[str, str], int] = {}
    kept = []
    for line in found.people:
        keys = [(name, line.values[name].lower()) for name in ("email", "number")]
        keys = [key for key in keys if key[1]]
        before = next((seen[key] for key in keys if key in seen), None)
        if before is None:
            seen |= dict.fromkeys(keys, line.row)
            kept.append(line)
        else:
            sentence = _("The same person stands in row %(row)s already.") % {"row": before}
            found.faults.append(Fault(EXPERT, line.row, "", sentence))
    found.people = kept


def offered(choices: Any) -> Words:
    """The values of a choice with their words in both languages."""
    words: dict[str, set[str]] = {value: {value} for value in choices.values if value}
    for language in ("zh-hans", "en"):
        with translation.override(language):
            for value, label in choices.choices:
                if value:
                    words[value].add(str(label))
    return words


def chosen_of(words: str, known: Words) -> str:
    """The code that these words name; words that name none stay, and are refused by the reader."""
    wanted = " ".join(words.lower().split())
    for code, names in known.items():
        if wanted == code or any(wanted == name.lower() for name in names):
            return code
    return words


def _day(words: str) -> str:
    """A date that Excel keeps as a number of days, as one would type it; others as they are."""
    if not SERIAL.fullmatch(words):
        return words
    return (date(1899, 12, 30) + timedelta(days=int(float(words)))).isoformat()


def _whole(words: str) -> str:
    """A whole number that a spreadsheet keeps as 12.0, as one would type it."""
    return words.removesuffix(".0")
