"""Rows as they come in, checked at once by whole batches, and put where they belong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from marketplace.races.evaluation.faults import Fault, Refused, shown
from marketplace.races.evaluation.ids import Ids
from marketplace.races.evaluation.kinds import Column, Rows
from marketplace.races.evaluation.limits import ROWS_MOST, TOLD_MOST, VALUE_MOST
from marketplace.races.evaluation.table import Table

NO_LABEL = -1


@dataclass
class Batch:
    """Rows `first`, `first` + 1, …: {column: series}. Labels are enums or their codes.

    `faults` were found while the batch was parsed; their cells are empty.
    """

    first: int
    columns: dict[str, pl.Series]
    faults: list[Fault]


class Checks:
    """A column's cells of one batch: its values, and what is wrong with them."""

    def __init__(self, column: Column, given: pl.Series, first: int) -> None:
        self.column = column
        self.given = given
        self.first = first
        self.faults: list[Fault] = []
        self.empty = given.is_null().to_numpy() if given.null_count() else None

    def values(self) -> tuple[Any, list[Fault]]:
        if self.empty is not None and not self.column.may_be_empty:
            self.note("empty_cell", self.empty)
        if self.column.kind == "label":
            found: Any = self.labels()
        elif self.column.kind == "text":
            found = self.texts()
        else:
            found = self.numbers()
        return found, self.faults

    def note(self, code: str, mask: np.ndarray, **params: Any) -> None:
        self.faults += [
            Fault(
                code,
                self.first + row,
                self.column.name,
                {**value_of(self.given[row]), **params},
            )
            for row in np.flatnonzero(mask)[: TOLD_MOST + 1].tolist()
        ]

    def labels(self) -> np.ndarray:
        given = self.given
        codes = given.to_physical() if given.dtype == pl.Enum else given
        return codes.cast(pl.Int16).fill_null(NO_LABEL).to_numpy()

    def texts(self) -> pl.Series:
        if not self.column.may_be_empty:
            blank = (self.given == "").fill_null(value=False).to_numpy()
            if blank.any():
                self.note("empty_cell", blank)
        long = (self.given.str.len_chars() > VALUE_MOST).fill_null(value=False).to_numpy()
        if long.any():
            self.note("too_long", long, most=VALUE_MOST)
        return self.given

    def numbers(self) -> np.ndarray:
        if self.column.kind == "integer":
            found = self.given.fill_null(0).to_numpy()
        else:
            found = self.given.fill_null(float("nan")).to_numpy()
            finite = np.isfinite(found)
            if not finite.all():
                here = ~finite if self.empty is None else ~finite & ~self.empty
                self.note("not_finite", here)
        self.range(found)
        return found

    def range(self, numbers: np.ndarray) -> None:
        low, high = self.column.low, self.column.high
        if (low is None and high is None) or not len(numbers):
            return
        least = -np.inf if low is None else float(low)
        most = np.inf if high is None else float(high)
        if self.empty is None and numbers.min() >= least and numbers.max() <= most:
            return
        with np.errstate(invalid="ignore"):
            outside = ((numbers < least) | (numbers > most)) & np.isfinite(numbers)
        if self.empty is not None:
            outside &= ~self.empty
        bounds = {
            "low": None if low is None else str(low),
            "high": None if high is None else str(high),
        }
        self.note("out_of_range", outside, **bounds)


