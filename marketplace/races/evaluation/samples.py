"""What a bootstrap draws from: units of several patterns, and a metric of any weighting of them.

A unit is an id: a row, a stream, a query. Units that are alike for every entrant make one pattern,
so that a draw is a draw of counts and not of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# (draws, sums) to (draws,): NaN where the metric is not defined.
Combine = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Sample:
    """`sizes`: units of each pattern. `values`: the metric of each entrant, draw by draw.

    It takes weights of (draws, patterns) as float64, whole numbers, and gives (draws, entrants),
    NaN where the metric is not defined. `pattern`: of each unit; None where each has its own.
    """

    sizes: np.ndarray
    values: Callable[[np.ndarray], np.ndarray]
    pattern: np.ndarray | None = None

    @property
    def units(self) -> int:
        return int(self.sizes.sum())


def by_sums(per_entrant: Sequence[Any], combine: Combine) -> Sample:
    """Of a metric that follows from sums over units. `per_entrant`: arrays of (units, sums)."""
    units, width = per_entrant[0].shape
    stacked = np.ascontiguousarray(np.concatenate(per_entrant, axis=1), np.float64)
    return Sample(np.ones(units, np.int64), summed(stacked, width, combine))


def summed(stacked: Any, width: int, combine: Combine) -> Callable[[np.ndarray], np.ndarray]:
    """`stacked`: (patterns, entrants × width), dense or one of scipy's sparse arrays."""

    def values(weights: np.ndarray) -> np.ndarray:
        dense = isinstance(stacked, np.ndarray)
        sums = weights @ stacked if dense else (stacked.T @ weights.T).T
        with np.errstate(divide="ignore", invalid="ignore"):
            found = [
                combine(sums[:, start : start + width])
                for start in range(0, stacked.shape[1], width)
            ]
        return np.stack(found, axis=1)

    return values


def by_weights(per_entrant: Sequence[Combine], units: int) -> Sample:
    """Of a metric that needs every unit's weight."""

    def values(weights: np.ndarray) -> np.ndarray:
        return np.stack([one(weights) for one in per_entrant], axis=1)

    return Sample(np.ones(units, np.int64), values)


def divided(part: int, whole: int) -> Combine:
    return lambda sums: sums[:, part] / nonzero(sums[:, whole])


def nonzero(values: np.ndarray) -> np.ndarray:
    """NaN for 0, by which nothing can be divided."""
    return np.where(values == 0, np.nan, values)


def patterns(
    columns: Sequence[np.ndarray], codes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that are alike in all columns: (pattern of each row, a row of each, rows of each)."""
    key, span = columns[0].astype(np.int64), codes
    for column in columns[1:]:
        key, span = key * codes + column, span * codes
        if span > 2**22:
            known, key = np.unique(key, return_inverse=True)
            span = len(known)
    counts = np.bincount(key, minlength=span)
    here = np.flatnonzero(counts)
    number = np.zeros(span, np.int64)
    number[here] = np.arange(len(here))
    one = np.zeros(span, np.int64)
    one[key] = np.arange(len(key))
    return number[key], one[here], counts[here]


def weighted_quantile(values: np.ndarray, units: np.ndarray, share: float) -> Combine:
    """The quantile `share`, interpolated as numpy does, of values that each belong to a unit."""
    order = np.argsort(values, kind="stable")
    ordered, owners = values[order], units[order]

    def quantile(weights: np.ndarray) -> np.ndarray:
        found = np.full(len(weights), np.nan)
        for draw, line in enumerate(weights):
            reached = np.cumsum(line[owners])
            count = reached[-1] if len(reached) else 0
            if count:
                at = share * (count - 1)
                low = ordered[np.searchsorted(reached, np.floor(at), "right")]
                high = ordered[np.searchsorted(reached, np.ceil(at), "right")]
                found[draw] = low + (high - low) * (at - np.floor(at))
        return found

    return quantile
