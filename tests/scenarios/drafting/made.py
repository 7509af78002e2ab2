"""Files that somebody sends: the form filled in, and everything that must be refused."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from docx import Document
from openpyxl import Workbook, load_workbook

EMPTY_WORD = (
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    "<w:body><w:tbl><w:tr><w:tc><w:p><w:r><w:t>[title]</w:t></w:r></w:p></w:tc>"
    "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>"
)
TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{}</Types>'


def packed(entries: dict[str, str | bytes], **how: Any) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in entries.items():
            archive.writestr(name, body, **how)
    return stream.getvalue()


def word(document: str = EMPTY_WORD.format("T"), **more: str | bytes) -> bytes:
    return packed({"[Content_Types].xml": TYPES.format(""), "word/document.xml": document, **more})


def bad_files() -> dict[str, tuple[bytes, str]]:
    """{name: (bytes, the rule that refuses them)}."""
    entity = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + EMPTY_WORD.format("&x;")
    laughs = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]>' + EMPTY_WORD.format("&y;")
    macros = TYPES.format('<Override ContentType="application/vnd.ms-word.document.macroEnabled"/>')
    book = Workbook()
    book.active["A1"], book.active["B7"] = "[title]", "=1+1"
    stream = io.BytesIO()
    book.save(stream)
    far = Workbook()
    far.active["A1"], far.active["XFD9000"] = "[title]", "x"
    far_stream = io.BytesIO()
    far.save(far_stream)
    good = word()
    return {
        "empty": (b"", "file.broken"),
        "text": (b"title: x", "file.broken"),
        "picture": (b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "file.broken"),
        "old or locked": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "file.old"),
        "cut short": (good[: len(good) // 2], "file.broken"),
        "another zip": (packed({"a.txt": "x"}), "file.broken"),
        "no document": (packed({"[Content_Types].xml": TYPES.format("")}), "file.broken"),
        "bad xml": (word("<w:document"), "file.broken"),
        "very deep": (word("<a>" * 30_000 + "</a>" * 30_000), "file.broken"),
        "outside entity": (word(entity), "file.entities"),
        "laughs": (word(laughs), "file.entities"),
        "macros": (word(**{"word/vbaProject.bin": b"x"}), "file.macros"),
        "macro type": (
            packed({"[Content_Types].xml": macros, "word/document.xml": EMPTY_WORD.format("T")}),
            "file.macros",
        ),
        "bomb": (word(EMPTY_WORD.format(" " * 20_000_000)), "file.unpacked"),
        "many entries": (word(**{f"x{n}": "x" for n in range(400)}), "file.entries"),
        "large": (b"PK\x03\x04" + b"x" * (2 * 1024 * 1024), "file.size"),
        "formula": (stream.getvalue(), "file.formula"),
        "far away": (far_stream.getvalue(), "file.rows"),
    }


def filled_word(
    form: bytes, values: dict[str, str], rows: dict[str, list[dict[str, str]]]
) -> bytes:
    """The Word form with answers written into it."""
    document = Document(io.BytesIO(form))
    for row in document.tables[0].rows[1:]:
        code = row.cells[0].text.rpartition("[")[2].rstrip("]")
        row.cells[1].text = values.get(code, "")
    for table in document.tables[1:]:
        codes = [cell.text.rpartition("[")[2].rstrip("]") for cell in table.rows[0].cells]
        for place, row in enumerate(rows.get(codes[0].partition(".")[0], [])):
            for cell, code in zip(table.rows[2 + place].cells, codes, strict=True):
                cell.text = row.get(code.partition(".")[2], "")
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def filled_excel(
    form: bytes, values: dict[str, str], rows: dict[str, list[dict[str, str]]]
) -> bytes:
    """The Excel form with answers written into it."""
    book = load_workbook(io.BytesIO(form))
    first, *others = book.worksheets
    for row in first.iter_rows(min_row=2):
        code = str(row[0].value).rpartition("[")[2].rstrip("]")
        row[1].value = values.get(code)
    for sheet in others:
        codes = [str(cell.value).rpartition("[")[2].rstrip("]") for cell in sheet[1]]
        for place, row in enumerate(rows.get(codes[0].partition(".")[0], [])):
            for column, code in enumerate(codes, start=1):
                cell = sheet.cell(3 + place, column)
                cell.value = row.get(code.partition(".")[2])
                if cell.value is not None:
                    cell.data_type = "s"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()
