"""Labels against labels, and one score per row against two labels.

From the counts of true and predicted labels:

- precision tp / (tp + fp), recall tp / (tp + fn), F1 2 tp / (2 tp + fp + fn) of the positive label;
- means over the labels that occur in the truth, which are the same for every entrant; a label that
  was never predicted counts 0 in the mean of precisions, since all of its rows were missed;
- weighted F1 by the true rows of each label; micro F1 over all rows, which is the accuracy where
  every row has one label; balanced accuracy is the mean of recalls.

From scores (higher: more likely positive), rows of equal scores always flagged together:

- roc_auc: the chance that a positive row scores above a negative one, ties counting half;
- pr_auc: average precision, the sum over thresholds of the recall gained times the precision there;
- detection_rate: the most recall that any threshold reaches while the negative rows flagged are at
  most `false_positive_bound` of all negative rows, floor(bound × negatives) exactly;
- log_loss: mean of -ln of the probability given to the true label, cut to [2^-52, 1 - 2^-52].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from marketplace.races.evaluation.figures import (
    CHUNK,
    PORTION,
    Exact,
    Figure,
    Missing,
    mean,
    ratio,
    total,
)
from marketplace.races.evaluation.kinds import Settings
from marketplace.races.evaluation.samples import Sample
from marketplace.races.evaluation.table import Table
from marketplace.races.evaluation.truth import Truth, among

LEAST_PROBABILITY = 2.0**-52
MILLION = 1_000_000


def check_truth(_table: Table, _settings: Settings) -> None:
    """Reading checks everything that there is."""


def measure(
    truth: Truth, result: Table, rows: np.ndarray | None, settings: Settings
) -> tuple[dict[str, Figure], dict[str, Any]]:
    labels = list(settings["labels"])
    actual = among(truth.table.columns["label"], rows)
    scores = among(result.columns.get("score"), rows)
    # Two threads: sorting and counting let go of the interpreter.
    with ThreadPoolExecutor(1) as beside:
        ranked = None
        if scores is not None:
            positive = actual == labels.index(settings["positive"])
            ranked = beside.submit(from_scores, positive, scores, settings)
        if "prediction" not in result.columns:
            counts = flagged(positive, scores, settings)
        else:
            counts = confusion(actual, among(result.columns["prediction"], rows), len(labels))
        loss: Figure = Missing("no_rows")
        if settings.get("scores") == "probability":
            loss = log_loss(positive, scores)
        found = ({}, {}) if ranked is None else ranked.result()
    figures, per_label = from_counts(counts.tolist(), labels, settings.get("positive"))
    details: dict[str, Any] = {
        "labels": labels,
        # Lines: the true label; columns: the predicted one.
        "confusion": counts.tolist(),
        "per_label": per_label,
        **found[1],
    }
    return {**figures, **found[0], "log_loss": loss}, details


def predictions(
    result: Table, rows: np.ndarray | None, scores: np.ndarray | None, settings: Settings
) -> np.ndarray:
    """Codes of labels: as given, or the positive one from the threshold on."""
    if "prediction" in result.columns:
        return among(result.columns["prediction"], rows)
    assert scores is not None
    positive = settings["labels"].index(settings["positive"])
    flagged = scores >= float(settings["threshold"])
    return np.where(flagged, np.int16(positive), np.int16(1 - positive))


def confusion(actual: np.ndarray, predicted: np.ndarray, labels: int) -> np.ndarray:
    counts = np.zeros(labels * labels, np.int64)
    for start in range(0, len(actual), CHUNK):
        cells = actual[start : start + CHUNK].astype(np.intp) * labels
        cells += predicted[start : start + CHUNK]
        counts += np.bincount(cells, minlength=labels * labels)
    return counts.reshape(labels, labels)


def flagged(positive: np.ndarray, scores: np.ndarray, settings: Settings) -> np.ndarray:
    """The confusion matrix of the rows from the threshold on."""
    above = scores >= float(settings["threshold"])
    rows, true, said = len(scores), np.count_nonzero(positive), np.count_nonzero(above)
    hits = np.count_nonzero(above & positive)
    found = np.array([[rows - true - said + hits, said - hits], [true - hits, hits]])
    # In the order of the labels, of which the first may be the positive one.
    return found[::-1, ::-1] if settings["labels"][0] == settings["positive"] else found


def from_counts(
    counts: list[list[int]], labels: list[str], positive: str | None
) -> tuple[dict[str, Figure], list[dict[str, Any]]]:
    rows = sum(map(sum, counts))
    hits = [counts[k][k] for k in range(len(labels))]
    support = [sum(line) for line in counts]
    predicted = [sum(column) for column in zip(*counts, strict=True)]
    here = [k for k in range(len(labels)) if support[k]]
    precisions = [ratio(hits[k], predicted[k], "nothing_predicted") for k in range(len(labels))]
    recalls = [ratio(hits[k], support[k], "no_positives") for k in range(len(labels))]
    f1s = [
        ratio(2 * hits[k], predicted[k] + support[k], "no_positives")
        if support[k]
        else Missing("no_positives")
        for k in range(len(labels))
    ]
    recall = mean((recalls[k] for k in here), "no_rows")
    accuracy = ratio(sum(hits), rows, "no_rows")
    found: dict[str, Figure] = {
        "accuracy": accuracy,
        "balanced_accuracy": recall,
        "macro_precision": mean(
            (0.0 if not predicted[k] else precisions[k] for k in here), "no_rows"
        ),
        "macro_recall": recall,
        "macro_f1": mean((f1s[k] for k in here), "no_rows"),
        "weighted_f1": ratio(
            sum(Fraction(2 * hits[k] * support[k], predicted[k] + support[k]) for k in here),
            rows,
            "no_rows",
        ),
        "micro_f1": accuracy,
    }
    if positive is not None:
        k = labels.index(positive)
        found |= {"precision": precisions[k], "recall": recalls[k], "f1": f1s[k]}
    per_label = [
        {
            "label": labels[k],
            "rows": support[k],
            "predicted": predicted[k],
            "precision": precisions[k],
            "recall": recalls[k],
            "f1": f1s[k],
        }
        for k in range(len(labels))
    ]
    return found, per_label


def from_scores(
    positive: np.ndarray, scores: np.ndarray, settings: Settings
) -> tuple[dict[str, Figure], dict[str, Any]]:
    steps = Steps.of_decimals(positive, scores) or Steps.of_any(positive, scores)
    found: dict[str, Figure] = {"roc_auc": steps.roc_auc(), "pr_auc": steps.average_precision()}
    details: dict[str, Any] = {"positives": steps.positives, "negatives": steps.negatives}
    if settings.get("false_positive_bound") is not None:
        found["detection_rate"], allowed, false = steps.detection_rate(
            Decimal(settings["false_positive_bound"])
        )
        details |= {"false_positives_allowed": allowed, "false_positives": false}
    return found, details


@dataclass(frozen=True)
class Steps:
    """What a threshold may separate.

    For each different score of a positive row, ascending: the positive rows `at` it, and the
    negative rows `below` it and `at_most` it. `allowed` tells of so many negatives that may be
    flagged: the positives and negatives that are when as many as possible are.
    """

    at: np.ndarray
    below: np.ndarray
    at_most: np.ndarray
    positives: int
    negatives: int
    allowed: Callable[[int], tuple[int, int]]

    @classmethod
    def of_decimals(cls, positive: np.ndarray, scores: np.ndarray) -> Steps | None:
        """By counting: where all scores lie within 0 and 1 and have at most six decimals."""
        both = np.zeros(2 * MILLION + 2, np.int64)
        for start in range(0, len(scores), CHUNK):
            keys = decimals(positive[start : start + CHUNK], scores[start : start + CHUNK])
            if keys is None:
                return None
            both += np.bincount(keys, minlength=len(both))
        negatives, positives = both[0::2], both[1::2]
        at_most = np.cumsum(negatives)
        here = np.flatnonzero(positives)

        def allowed(most: int) -> tuple[int, int]:
            # From the top on, as long as no more are flagged.
            down = at_most[-1] - at_most
            limit = int(np.argmax(down <= most))
            return int(positives[limit + 1 :].sum()), int(down[limit])

        return cls(
            at=positives[here],
            below=(at_most - negatives)[here],
            at_most=at_most[here],
            positives=int(positives.sum()),
            negatives=int(at_most[-1]),
            allowed=allowed,
        )

    @classmethod
    def of_any(cls, positive: np.ndarray, scores: np.ndarray) -> Steps:
        """By sorting."""
        high, low = chosen(scores, positive), chosen(scores, ~positive)
        firsts = np.flatnonzero(np.concatenate(([True], high[1:] != high[:-1]))[: len(high)])
        different = high[firsts]

        def allowed(most: int) -> tuple[int, int]:
            limit = low[len(low) - most - 1]
            return (
                len(high) - int(np.searchsorted(high, limit, "right")),
                len(low) - int(np.searchsorted(low, limit, "right")),
            )

        return cls(
            at=np.diff(np.concatenate((firsts, [len(high)]))),
            below=np.searchsorted(low, different, "left"),
            at_most=np.searchsorted(low, different, "right"),
            positives=len(high),
            negatives=len(low),
            allowed=allowed,
        )

    def roc_auc(self) -> Figure:
        if not self.positives or not self.negatives:
            return Missing("no_negatives" if self.positives else "no_positives")
        twice = int((self.at * (self.below + self.at_most)).sum())
        return twice / (2 * self.positives * self.negatives)

    def average_precision(self) -> Figure:
        """At each different score of a positive row; elsewhere no recall is gained."""
        if not self.positives:
            return Missing("no_positives")
        hits = np.cumsum(self.at[::-1])[::-1]
        precisions = hits / (hits + self.negatives - self.below)
        return total(self.at * precisions) / self.positives

    def detection_rate(self, bound: Decimal) -> tuple[Figure, int, int]:
        """(rate, negatives that may be flagged, negatives that are flagged)."""
        most = int(bound * self.negatives)
        if not self.positives or not self.negatives:
            return Missing("no_negatives" if self.positives else "no_positives"), most, 0
        if most >= self.negatives:
            return 1.0, most, self.negatives
        hits, false = self.allowed(most)
        return hits / self.positives, most, false


def decimals(positive: np.ndarray, scores: np.ndarray) -> np.ndarray | None:
    """Twice the score's millionths, one more in positive rows; None where there is no such."""
    keys = np.empty(len(scores), np.intp)
    for start in range(0, len(scores), PORTION):
        part = slice(start, start + PORTION)
        whole = np.rint(scores[part] * MILLION)
        if whole.min() < 0 or whole.max() > MILLION or (whole / MILLION != scores[part]).any():
            return None
        keys[part] = whole
        keys[part] *= 2
        keys[part] += positive[part]
    return keys


def chosen(scores: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Those scores, sorted. Polars picks them four times as fast as numpy does."""
    found, end = np.empty(int(np.count_nonzero(which))), 0
    for start in range(0, len(scores), CHUNK):
        part = slice(start, start + CHUNK)
        picked = pl.Series(scores[part]).filter(pl.Series(which[part]))
        found[end : end + len(picked)] = picked.to_numpy()
        end += len(picked)
    found.sort()
    return found


def log_loss(positive: np.ndarray, scores: np.ndarray) -> Figure:
    if not len(scores):
        return Missing("no_rows")
    found = Exact(-math.log(LEAST_PROBABILITY), len(scores))
    for start in range(0, len(scores), PORTION):
        part = slice(start, start + PORTION)
        given = np.abs(scores[part] - ~positive[part])  # the true label's: p, or 1 - p
        found.add(np.log(np.maximum(given, LEAST_PROBABILITY, out=given), out=given))
    return -found.value() / len(scores)


def sample(
    metric: str, truth: Truth, results: list[Table], rows: np.ndarray | None, settings: Settings
) -> Sample:
    from marketplace.races.evaluation.metrics import resampling  # noqa: PLC0415 - it needs scipy

    return resampling.sample(metric, truth, results, rows, settings)
