"""The tables of a Word or Excel file as plain text cells. Pure; limits in archive.py."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element

from django.utils.translation import gettext as _

from marketplace.base.texts import Wrong
from marketplace.scenarios.drafting.archive import Archive, broken

Table = list[list[str]]
TABLES_MOST = 60
ROWS_MOST = 500
COLUMNS_MOST = 40
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})", re.ASCII)


def tables_of(raw: bytes) -> list[Table]:
    """Every table of the document, every sheet of the workbook. Raises Wrong."""
    archive = Archive(raw)
    try:
        if "word/document.xml" in archive.names:
            return list(_word(archive))
        if "xl/workbook.xml" in archive.names:
            return list(_excel(archive))
    except RecursionError as error:
        raise broken() from error
    raise broken()


def _too_long() -> Wrong:
    sentence = _(
        "The file has more tables, rows or columns than the form; use the form to download."
    )
    return Wrong("file.rows", sentence)


# -- Word ------------------------------------------------------------------------------------------
def _word(archive: Archive) -> Iterator[Table]:
    for count, table in enumerate(archive.xml("word/document.xml").iter(f"{W}tbl")):
        rows = list(_within(table, f"{W}tr"))
        if count >= TABLES_MOST or len(rows) > ROWS_MOST:
            raise _too_long()
        archive.in_time()
        yield [[_words(cell) for cell in _within(row, f"{W}tc")] for row in rows]


def _within(parent: Element, tag: str) -> Iterator[Element]:
    """Children of a kind, also those inside content controls."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in (f"{W}sdt", f"{W}sdtContent"):
            yield from _within(child, tag)


def _words(cell: Element) -> str:
    """A cell's text, a line per paragraph; what was struck out in revision is not in it."""
    lines = []
    for paragraph in cell.iter(f"{W}p"):
        pieces = []
        for piece in paragraph.iter():
            if piece.tag == f"{W}t":
                pieces.append(piece.text or "")
            elif piece.tag == f"{W}tab":
                pieces.append(" ")
            elif piece.tag in (f"{W}br", f"{W}cr"):
                pieces.append("\n")
        lines.append("".join(pieces))
    return "\n".join(lines).strip()


# -- Excel -----------------------------------------------------------------------------------------
def _excel(archive: Archive) -> Iterator[Table]:
    paths: dict[str | None, str] = {}
    for link in archive.xml("xl/_rels/workbook.xml.rels"):
        if link.get("TargetMode") != "External":
            target = link.get("Target") or ""
            path = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
            paths[link.get("Id")] = path
    shared: list[str] = []
    if "xl/sharedStrings.xml" in archive.names:
        shared = [_plain(item) for item in archive.xml("xl/sharedStrings.xml")]
    sheets = list(archive.xml("xl/workbook.xml").iter(f"{S}sheet"))
    if len(sheets) > TABLES_MOST:
        raise _too_long()
    for sheet in sheets:
        path = paths.get(sheet.get(f"{R}id"), "")
        if path in archive.names:
            yield _sheet(archive, path, (sheet.get("name") or "")[:40], shared)


def _sheet(archive: Archive, path: str, name: str, shared: list[str]) -> Table:
    rows: Table = []
    for row in archive.xml(path).iter(f"{S}row"):
        archive.in_time()
        for cell in row.iter(f"{S}c"):
            where = cell.get("r") or ""
            if cell.find(f"{S}f") is not None:
                sentence = _(
                    "Cell %(cell)s of sheet “%(sheet)s” holds a formula: replace it by its value."
                )
                raise Wrong("file.formula", sentence % {"cell": where[:12], "sheet": name})
            words = _value(cell, shared)
            if not words.strip():
                continue
            match = CELL.fullmatch(where)
            if match is None:
                raise broken()
            column, line = _number(match[1]), int(match[2])
            if not 1 <= line <= ROWS_MOST or column > COLUMNS_MOST:
                raise _too_long()
            rows += [[] for _one in range(line - len(rows))]
            cells = rows[line - 1]
            cells += [""] * (column - len(cells))
            cells[column - 1] = words
    return rows


def _plain(item: Element) -> str:
    """The text of a string with its runs; phonetic guides are left out."""
    runs = [item, *item.findall(f"{S}r")]
    return "".join(text.text or "" for run in runs for text in run.findall(f"{S}t"))


def _value(cell: Element, shared: list[str]) -> str:
    kind, found = cell.get("t"), cell.find(f"{S}v")
    if kind == "inlineStr":
        inline = cell.find(f"{S}is")
        return _plain(inline) if inline is not None else ""
    raw = (found.text or "") if found is not None else ""
    if kind == "s":
        if not (raw.isascii() and raw.isdigit()) or int(raw) >= len(shared):
            raise broken()
        return shared[int(raw)]
    if kind == "b":
        return "yes" if raw == "1" else "no"
    if kind in ("str", "e", "d") or not raw:
        return raw
    try:
        number = Decimal(repr(float(raw)))
    except (ValueError, InvalidOperation) as error:
        raise broken() from error
    return f"{number:f}" if number.is_finite() and abs(number) < 10**30 else raw


def _number(letters: str) -> int:
    """A -> 1, Z -> 26, AA -> 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
