"""The form to download and its reading back: what is asked, and what the cells say. Pure.

Every question carries its code in brackets, so that labels may be translated, reordered or
widened: `Title [title]` in a table of questions, `Value [metrics.value]` in the head of a part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from marketplace.scenarios.content import ROWS, ROWS_MOST
from marketplace.scenarios.drafting.tables import Table

CODE = re.compile(r"\[([a-z_]{2,30}(?:\.[a-z_]{2,30})?)\]", re.ASCII)
# A row that begins so explains; it is not read.
ASIDE = "※"
BETWEEN = re.compile(r"[、,，;；\n]+")
YES = frozenset("是 yes y true 1 on √ ✓ ✔ 对".split())
NO = frozenset("否 no n false 0 off × ✗ 不".split())
SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)


@dataclass(frozen=True)
class Question:
    """code: field or part.column. kind: text, choice, several or flag. choices: words offered."""

    code: str
    label: str
    help: str
    example: str
    kind: str = "text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    title: str
    intro: str
    heads: tuple[str, str, str, str]
    fields: list[Question]
    parts: list[tuple[str, str, list[Question]]]


@dataclass(frozen=True)
class Understood:
    """values and rows as somebody would type them on the page; `odd`: what could not be placed.

    odd: (field, what stood there, rule) with rule choice, flag, unknown or twice.
    """

    values: dict[str, str | list[str]] = field(default_factory=dict)
    rows: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    odd: list[tuple[str, str, str]] = field(default_factory=list)


Choices = Mapping[str, Mapping[str, str]]


def understand(tables: list[Table], *, kinds: Mapping[str, str], choices: Choices) -> Understood:
    """kinds: code -> kind for all that may be asked. choices: code -> {words, lower: code}."""
    found = Understood()
    for table in tables:
        head = next(
            (at for at, row in enumerate(table) if any("." in code for code in _codes(row))), None
        )
        if head is None:
            _fields(table, kinds, choices, found)
        else:
            _fields(table[:head], kinds, choices, found)
            _rows(table[head], table[head + 1 :], kinds, choices, found)
    return found


def _codes(row: list[str]) -> list[str]:
    return [match[1] if (match := CODE.search(cell[:200])) else "" for cell in row]


def _fields(table: Table, kinds: Mapping[str, str], choices: Choices, found: Understood) -> None:
    for row in table:
        code = (_codes(row[:1]) or [""])[0]
        if not code or row[0].startswith(ASIDE):
            continue
        words = row[1].strip() if len(row) > 1 else ""
        if code not in kinds or "." in code:
            found.odd.append((code, words, "unknown"))
        elif code in found.values:
            found.odd.append((code, words, "twice"))
        elif words:
            value = _read(code, code, words, kinds, choices, found)
            if value is not None:
                found.values[code] = value


def _rows(  # noqa: C901 - one table from its head to its last row
    head: list[str], table: Table, kinds: Mapping[str, str], choices: Choices, found: Understood
) -> None:
    codes = _codes(head)
    parts = {code.partition(".")[0] for code in codes if "." in code}
    part = next(iter(parts))
    if len(parts) > 1 or part not in ROWS:
        found.odd.append((part, "", "unknown"))
        return
    if part in found.rows:
        found.odd.append((part, "", "twice"))
        return
    rows: list[dict[str, str]] = []
    for cells in table:
        filled = [(code, cell.strip()) for code, cell in zip(codes, cells, strict=False)]
        filled = [(code, words) for code, words in filled if code and words]
        if not filled or any(cell.startswith(ASIDE) for cell in cells):
            continue
        if len(rows) >= ROWS_MOST[part]:
            found.odd.append((part, filled[0][1], "most"))
            break
        row: dict[str, str] = {}
        for code, words in filled:
            if code not in kinds:
                found.odd.append((code, words, "unknown"))
                continue
            column = code.partition(".")[2]
            where = f"{part}-{len(rows)}-{column}"
            value = _read(where, code, words, kinds, choices, found)
            if isinstance(value, str):
                row[column] = value
        if row:
            rows.append(row)
    if rows:
        found.rows[part] = rows


def _read(  # noqa: PLR0917 - what is read, and by what
    where: str,
    code: str,
    words: str,
    kinds: Mapping[str, str],
    choices: Choices,
    found: Understood,
) -> str | list[str] | None:
    kind = kinds[code]
    if kind == "flag":
        if words.lower() in YES | NO:
            return "on" if words.lower() in YES else ""
        found.odd.append((where, words, "flag"))
        return None
    if kind == "choice":
        chosen = choices[code].get(_key(words))
        if chosen is None:
            found.odd.append((where, words, "choice"))
        return chosen
    if kind == "several":
        chosen_many = []
        for one in filter(None, map(str.strip, BETWEEN.split(words))):
            if (known := choices[code].get(_key(one))) is None:
                found.odd.append((where, one, "choice"))
            else:
                chosen_many.append(known)
        return chosen_many
    return _date(words) if code == "deadline_at" else words


def _key(words: str) -> str:
    return " ".join(words.lower().split())


def _date(words: str) -> str:
    """A date that Excel keeps as a number of days, as one would type it; others as they are."""
    if not SERIAL.fullmatch(words):
        return words.replace("/", "-").strip()
    at = datetime(1899, 12, 30) + timedelta(days=float(words))  # noqa: DTZ001 - as typed
    return f"{at + timedelta(milliseconds=500):%Y-%m-%dT%H:%M:%S}"


def choice_key(words: str) -> str:
    """Under which words a choice is found."""
    return _key(words)


def printed(form: Form) -> Iterator[tuple[str, Table]]:
    """The form as tables with their titles: questions first, then a table for each part."""
    rows = [list(form.heads)]
    rows += [
        [f"{asked.label} [{asked.code}]", "", _told(asked), asked.example] for asked in form.fields
    ]
    yield form.title, rows
    for _part, title, columns in form.parts:
        notes = [f"{_told(asked)} / {asked.example}" for asked in columns]
        notes[0] = f"{ASIDE} {notes[0]}"
        yield title, [[f"{asked.label} [{asked.code}]" for asked in columns], notes]


def _told(asked: Question) -> str:
    return asked.help if not asked.choices else f"{asked.help} {' / '.join(asked.choices)}"
