"""CSV by blocks of whole lines: polars reads them, and where it does not, we look line by line.

A line is a row: a value may not hold a line break. So a file is cut anywhere between two lines, a
line can be too long before anything parses it, and the number of line breaks tells the rows.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from marketplace.races.evaluation.faults import Fault, Refused, refused, shown
from marketplace.races.evaluation.gathering import Batch
from marketplace.races.evaluation.kinds import Column
from marketplace.races.evaluation.limits import BLOCK, LINE_MOST

NEWLINE = 10
BOM = b"\xef\xbb\xbf"
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
INFINITE = {"nan", "inf", "infinity"}
UNKNOWN, OUTSIDE = "unknown_label", "out_of_range"


def batches(path: Path, columns: tuple[Column, ...]) -> Iterator[Batch]:
    with path.open("rb", buffering=0) as stream:
        named, offset = header(stream, columns)
        stream.seek(offset)
        row = 2
        # The next block is parsed while this one is checked.
        with ThreadPoolExecutor(1) as ahead:
            waiting: deque[Future[Batch]] = deque()
            for block, lines in blocks(stream):
                waiting.append(ahead.submit(parsed, block, lines, named, row))
                row += lines
                if len(waiting) > 1:
                    yield waiting.popleft().result()
            for batch in waiting:
                yield batch.result()


def parsed(block: bytes, lines: int, columns: list[Column], first: int) -> Batch:
    return fast(block, lines, columns, first) or slow(block, columns, first)


def header(stream: BinaryIO, columns: tuple[Column, ...]) -> tuple[list[Column], int]:
    """The columns in the file's order, and where the first row begins."""
    head = stream.read(LINE_MOST + len(BOM))
    start = len(BOM) if head.startswith(BOM) else 0
    end = head.find(b"\n")
    if end < 0:
        if len(head) >= LINE_MOST:
            raise refused("line_too_long", 1, most=LINE_MOST)
        end = len(head)
    line = head[start:end].rstrip(b"\r")
    if b"\0" in line:
        raise refused("nul", 1)
    try:
        text = line.decode("utf-8")
        given = next(csv.reader([text], strict=True), [])
    except UnicodeDecodeError as exc:
        raise refused("encoding", 1) from exc
    except csv.Error as exc:
        raise refused("quote", 1) from exc
    wanted = {column.name: column for column in columns}
    faults = [
        Fault("duplicate_column", 1, shown(name))
        for name in dict.fromkeys(given)
        if given.count(name) > 1
    ]
    missing = [Fault("missing_column", 1, name) for name in wanted if name not in given]
    if missing and len(given) == 1 and len(wanted) > 1:
        for sign in (";", "\t", "|"):
            if sign in text:
                raise refused("separator", 1, found=sign)
    extra = [
        Fault("extra_column", 1, shown(name)) for name in dict.fromkeys(given) if name not in wanted
    ]
    if faults or missing or extra:
        raise Refused([*missing, *faults, *extra])
    return [wanted[name] for name in given], min(end + 1, len(head))


