"""Parquet: what the file says of itself is checked before anything is unpacked.

Rows, columns and unpacked sizes are read from the footer, and again from the header of every page,
since only pages say what a reader will really set aside. Then polars reads batch by batch.
Source: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from marketplace.races.evaluation import limits
from marketplace.races.evaluation.faults import Fault, Refused, refused, shown
from marketplace.races.evaluation.gathering import Batch
from marketplace.races.evaluation.kinds import Column
from marketplace.races.evaluation.thrift import Damaged, Reader

MAGIC = b"PAR1"
# More than a page's header ever is, its statistics of two values included.
PAGE_HEADER_MOST = 256 * 1024
DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = 0, 2, 3


def batches(path: Path, columns: tuple[Column, ...]) -> Iterator[Batch]:
    with path.open("rb") as stream:
        try:
            inspect(stream, path.stat().st_size, columns)
        except (Damaged, KeyError, TypeError, AttributeError, IndexError) as exc:
            raise refused("parquet_damaged") from exc
    names = [column.name for column in columns]
    row = 1
    try:
        schema = pl.read_parquet_schema(path)
        check_types(schema, columns)
        lazy = pl.scan_parquet(path, glob=False).select(names)
        for frame in lazy.collect_batches(chunk_size=limits.PARQUET_BATCH, maintain_order=True):
            yield batch(frame, columns, row)
            row += frame.height
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as exc:
        raise refused("parquet_damaged") from exc


def inspect(stream: BinaryIO, size: int, columns: tuple[Column, ...]) -> None:
    """Raises Refused, or Damaged and the like where the file is not what it says."""
    stream.seek(max(0, size - 8))
    tail = stream.read(8)
    length = int.from_bytes(tail[:4], "little")
    if size < 12 or tail[4:] != MAGIC or length > size - 12:
        raise Damaged("no footer")
    within("footer", length, limits.PARQUET_FOOTER_MOST)
    stream.seek(size - 8 - length)
    footer = Reader(stream.read(length)).struct()
    check_names(footer[2], columns)
    groups = footer.get(4, [])
    check_rows(footer[3], [group[3] for group in groups])
    unpacked = pages = 0
    for group in groups:
        if len(group[1]) != len(footer[2]) - 1:
            raise Damaged("columns that do not add up")
        for chunk in group[1]:
            for page in walk(stream, size, chunk, group[3]):
                unpacked += page
                pages += 1
                within("unpacked", unpacked, limits.PARQUET_UNPACKED_MOST)
                within("pages", pages, limits.PARQUET_PAGES_MOST)


def within(what: str, found: int, most: int) -> None:
    if found > most:
        raise refused("parquet_too_big", what=what, most=most)


def check_rows(rows: int, of_groups: list[int]) -> None:
    if rows < 0 or any(one < 0 for one in of_groups):
        raise Damaged("a negative number of rows")
    if max(rows, sum(of_groups)) > limits.ROWS_MOST:
        raise refused("too_many_rows", most=limits.ROWS_MOST)
    if rows != sum(of_groups):
        raise Damaged("rows that do not add up")
    within("groups", len(of_groups), limits.PARQUET_GROUPS_MOST)


def check_names(elements: list[dict[int, Any]], columns: tuple[Column, ...]) -> None:
    """Flat, and just the columns that are asked for."""
    within("columns", len(elements) - 1, limits.PARQUET_COLUMNS_MOST)
    given = []
    for element in elements[1:]:
        name = element[4].decode("utf-8", "replace")
        if element.get(5) or element.get(3) == 2:  # a group, a repeated field
            raise refused("parquet_nested", column=shown(name))
        given.append(name)
    wanted = [column.name for column in columns]
    faults = [Fault("missing_column", None, name) for name in wanted if name not in given]
    faults += [Fault("extra_column", None, shown(name)) for name in given if name not in wanted]
    faults += [
        Fault("duplicate_column", None, shown(name))
        for name, after in pairwise(sorted(given))
        if name == after
    ]
    if faults:
        raise Refused(faults)


def walk(stream: BinaryIO, size: int, chunk: dict[int, Any], rows: int) -> Iterator[int]:
    """Unpacked bytes of each page of a column's chunk, as its own header says."""
    if chunk.get(1):
        raise Damaged("a column in another file")
    meta = chunk[3]
    at = min(offset for offset in (meta[9], meta.get(11)) if offset)
    end = at + meta[7]
    if not 4 <= at <= end <= size or meta[5] != rows:
        raise Damaged("a chunk that lies elsewhere")
    values = 0
    while at < end:
        stream.seek(at)
        reader = Reader(stream.read(min(PAGE_HEADER_MOST, end - at)))
        page = reader.struct()
        unpacked, packed = page[2], page[3]
        at += reader.at + packed
        if unpacked < 0 or packed < 0 or at > end:
            raise Damaged("a page that lies elsewhere")
        within("page", unpacked, limits.PARQUET_PAGE_MOST)
        if page[1] == DATA_PAGE:
            values += page[5][1]
        elif page[1] == DATA_PAGE_V2:
            values += page[8][1]
        elif page[1] == DICTIONARY_PAGE and not 0 <= page[7][1] <= rows:
            raise Damaged("a dictionary larger than its column")
        yield unpacked
    if values != rows:
        raise Damaged("values that do not add up")


def check_types(schema: Any, columns: tuple[Column, ...]) -> None:
    faults = []
    for column in columns:
        found = schema[column.name]
        texts = found in (pl.String, pl.Categorical, pl.Enum)
        whole = found.is_integer()
        fits = {
            "integer": whole,
            "number": found.is_numeric(),
            "label": texts or whole,
            "text": texts,
            "id": whole if column.low is not None else texts,
        }[column.kind]
        if not fits:
            params = {"found": str(found), "expected": column.kind}
            faults.append(Fault("parquet_type", None, column.name, params))
    if faults:
        raise Refused(faults)


def batch(frame: pl.DataFrame, columns: tuple[Column, ...], first: int) -> Batch:
    """In the types that CSV has too; what does not fit becomes empty, with its fault."""
    faults: list[Fault] = []
    found = {}
    for column in columns:
        given = frame[column.name].rechunk()
        code = "out_of_range"
        if column.kind == "label":
            given = given.cast(pl.String)
            fitting = given.cast(pl.Enum(column.labels), strict=False)
            code = "unknown_label"
        elif column.kind == "integer" or (column.kind == "id" and column.low is not None):
            fitting = given.cast(pl.Int64, strict=False)
            code = "unknown_id" if column.kind == "id" else code
        elif column.kind == "number":
            fitting = given.cast(pl.Float64, strict=False)
        else:
            fitting = given.cast(pl.String)
        if fitting.null_count() != given.null_count():
            lost = (fitting.is_null() & given.is_not_null()).arg_true()
            faults += [
                Fault(code, first + row, column.name, {"value": shown(given[row])})
                for row in lost.head(limits.TOLD_MOST + 1).to_list()
            ]
        found[column.name] = fitting
    return Batch(first, found, faults)
