"""Why a result file cannot be counted, in sentences that tell the vendor what to change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

# By the codes of marketplace/races/evaluation; a test holds this against them.
SENTENCES: dict[str, str | Promise] = {
    "too_big": lazy("The file has %(size)s bytes; at most %(most)s are read. Make it smaller."),
    "empty": lazy("The file is empty."),
    "not_a_table": lazy(
        "This is a file of the kind %(kind)s. Send the table itself, as CSV or Parquet, unpacked."
    ),
    "encoding": lazy("The text is not UTF-8. Save the file as CSV in UTF-8."),
    "nul": lazy("There is a zero byte in the text. Save the file as CSV in UTF-8."),
    "line_too_long": lazy("The line is longer than a table of this kind has lines. End each row."),
    "quote": lazy("A quotation mark is opened and not closed, or stands inside a value."),
    "separator": lazy("Columns are separated by “%(found)s”. Separate them by commas."),
    "empty_line": lazy("The line is empty. Remove it."),
    "fields": lazy("The row has %(found)s values; the header has %(expected)s columns."),
    "missing_column": lazy("The column is missing. Add it to the header and to each row."),
    "extra_column": lazy("The column is not asked for. Remove it."),
    "duplicate_column": lazy("The column stands in the header twice. Keep one of them."),
    "no_rows": lazy("The table has a header and no rows."),
    "too_many_rows": lazy("The table has more than %(most)s rows."),
    "too_long": lazy("The value is longer than %(most)s characters."),
    "empty_cell": lazy("The cell is empty. Give a value."),
    "unknown_label": lazy(
        "“%(value)s” is none of the labels. Use the labels of the race, letter by letter."
    ),
    "unknown_id": lazy("“%(value)s” is not in the list of ids. Use the ids of the inputs."),
    "duplicate_id": lazy("The id “%(value)s” has a row already. Keep one row for each id."),
    "missing_id": lazy(
        "The id “%(value)s” has no row; %(missing)s in all have none. Give each id a row."
    ),
    "duplicate_row": lazy("The row says again what an earlier one says. Remove one of them."),
    "not_a_number": lazy("“%(value)s” is not a number. Write it with a point and no spaces."),
    "not_an_integer": lazy("“%(value)s” is not a whole number."),
    "not_finite": lazy("“%(value)s” is not a finite number. Give a number."),
    "out_of_range": lazy("“%(value)s” lies outside of what is allowed here."),
    "parquet_damaged": lazy("The Parquet file is damaged. Write it again."),
    "parquet_nested": lazy("The column “%(column)s” is nested. Give plain columns."),
    "parquet_type": lazy("The column is of the type %(found)s; it should be of %(expected)s."),
    "parquet_too_big": lazy("The Parquet file unpacks to more than is read (%(what)s)."),
    # Of a truth, for its owner alone.
    "half_an_event": lazy("An event has a start and an end, or neither."),
    "ends_before_it_starts": lazy("The event ends before it starts."),
    "ends_after_the_stream": lazy("The event ends after its stream does."),
    "two_lengths": lazy("The stream has two different lengths."),
    "no_relevance": lazy("The item has no relevance."),
    "not_sealed_to_us": lazy(
        "The truth is not sealed to the evaluation of this platform. Seal it anew to the recipient"
        " that is shown here."
    ),
    "evaluator_crashed": lazy("The evaluator broke on these files. Ask the office."),
    "evaluator_time": lazy("The evaluator took too long over these files. Ask the office."),
}


class Blank(dict):  # type: ignore[type-arg]
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
