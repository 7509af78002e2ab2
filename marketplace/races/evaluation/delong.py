"""The covariance of areas under ROC curves on the same rows, in closed form.

Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988), 837-845.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def areas(positive: np.ndarray, scores: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(areas, their covariance) of each entrant's scores; at least two rows of either kind."""
    count = int(positive.sum())
    hits = np.empty((len(scores), count))
    misses = np.empty((len(scores), len(positive) - count))
    for number, one in enumerate(scores):
        high, low = one[positive], one[~positive]
        hits[number] = beaten(np.sort(low), high)
        misses[number] = 1 - beaten(np.sort(high), low)
    covariance = np.atleast_2d(np.cov(hits)) / hits.shape[1]
    return hits.mean(axis=1), covariance + np.atleast_2d(np.cov(misses)) / misses.shape[1]


def beaten(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which share of `ordered` lies below each value, ties counting half."""
    below = np.searchsorted(ordered, values, "left")
    return (below + np.searchsorted(ordered, values, "right")) / (2 * len(ordered))


def factor(covariance: np.ndarray) -> np.ndarray:
    """Cholesky's lower triangle, also where entrants are alike and the covariance is singular."""
    count = len(covariance)
    least = 1e-9 * max(float(covariance.diagonal().max()), 1e-300)
    found = np.zeros((count, count))
    for row in range(count):
        for column in range(row + 1):
            rest = covariance[row, column] - found[row, :column] @ found[column, :column]
            if row == column:
                found[row, row] = np.sqrt(rest) if rest > least else 0
            elif found[column, column]:
                found[row, column] = rest / found[column, column]
    return found
