"""Numbers against numbers.

mae, median_ae and rmse are of the errors' absolute values and squares. mape is the mean of
|error / true value| over the rows whose true value is not 0 (`zeros` says how many are left out),
as a ratio, 0.1 for ten percent. r2 is 1 - sum of squared errors / sum of squared distances of the
true values from their mean; it is not defined where all true values are the same.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from marketplace.races.evaluation.figures import Figure, Missing, total
from marketplace.races.evaluation.kinds import Settings
from marketplace.races.evaluation.samples import (
    Sample,
    by_sums,
    by_weights,
    divided,
    nonzero,
    weighted_quantile,
)
from marketplace.races.evaluation.table import Table
from marketplace.races.evaluation.truth import Truth, among

# Of which no sum overflows.
MOST = 1e290


def check_truth(_table: Table, _settings: Settings) -> None:
    """Reading checks everything that there is."""


def measure(
    truth: Truth, result: Table, rows: np.ndarray | None, _settings: Settings
) -> tuple[dict[str, Figure], dict[str, Any]]:
    actual = among(truth.table.columns["value"], rows)
    with np.errstate(over="ignore"):
        errors = np.abs(among(result.columns["value"], rows) - actual)
        kept = actual != 0
        shares = errors[kept] / np.abs(actual[kept])
    count, zeros = len(actual), int(len(actual) - kept.sum())
    details = {"rows": count, "zeros": zeros}
    if not count:
        names = ("mae", "rmse", "median_ae", "mape", "r2")
        return dict.fromkeys(names, Missing("no_rows")), details
    squares = summed(errors * errors) if errors.max() < MOST**0.5 else math.inf
    figures: dict[str, Figure] = {
        "mae": finite(summed(errors) / count),
        "rmse": finite(math.sqrt(squares / count)),
        "median_ae": middle(errors),
        "mape": finite(summed(shares) / len(shares)) if len(shares) else Missing("only_zeros"),
        "r2": explained(actual, squares),
    }
    return figures, details


def summed(values: np.ndarray) -> float:
    return total(values) if not len(values) or np.abs(values).max() < MOST else math.inf


def middle(errors: np.ndarray) -> Figure:
    with np.errstate(over="ignore"):
        return finite(float(np.median(errors)))


def finite(value: float) -> Figure:
    return value if math.isfinite(value) else Missing("too_large")


def explained(actual: np.ndarray, squares: float) -> Figure:
    if actual.min() == actual.max():
        return Missing("constant_truth")
    with np.errstate(over="ignore"):
        distances = actual - summed(actual) / len(actual)
        spread = summed(distances * distances)
    return finite(1 - squares / spread) if spread else Missing("constant_truth")


def sample(
    metric: str,
    truth: Truth,
    results: list[Table],
    rows: np.ndarray | None,
    _settings: Settings,
) -> Sample:
    actual = among(truth.table.columns["value"], rows)
    errors = [np.abs(among(result.columns["value"], rows) - actual) for result in results]
    if metric == "median_ae":
        units = np.arange(len(actual))
        return by_weights([weighted_quantile(one, units, 0.5) for one in errors], len(actual))
    ones = np.ones(len(actual))
    if metric == "mape":
        kept = actual != 0
        sizes = np.where(kept, np.abs(actual), 1.0)
        return by_sums(
            [np.stack((np.where(kept, one / sizes, 0), kept), axis=1) for one in errors],
            divided(0, 1),
        )
    if metric == "mae":
        return by_sums([np.stack((one, ones), axis=1) for one in errors], divided(0, 1))
    if metric == "rmse":
        return by_sums(
            [np.stack((one * one, ones), axis=1) for one in errors],
            lambda sums: np.sqrt(sums[:, 0] / nonzero(sums[:, 1])),
        )
    # Around the middle of all, so that squares of large values do not cancel each other out.
    around = actual - actual.mean()

    def r2(sums: np.ndarray) -> np.ndarray:
        spread = sums[:, 2] - sums[:, 1] ** 2 / nonzero(sums[:, 3])
        return 1 - sums[:, 0] / nonzero(np.maximum(spread, 0))

    return by_sums(
        [np.stack((one * one, around, around * around, ones), axis=1) for one in errors], r2
    )
