"""A table as comma-separated text, within the limits of the others. Pure."""

from __future__ import annotations

import csv
import io
import re

from django.utils.translation import gettext as _

from marketplace.base.texts import Wrong
from marketplace.scenarios.drafting.archive import FILE_MOST
from marketplace.scenarios.drafting.tables import COLUMNS_MOST, ROWS_MOST, Table

# As spreadsheets in China and elsewhere write it.
ENCODINGS = ("utf-8-sig", "gb18030")
# What a spreadsheet that opens the file would run; a number may have its sign.
FORMULA = re.compile(r"\s*(=|@|[+-](?!\s*[\d.,]+%?\s*$))")


def commas_of(raw: bytes) -> Table:
    """Raises Wrong."""
    if len(raw) > FILE_MOST:
        sentence = _("The file may have at most %(most)s MB.")
        raise Wrong("file.size", sentence % {"most": FILE_MOST // 1024 // 1024})
    rows: Table = []
    try:
        for row in csv.reader(io.StringIO(_text(raw), newline="")):
            if len(rows) >= ROWS_MOST or len(row) > COLUMNS_MOST:
                sentence = _(
                    "The file has more tables, rows or columns than the form; use the form to"
                    " download."
                )
                raise Wrong("file.rows", sentence)
            rows.append(row)
    except csv.Error as error:
        raise Wrong("file.broken", _("The file is damaged, or is no table.")) from error
    for line, row in enumerate(rows, start=1):
        for column, cell in enumerate(row, start=1):
            if FORMULA.match(cell):
                sentence = _("Row %(row)s, column %(column)s holds a formula: write its value.")
                raise Wrong("file.formula", sentence % {"row": line, "column": column})
    return rows


def _text(raw: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise Wrong("file.broken", _("The file is damaged, or is no table."))