class Gathering:
    """Takes batches; gives a table, or refuses with the first faults by row."""

    def __init__(
        self,
        columns: tuple[Column, ...],
        ids: Ids,
        *,
        rows: Rows,
        keys: tuple[tuple[str, ...], ...],
        complete: bool,
    ) -> None:
        self.columns = columns
        self.ids = ids
        self.id_column = next(column for column in columns if column.kind == "id")
        self.rows = rows
        self.keys = keys
        self.complete = complete
        self.once = rows == "once"
        self.seen = np.zeros(len(ids), bool)
        self.marked = 0
        self.count = 0
        self.faults: list[Fault] = []
        self.out: dict[str, Any] = {}
        self.parts: dict[str, list[Any]] = {column.name: [] for column in columns}
        self.first_row = 1
        if self.once:
            for column in columns:
                if column.kind != "id":
                    self.out[column.name] = empty_column(column, len(ids))

    def take(self, batch: Batch) -> None:
        """Raises Refused as soon as there is enough to tell."""
        height = len(batch.columns[self.id_column.name])
        if not self.count:
            self.first_row = batch.first
        series = batch.columns[self.id_column.name]
        where, found = self._ids(batch.first, series)
        for column in self.columns:
            given = batch.columns[column.name]
            if column.kind != "id":
                values, faults = Checks(column, given, batch.first).values()
                found += faults
                self._put(column, where, values)
        if not self.once:
            self.parts[self.id_column.name].append(
                np.arange(where.start, where.stop, dtype=np.int32)
                if isinstance(where, slice)
                else where.astype(np.int32)
            )
        self.count += height
        self.faults += among(batch.faults, found)
        if len(self.faults) > TOLD_MOST:
            raise Refused(self.faults)
        if self.count > ROWS_MOST:
            raise Refused([*self.faults, Fault("too_many_rows", params={"most": ROWS_MOST})])

    def _ids(self, first: int, series: pl.Series) -> tuple[np.ndarray | slice, list[Fault]]:
        """Where the rows belong; empty, unknown and, where an id has one row, repeated ids."""
        name = self.id_column.name
        where = self.ids.places(series, self.count)
        if isinstance(where, slice):
            if not self.once or not self.seen[where].any():
                self.seen[where] = True
                self.marked += where.stop - where.start
                return where, []
            where = np.arange(where.start, where.stop)
        rows = np.flatnonzero(where >= 0)
        valid = where[rows]
        faults: list[Fault] = []
        if len(rows) < len(where):
            for row in np.flatnonzero(where < 0)[: TOLD_MOST + 1].tolist():
                value = series[row]
                code = "empty_cell" if value is None or value == "" else "unknown_id"
                faults.append(Fault(code, first + row, name, value_of(value)))
        before = self.seen[valid] if self.once else np.zeros(0, bool)
        self.seen[valid] = True
        if self.once:
            marked = int(np.count_nonzero(self.seen))
            if marked - self.marked != len(valid):
                before[again(valid)] = True
                faults += [
                    Fault("duplicate_id", first + row, name, value_of(series[row]))
                    for row in rows[before][: TOLD_MOST + 1].tolist()
                ]
            self.marked = marked
        return where, faults

    def _put(self, column: Column, where: Any, values: Any) -> None:
        if not self.once:
            self.parts[column.name].append(values)
        elif isinstance(where, slice):
            self.out[column.name][where] = values
        else:
            known = where >= 0
            self.out[column.name][where[known]] = values[known]

    def table(self) -> Table:
        """Everything that was taken. Raises Refused, for missing ids and repeated rows too."""
        if not self.count and self.rows != "any" and not self.faults:
            raise Refused([Fault("no_rows")])
        if not self.once and not self.faults:
            self.out = {
                name: joined(next(row for row in self.columns if row.name == name), parts)
                for name, parts in self.parts.items()
            }
            for key in self.keys:
                self.faults += self._repeated(key)
        more = len(self.faults) > TOLD_MOST
        if self.complete and self.rows != "any" and not more:
            missing = np.flatnonzero(~self.seen)
            for place in missing[: TOLD_MOST + 1 - len(self.faults)].tolist():
                params = {**value_of(self.ids.values[place]), "missing": len(missing)}
                self.faults.append(Fault("missing_id", None, self.id_column.name, params))
        if self.faults:
            raise Refused(self.faults, more=more)
        places = None if self.once else self.out.pop(self.id_column.name)
        return Table(ids=self.ids, columns=self.out, seen=self.seen, places=places)

    def _repeated(self, key: tuple[str, ...]) -> list[Fault]:
        frame = pl.DataFrame({name: self.out[name] for name in key})
        if frame.height < 2:
            return []
        again = (~frame.select(pl.struct(pl.all()).is_first_distinct()).to_series()).to_numpy()
        return [
            Fault("duplicate_row", self.first_row + row, None, {"columns": list(key)})
            for row in np.flatnonzero(again)[: TOLD_MOST + 1].tolist()
        ]


def among(parsed: list[Fault], found: list[Fault]) -> list[Fault]:
    """Faults by row, without those that follow from a cell or a row that could not be parsed."""
    rows = {fault.row for fault in parsed if fault.column is None}
    cells = {(fault.row, fault.column) for fault in parsed}
    fresh = [
        fault for fault in found if fault.row not in rows and (fault.row, fault.column) not in cells
    ]
    return sorted([*parsed, *fresh], key=lambda fault: fault.row or 0)[: TOLD_MOST + 1]


def again(values: np.ndarray) -> np.ndarray:
    """Which of them were there before."""
    found = np.ones(len(values), bool)
    found[np.unique(values, return_index=True)[1]] = False
    return found


def value_of(value: object) -> dict[str, Any]:
    return {} if value is None else {"value": shown(value)}


def empty_column(column: Column, rows: int) -> np.ndarray | list[Any]:
    if column.kind == "label":
        return np.zeros(rows, np.int16)
    if column.kind == "integer":
        return np.zeros(rows, np.int64)
    assert column.kind == "number", "a text belongs to rows of which an id has several"
    return np.zeros(rows)


def joined(column: Column, parts: list[Any]) -> Any:
    if column.kind == "text":
        return pl.concat(parts) if parts else pl.Series(column.name, [], pl.String)
    kinds = {"id": np.int32, "label": np.int16, "integer": np.int64, "number": np.float64}
    return np.concatenate(parts) if parts else np.zeros(0, kinds[column.kind])