def blocks(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Whole lines and how many; none too long, no nul byte, none blank at the file's end."""
    row, rest = 2, b""
    while read := stream.read(BLOCK):
        data = rest + read
        cut = data.rfind(b"\n") + 1
        if not cut and len(data) > LINE_MOST:
            raise refused("line_too_long", row, most=LINE_MOST)
        if data.endswith((b"\n\n", b"\n\r\n"), 0, cut) or not data[:3].strip(b"\r\n"):
            # Blank lines wait for what follows, which may be nothing.
            whole = data[:cut].rstrip(b"\r\n")
            cut = len(whole) + data[len(whole) :].find(b"\n") + 1 if whole else 0
        block, rest = data[:cut], data[cut:]
        if block:
            sound(block, row)
            lines = int(np.count_nonzero(np.frombuffer(block, np.uint8) == NEWLINE))
            yield block, lines
            row += lines
        if len(rest) > LINE_MOST:
            blank = len(rest) - len(rest.lstrip(b"\r\n"))
            raise refused("empty_line" if blank else "line_too_long", row)
    if rest.strip(b"\r\n"):
        sound(rest + b"\n", row)
        yield rest + b"\n", rest.count(b"\n") + 1


def sound(block: bytes, row: int) -> None:
    """Looks only at the last line break within each longest line, so at few places."""
    at, end = 0, len(block)
    while at < end:
        last = block.rfind(b"\n", at, at + LINE_MOST + 1)
        if last < 0:
            raise refused("line_too_long", row + block.count(b"\n", 0, at), most=LINE_MOST)
        at = last + 1
    nul = block.find(b"\0")
    if nul >= 0:
        raise refused("nul", row + block.count(b"\n", 0, nul))


def dtype(column: Column) -> Any:
    if column.kind == "label":
        return pl.Enum(column.labels)
    if column.kind == "integer" or (column.kind == "id" and column.low is not None):
        return pl.Int64()
    return pl.Float64() if column.kind == "number" else pl.String()


def fast(block: bytes, lines: int, columns: list[Column], first: int) -> Batch | None:
    """None where a line is not as it should be: `slow` says which, or reads it after all."""
    try:
        frame = pl.read_csv(
            block, has_header=False, schema={column.name: dtype(column) for column in columns}
        )
    except (pl.exceptions.PolarsError, ValueError):
        return None
    if frame.height != lines or frame.width != len(columns):
        return None
    if any(frame[column.name].null_count() and not column.may_be_empty for column in columns):
        return None
    return Batch(first, {name: frame[name] for name in frame.columns}, [])


def slow(block: bytes, columns: list[Column], first: int) -> Batch:
    """The same by Python's own CSV reader, line by line, with each fault's row and column."""
    faults: list[Fault] = []
    cells: dict[str, list[Any]] = {column.name: [] for column in columns}
    for row, line in enumerate(block.removesuffix(b"\n").split(b"\n"), first):
        values = fields(line, row, columns, faults)
        for column, text in zip(columns, values, strict=True):
            cells[column.name].append(cell(column, text, row, faults))
    return Batch(
        first,
        {
            column.name: pl.Series(
                column.name,
                cells[column.name],
                pl.Int16() if column.kind == "label" else dtype(column),
            )
            for column in columns
        },
        faults,
    )


def fields(
    line: bytes, row: int, columns: list[Column], faults: list[Fault]
) -> list[str] | list[None]:
    nothing: list[None] = [None] * len(columns)
    line = line.removesuffix(b"\r")
    try:
        found = next(csv.reader([line.decode("utf-8")], strict=True), [])
    except UnicodeDecodeError:
        faults.append(Fault("encoding", row))
        return nothing
    except csv.Error:
        faults.append(Fault("quote", row))
        return nothing
    if not found:
        faults.append(Fault("empty_line", row))
        return nothing
    if len(found) != len(columns):
        params = {"found": len(found), "expected": len(columns)}
        faults.append(Fault("fields", row, params=params))
        return nothing
    return found


def cell(column: Column, text: str | None, row: int, faults: list[Fault]) -> Any:
    """A value, or None with a fault; an empty cell is for the checks of all batches."""
    if text is None or text == "":
        return None
    plain = text.lstrip(" \t")
    code: str = ""
    value: Any = text
    if column.kind == "label":
        code, value = ("", column.labels.index(text)) if text in column.labels else (UNKNOWN, None)
    elif column.kind == "number":
        code, value = number(plain)
    elif dtype(column) == pl.Int64:
        code, value = integer(plain)
        if code == OUTSIDE and column.kind == "id":
            code = "unknown_id"
    if code:
        faults.append(Fault(code, row, column.name, {"value": shown(text)}))
    return value


def number(text: str) -> tuple[str, float | None]:
    """(fault's code, None) or ("", value)."""
    if text.lstrip("+-").lower() in INFINITE:
        return "not_finite", None
    return ("", float(text)) if NUMBER.fullmatch(text) else ("not_a_number", None)


def integer(text: str) -> tuple[str, int | None]:
    if not INTEGER.fullmatch(text):
        return "not_an_integer", None
    if len(text) > 20 or abs(int(text)) >= 2**63:
        return OUTSIDE, None
    return "", int(text)
