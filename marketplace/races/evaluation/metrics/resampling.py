"""The metrics of classification.py for any weighting of the rows, as a bootstrap needs them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from scipy import sparse

from marketplace.races.evaluation.kinds import Settings
from marketplace.races.evaluation.metrics.classification import LEAST_PROBABILITY, predictions
from marketplace.races.evaluation.samples import (
    Combine,
    Sample,
    by_sums,
    by_weights,
    divided,
    nonzero,
    patterns,
    summed,
)
from marketplace.races.evaluation.table import Table
from marketplace.races.evaluation.truth import Truth, among

# More labels than these are summed by sparse arrays.
DENSE_LABELS = 4


def sample(
    metric: str, truth: Truth, results: list[Table], rows: np.ndarray | None, settings: Settings
) -> Sample:
    actual = among(truth.table.columns["label"], rows)
    if metric in {"roc_auc", "pr_auc", "detection_rate", "log_loss"}:
        positive = actual == settings["labels"].index(settings["positive"])
        return of_scores(
            metric, positive, [among(one.columns["score"], rows) for one in results], settings
        )
    given = [
        predictions(one, rows, among(one.columns.get("score"), rows), settings) for one in results
    ]
    labels = len(settings["labels"])
    place = None
    if settings.get("positive") is not None:
        place = settings["labels"].index(settings["positive"])
    pattern, rows_of, sizes = patterns([actual, *given], labels)
    stacked = counts(actual[rows_of], [one[rows_of] for one in given], labels)
    return Sample(sizes, summed(stacked, 3 * labels, of_counts(metric, labels, place)), pattern)


def counts(
    actual: np.ndarray, given: list[np.ndarray], labels: int
) -> np.ndarray | sparse.csr_array:
    """(patterns, entrants × 3 labels): hits, predicted, true of each label."""
    rows = np.arange(len(actual))
    across, down = [], []
    for number, one in enumerate(given):
        base = number * 3 * labels
        hit = one == actual
        across += [base + actual[hit], base + labels + one, base + 2 * labels + actual]
        down += [rows[hit], rows, rows]
    columns, lines = np.concatenate(across).astype(np.int64), np.concatenate(down)
    shape = (len(actual), len(given) * 3 * labels)
    if labels <= DENSE_LABELS:
        dense = np.zeros(shape)
        dense[lines, columns] = 1
        return dense
    return sparse.csr_array((np.ones(len(lines)), (lines, columns)), shape=shape)


def of_counts(metric: str, labels: int, positive: int | None) -> Combine:
    def value(sums: np.ndarray) -> np.ndarray:
        hits, predicted, true = (sums[:, n * labels : (n + 1) * labels] for n in range(3))
        here = true > 0
        if metric in {"accuracy", "micro_f1"}:
            return hits.sum(axis=1) / nonzero(true.sum(axis=1))
        if metric in {"balanced_accuracy", "macro_recall"}:
            return over(hits / nonzero(true), here)
        if metric == "macro_precision":
            return over(hits / np.maximum(predicted, 1), here)
        f1 = 2 * hits / nonzero(predicted + true)
        if metric == "macro_f1":
            return over(f1, here)
        if metric == "weighted_f1":
            return np.where(here, f1 * true, 0).sum(axis=1) / nonzero(true.sum(axis=1))
        assert positive is not None
        if metric == "precision":
            return hits[:, positive] / nonzero(predicted[:, positive])
        if metric == "recall":
            return hits[:, positive] / nonzero(true[:, positive])
        return np.where(here[:, positive], f1[:, positive], np.nan)

    return value


def over(values: np.ndarray, here: np.ndarray) -> np.ndarray:
    """The mean over the labels that occur."""
    return np.where(here, values, 0).sum(axis=1) / nonzero(here.sum(axis=1))


# Scores


def of_scores(
    metric: str, positive: np.ndarray, scores: list[np.ndarray], settings: Settings
) -> Sample:
    if metric == "log_loss":
        ones = np.ones(len(positive))
        return by_sums(
            [
                np.stack(
                    (-np.log(np.where(positive, one, 1 - one).clip(LEAST_PROBABILITY)), ones), 1
                )
                for one in scores
            ],
            divided(0, 1),
        )
    bound = Fraction(settings.get("false_positive_bound") or 0)
    return by_weights([Ranked(positive, one, metric, bound) for one in scores], len(positive))


class Ranked:
    """An entrant's positive and negative rows, each from the highest score down.

    For any weights of the rows, the figure follows from running sums along both: rows of equal
    scores are flagged together, so only the ends of their runs count.
    """

    def __init__(
        self, positive: np.ndarray, scores: np.ndarray, metric: str, bound: Fraction
    ) -> None:
        order = np.argsort(-scores, kind="stable")
        flags = positive[order]
        self.hits, self.misses = order[flags], order[~flags]
        high, low = -scores[self.hits], -scores[self.misses]  # ascending
        self.ends = last_of_runs(high)
        self.metric = metric
        self.bound = bound
        # Of each run of positives: the negatives that score above it, and above or the same.
        self.above = np.searchsorted(low, high[self.ends], "left")
        self.not_below = np.searchsorted(low, high[self.ends], "right")
        # Of each run of negatives: where it ends, and the positives that score above it.
        self.false_ends = last_of_runs(low)
        self.kept = np.searchsorted(high, low[self.false_ends], "left")

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        return np.array([self.one(row) for row in weights])

    def one(self, weights: np.ndarray) -> float:
        hits = running(weights[self.hits])
        false = running(weights[self.misses])
        if not hits[-1] or (not false[-1] and self.metric != "pr_auc"):
            return np.nan
        if self.metric == "detection_rate":
            allowed = int(false[-1]) * self.bound.numerator // self.bound.denominator
            flagged = int(np.searchsorted(false[self.false_ends + 1], allowed, "right"))
            if flagged == len(self.false_ends):
                return 1.0
            return float(hits[self.kept[flagged]] / hits[-1])
        reached = hits[self.ends + 1]
        gained = np.diff(reached, prepend=0)
        if self.metric == "pr_auc":
            flagged_rows = reached + false[self.not_below]
            precisions = reached / np.maximum(flagged_rows, 1)
            return float((gained * precisions).sum() / hits[-1])
        # Negatives below, ties counting half.
        beaten = false[-1] - (false[self.above] + false[self.not_below]) / 2
        return float((gained * beaten).sum() / (hits[-1] * false[-1]))


def last_of_runs(ordered: np.ndarray) -> np.ndarray:
    if not len(ordered):
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.concatenate((ordered[1:] != ordered[:-1], [True])))


def running(values: np.ndarray) -> np.ndarray:
    """Sums of the first 0, 1, … values."""
    found = np.zeros(len(values) + 1)
    np.cumsum(values, out=found[1:])
    return found
