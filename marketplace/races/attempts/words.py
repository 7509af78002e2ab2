"""Why a result file cannot be counted, in sentences that tell the vendor what to change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# By the codes of marketplace/races/evaluation; a test holds this against them.
SENTENCES: dict[str, str | Promise] = {
    "too_big": gettext_lazy(
        "The file has %(size)s bytes; at most %(most)s are read. Make it smaller."
    ),
    "empty": gettext_lazy("The file is empty."),
    "not_a_table": gettext_lazy(
        "This is a file of the kind %(kind)s. Send the table itself, as CSV or Parquet, unpacked."
    ),
    "encoding": gettext_lazy("The text is not UTF-8. Save the file as CSV in UTF-8."),
    "nul": gettext_lazy("There is a zero byte in the text. Save the file as CSV in UTF-8."),
    "line_too_long": gettext_lazy(
        "The line is longer than a table of this kind has lines. End each row."
    ),
    "quote": gettext_lazy("A quotation mark is opened and not closed, or stands inside a value."),
    "separator": gettext_lazy("Columns are separated by “%(found)s”. Separate them by commas."),
    "empty_line": gettext_lazy("The line is empty. Remove it."),
    "fields": gettext_lazy("The row has %(found)s values; the header has %(expected)s columns."),
    "missing_column": gettext_lazy("The column is missing. Add it to the header and to each row."),
    "extra_column": gettext_lazy("The column is not asked for. Remove it."),
    "duplicate_column": gettext_lazy("The column stands in the header twice. Keep one of them."),
    "no_rows": gettext_lazy("The table has a header and no rows."),
    "too_many_rows": gettext_lazy("The table has more than %(most)s rows."),
    "too_long": gettext_lazy("The value is longer than %(most)s characters."),
    "empty_cell": gettext_lazy("The cell is empty. Give a value."),
    "unknown_label": gettext_lazy(
        "“%(value)s” is none of the labels. Use the labels of the race, letter by letter."
    ),
    "unknown_id": gettext_lazy("“%(value)s” is not in the list of ids. Use the ids of the inputs."),
    "duplicate_id": gettext_lazy("The id “%(value)s” has a row already. Keep one row for each id."),
    "missing_id": gettext_lazy(
        "The id “%(value)s” has no row; %(missing)s in all have none. Give each id a row."
    ),
    "duplicate_row": gettext_lazy(
        "The row says again what an earlier one says. Remove one of them."
    ),
    "not_a_number": gettext_lazy(
        "“%(value)s” is not a number. Write it with a point and no spaces."
    ),
    "not_an_integer": gettext_lazy("“%(value)s” is not a whole number."),
    "not_finite": gettext_lazy("“%(value)s” is not a finite number. Give a number."),
    "out_of_range": gettext_lazy("“%(value)s” lies outside of what is allowed here."),
    "parquet_damaged": gettext_lazy("The Parquet file is damaged. Write it again."),
    "parquet_nested": gettext_lazy("The column “%(column)s” is nested. Give plain columns."),
    "parquet_type": gettext_lazy(
        "The column is of the type %(found)s; it should be of %(expected)s."
    ),
    "parquet_too_big": gettext_lazy("The Parquet file unpacks to more than is read (%(what)s)."),
    # Of a truth, for its owner alone.
    "half_an_event": gettext_lazy("An event has a start and an end, or neither."),
    "ends_before_it_starts": gettext_lazy("The event ends before it starts."),
    "ends_after_the_stream": gettext_lazy("The event ends after its stream does."),
    "two_lengths": gettext_lazy("The stream has two different lengths."),
    "no_relevance": gettext_lazy("The item has no relevance."),
    "not_sealed_to_us": gettext_lazy(
        "The truth is not sealed to the evaluation of this platform. Seal it anew to the recipient"
        " that is shown here."
    ),
    "evaluator_crashed": gettext_lazy("The evaluator broke on these files. Ask the office."),
    "evaluator_time": gettext_lazy("The evaluator took too long over these files. Ask the office."),
}


class Blank(dict[str, Any]):
    """A fault that does not tell a value leaves its place empty."""

    def __missing__(self, name: str) -> str:
        return "…"


def sentence(fault: Mapping[str, Any]) -> str:
    """What is wrong and what to change; by its code where an added evaluator has one of its own."""
    known = SENTENCES.get(fault["code"])
    if known is None:
        return _("The file breaks the rule “%(code)s” of its evaluator.") % {"code": fault["code"]}
    return str(known) % Blank(fault.get("params") or {})


def told(faults: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Row, column and sentence of each, for tables and for programs."""
    return [
        {
            "code": fault["code"],
            "row": fault.get("row"),
            "column": fault.get("column"),
            "message": sentence(fault),
        }
        for fault in faults
    ]
