"""What a bootstrap draws from: units of several patterns, and a metric of any weighting of them.

A unit is an id: a row, a stream, a query. Units that are alike for every entrant make one pattern,
so that a draw is a draw of counts and not of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

# (draws, sums) to (draws,): NaN where the metric is not defined.
Combine = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Sample:
    """`sizes`: units of each pattern. `values`: the metric of each entrant, draw by draw.

    It takes weights of (draws, patterns) as float64 and gives (draws, entrants), NaN where the
    metric is not defined.
    """

    sizes: np.ndarray
    values: Callable[[np.ndarray], np.ndarray]

    @property
    def units(self) -> int:
        return int(self.sizes.sum())


def by_sums(
    per_entrant: Sequence[np.ndarray], combine: Combine, sizes: np.ndarray | None = None
) -> Sample:
    """Of a metric that follows from sums over units. `per_entrant`: arrays of (patterns, sums)."""
    width = per_entrant[0].shape[1]
    stacked = np.ascontiguousarray(np.concatenate(per_entrant, axis=1), np.float64)

    def values(weights: np.ndarray) -> np.ndarray:
        sums = weights @ stacked
        with np.errstate(divide="ignore", invalid="ignore"):
            found = [
                combine(sums[:, start : start + width])
                for start in range(0, stacked.shape[1], width)
            ]
        return np.stack(found, axis=1)

    return Sample(np.ones(len(stacked), np.int64) if sizes is None else sizes, values)


def divided(part: int, whole: int) -> Combine:
    return lambda sums: sums[:, part] / nonzero(sums[:, whole])


def nonzero(values: np.ndarray) -> np.ndarray:
    """NaN for 0, by which nothing can be divided."""
    return np.where(values == 0, np.nan, values)


def weighted_quantile(values: np.ndarray, units: np.ndarray, share: float) -> Combine:
    """The quantile `share`, interpolated as numpy does, of values that each belong to a unit.

    To (draws,) from weights of (draws, units), whole numbers of repetitions.
    """
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


def by_weights(per_entrant: Sequence[Combine], units: int) -> Sample:
    def values(weights: np.ndarray) -> np.ndarray:
        return np.stack([one(weights) for one in per_entrant], axis=1)

    return Sample(np.ones(units, np.int64), values)
