"""Reading a result file strictly: CSV in UTF-8, or Parquet.

Memory stays within a block beside the columns themselves. Everything that is wrong is told by row
and column as far as faults.TOLD_MOST goes; nothing that is told depends on the truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from marketplace.races.evaluation import commas, parquet
from marketplace.races.evaluation.faults import Fault, Refused, refused, shown
from marketplace.races.evaluation.gathering import Batch, Gathering
from marketplace.races.evaluation.ids import Ids
from marketplace.races.evaluation.kinds import Column, Evaluator, Settings
from marketplace.races.evaluation.limits import FILE_MOST, ROWS_MOST, TOLD_MOST, VALUE_MOST
from marketplace.races.evaluation.shipped import id_column
from marketplace.races.evaluation.table import Table

# What is sent by mistake, by its first bytes. Nothing of it is ever unpacked.
OTHERS = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"(\xb5/\xfd": "zstandard",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "rar",
    b"%PDF": "pdf",
    b"\xd0\xcf\x11\xe0": "office",
    b"ARROW1": "arrow",
    b"SQLite": "sqlite",
    b"{": "json",
    b"[": "json",
}
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_result(path: Path, chosen: Evaluator, settings: Settings, ids: Ids) -> Table:
    """A vendor's file against the published ids. Raises Refused."""
    gathering = Gathering(
        chosen.columns(settings), ids, rows=chosen.rows, keys=chosen.keys, complete=True
    )
    return read(path, gathering)


def read_truth_table(path: Path, chosen: Evaluator, settings: Settings, ids: Ids) -> Table:
    """The owner's truth; it may leave ids out, which are then not measured. Raises Refused."""
    gathering = Gathering(
        chosen.truth_columns(settings),
        ids,
        rows=chosen.truth_rows,
        keys=chosen.truth_keys,
        complete=False,
    )
    return read(path, gathering)


def read(path: Path, gathering: Gathering) -> Table:
    for batch in batches(path, gathering.columns):
        gathering.take(batch)
    return gathering.table()


def batches(path: Path, columns: tuple[Column, ...]) -> Iterator[Batch]:
    size = path.stat().st_size
    if size > FILE_MOST:
        raise refused("too_big", size=size, most=FILE_MOST)
    with path.open("rb") as stream:
        head = stream.read(8)
    if not head.removeprefix(commas.BOM).strip():
        raise refused("empty")
    if head.startswith(parquet.MAGIC):
        return parquet.batches(path, columns)
    for start, kind in OTHERS.items():
        if head.startswith(start):
            raise refused("not_a_table", kind=kind)
    if head.startswith(UTF16):
        raise refused("encoding", 1)
    return commas.batches(path, columns)


def read_ids(path: Path, settings: Settings) -> Ids:
    """The published list: a table of one column, `id`. Raises Refused."""
    column = id_column(settings)
    parts, rows = [], 0
    for batch in batches(path, (column,)):
        series, faults = batch.columns["id"], list(batch.faults)
        blank = (
            series.is_null() if column.low is not None else series.fill_null("") == ""
        ).arg_true()
        told = {fault.row for fault in faults}
        faults += [
            Fault("empty_cell", batch.first + row, "id")
            for row in blank.head(TOLD_MOST + 1).to_list()
            if batch.first + row not in told
        ]
        if faults:
            raise Refused(sorted(faults, key=lambda fault: fault.row or 0))
        parts.append(series)
        rows += len(series)
        if rows > ROWS_MOST:
            raise refused("too_many_rows", most=ROWS_MOST)
    if not rows:
        raise refused("no_rows")
    values = pl.concat(parts).rechunk()
    if column.low is not None and values.min() < 0:  # type: ignore[operator]
        raise refused("out_of_range", None, "id", low="0", high=str(column.high))
    if column.low is None and values.str.len_chars().max() > VALUE_MOST:  # type: ignore[operator]
        raise refused("too_long", None, "id", most=VALUE_MOST)
    if values.n_unique() != rows:
        twice = (~values.is_first_distinct()).arg_true().head(TOLD_MOST + 1)
        raise Refused(
            [Fault("duplicate_id", None, "id", {"value": shown(values[row])}) for row in twice]
        )
    return Ids(values)
