"""What changed, readably: texts by words, rows by their code. Pure, no database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

# A word of Latin letters and digits, one sign of Chinese, blanks, or one other sign.
TOKEN = re.compile(r"[A-Za-z0-9]+(?:[.,][0-9]+)*|\n|[^\S\n]+|.", re.DOTALL)
# Comparing costs the square of the length; what is longer is shown line by line.
WORDS_MOST = 3000
SAME, GONE, NEW = "same", "gone", "new"
Piece = tuple[str, str]


def text_difference(before: str, after: str) -> list[Piece]:
    """Pieces in order: (same | gone | new, text). Same and gone together are the text before."""
    one, other = TOKEN.findall(before), TOKEN.findall(after)
    if len(one) > WORDS_MOST or len(other) > WORDS_MOST:
        one, other = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return _joined(_pieces(one, other))


def _pieces(before: Sequence[str], after: Sequence[str]) -> list[Piece]:
    found: list[Piece] = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            found.append((SAME, "".join(before[i1:i2])))
            continue
        if i2 > i1:
            found.append((GONE, "".join(before[i1:i2])))
        if j2 > j1:
            found.append((NEW, "".join(after[j1:j2])))
    return found


def _joined(pieces: list[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for kind, text in pieces:
        if joined and joined[-1][0] == kind:
            joined[-1] = (kind, joined[-1][1] + text)
        else:
            joined.append((kind, text))
    return joined


@dataclass(frozen=True)
class RowChange:
    """One row of a part: new, gone or changed; fields: (name, pieces) of what differs."""

    kind: str
    key: str
    fields: list[tuple[str, list[Piece]]] = field(default_factory=list)


def rows_difference(
    before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]
) -> list[RowChange]:
    """Rows are known by their code, or else by their name; what is only moved is no change."""
    old = {_key(row, place): row for place, row in enumerate(before)}
    new = {_key(row, place): row for place, row in enumerate(after)}
    found = [
        RowChange(
            GONE, key, [(name, [(GONE, _said(row[name]))]) for name in row if _said(row[name])]
        )
        for key, row in old.items()
        if key not in new
    ]
    for key, row in new.items():
        if key not in old:
            told = [(name, [(NEW, _said(row[name]))]) for name in row if _said(row[name])]
            found.append(RowChange(NEW, key, told))
            continue
        differing = [
            (name, text_difference(_said(old[key].get(name)), _said(row.get(name))))
            for name in {**old[key], **row}
            if _said(old[key].get(name)) != _said(row.get(name))
        ]
        if differing:
            found.append(RowChange("changed", key, differing))
    return found


def _key(row: dict[str, Any], place: int) -> str:
    return str(row.get("code") or row.get("name") or place + 1)


def _said(value: Any) -> str:
    """A plain value as a reader sees it."""
    if value is None or value == [] or value is False:
        return ""
    if value is True:
        return "✓"
    if isinstance(value, list):
        return "\n".join(
            " ".join(str(part) for part in one.values()) if isinstance(one, dict) else str(one)
            for one in value
        )
    return str(value)
