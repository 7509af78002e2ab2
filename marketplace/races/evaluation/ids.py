"""The published list of ids, and finding ids in it quickly."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

# Looked up by a table where the numbers lie this much wider than they are many.
SPREAD_MOST = 4


class Ids:
    """The ids of a heat's inputs, in their published order; each stands for its place in it."""

    def __init__(self, values: pl.Series) -> None:
        self.integer = values.dtype.is_integer()
        if self.integer and len(values) and values.min() >= -(2**31) and values.max() < 2**31:  # type: ignore[operator]
            values = values.cast(pl.Int32)  # half the memory
        self.values = values
        self.plain = values.to_numpy() if self.integer else None
        self._finder: Any = None
        self._hashes: tuple[np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def places(self, found: pl.Series, expected: int) -> np.ndarray | slice:
        """Where these ids stand; -1 for one that is unknown or empty.

        A slice where they are the published ones in their order, from `expected` on: most files
        are, and nothing needs to be looked up.
        """
        row = slice(expected, expected + len(found))
        if row.stop <= len(self) and not found.null_count():
            if self.plain is not None:
                if np.array_equal(found.to_numpy(), self.plain[row]):
                    return row
            elif (found == self.values.slice(expected, len(found))).all():
                return row
        return self._numbers(found) if self.plain is not None else self._texts(found)

    def _numbers(self, found: pl.Series) -> np.ndarray:
        wanted = found.fill_null(-1).to_numpy()
        if self._finder is None:
            self._finder = self._finding()
        return self._finder(wanted)

    def _finding(self) -> Any:
        known = self.plain
        assert known is not None
        if not len(known):
            return lambda wanted: np.full(len(wanted), -1)
        low, high = int(known.min()), int(known.max())
        if high - low == len(known) - 1 and bool((known[1:] > known[:-1]).all()):

            def by_counting(wanted: np.ndarray) -> np.ndarray:
                return np.where((wanted >= low) & (wanted <= high), wanted - low, -1)

            return by_counting
        if high - low < SPREAD_MOST * len(known) + 1024:
            table = np.full(high - low + 2, -1, np.int32)
            table[known - low] = np.arange(len(known), dtype=np.int32)

            def by_table(wanted: np.ndarray) -> np.ndarray:
                inside = (wanted >= low) & (wanted <= high)
                return table[np.where(inside, wanted - low, high - low + 1)]

            return by_table
        order = np.argsort(known, kind="stable").astype(np.int32)
        ordered = known[order].astype(np.int64)

        def by_search(wanted: np.ndarray) -> np.ndarray:
            near = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
            return np.where(ordered[near] == wanted, order[near], -1)

        return by_search

    def _texts(self, found: pl.Series) -> np.ndarray:
        """By hashes, each hit compared: what two texts share by chance is searched on."""
        if self._hashes is None:
            known = self.values.hash().to_numpy()
            order = np.argsort(known, kind="stable").astype(np.int32)
            self._hashes = known[order], order
        hashes, order = self._hashes
        if not len(hashes):
            return np.full(len(found), -1)
        wanted = found.hash().to_numpy()
        near = np.minimum(np.searchsorted(hashes, wanted), len(hashes) - 1)
        places = order[near].astype(np.int64)
        same = (self.values.gather(places) == found).fill_null(value=False).to_numpy()
        for row in np.flatnonzero(~same & (hashes[near] == wanted)):
            places[row], same[row] = self._among(hashes, order, near[row], found[int(row)])
        return np.where(same, places, -1)

    def _among(
        self, hashes: np.ndarray, order: np.ndarray, first: int, text: str | None
    ) -> tuple[int, bool]:
        step = int(first)
        while step < len(hashes) and hashes[step] == hashes[first]:
            if self.values[int(order[step])] == text:
                return int(order[step]), True
            step += 1
        return -1, False
