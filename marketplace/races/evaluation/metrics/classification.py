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

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from marketplace.races.evaluation.figures import CHUNK, Figure, Missing, mean, ratio, total
from marketplace.races.evaluation.kinds import Settings
from marketplace.races.evaluation.samples import Sample
from marketplace.races.evaluation.table import Table
from marketplace.races.evaluation.truth import Truth, among

LEAST_PROBABILITY = 2.0**-52


def check_truth(_table: Table, _settings: Settings) -> None:
    """Reading checks everything that there is."""


def measure(
    truth: Truth, result: Table, rows: np.ndarray | None, settings: Settings
) -> tuple[dict[str, Figure], dict[str, Any]]:
    labels = list(settings["labels"])
    actual = among(truth.table.columns["label"], rows)
    scores = among(result.columns.get("score"), rows)
    counts = confusion(actual, predictions(result, rows, scores, settings), len(labels))
    figures, per_label = from_counts(counts.tolist(), labels, settings.get("positive"))
    details: dict[str, Any] = {
        "labels": labels,
        # Lines: the true label; columns: the predicted one.
        "confusion": counts.tolist(),
        "per_label": per_label,
    }
    if scores is not None:
        found = from_scores(actual == labels.index(settings["positive"]), scores, settings)
        figures |= found[0]
        details |= found[1]
    return figures, details


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
    high, low = np.sort(scores[positive]), np.sort(scores[~positive])
    details: dict[str, Any] = {"positives": len(high), "negatives": len(low)}
    found: dict[str, Figure] = {}
    above = np.searchsorted(low, high, "left")  # negatives below each positive
    if not len(high):
        found["roc_auc"] = found["pr_auc"] = Missing("no_positives")
    else:
        found["roc_auc"] = roc_auc(high, low, above)
        found["pr_auc"] = average_precision(high, len(low), above)
    if settings.get("false_positive_bound") is not None:
        found["detection_rate"], allowed, flagged = detection_rate(
            high, low, Decimal(settings["false_positive_bound"])
        )
        details |= {"false_positives_allowed": allowed, "false_positives": flagged}
    if settings.get("scores") == "probability":
        found["log_loss"] = log_loss(high, low)
    return found, details


def roc_auc(high: np.ndarray, low: np.ndarray, above: np.ndarray) -> Figure:
    if not len(low):
        return Missing("no_negatives")
    twice = int(above.sum()) + int(np.searchsorted(low, high, "right").sum())
    return twice / (2 * len(high) * len(low))


def average_precision(high: np.ndarray, negatives: int, above: np.ndarray) -> Figure:
    """At each different score of a positive row; elsewhere no recall is gained."""
    firsts = np.flatnonzero(np.concatenate(([True], high[1:] != high[:-1])))
    hits = len(high) - firsts
    flagged = hits + (negatives - above[firsts])
    gained = np.diff(np.concatenate((firsts, [len(high)])))
    return total(gained * (hits / flagged)) / len(high)


def detection_rate(high: np.ndarray, low: np.ndarray, bound: Decimal) -> tuple[Figure, int, int]:
    """(rate, negatives that may be flagged, negatives that are flagged). `high`, `low` sorted.

    Everything above the score of the first negative that may not be flagged is flagged.
    """
    allowed = int(bound * len(low))
    if not len(low):
        return Missing("no_negatives"), 0, 0
    if not len(high):
        return Missing("no_positives"), allowed, 0
    if allowed >= len(low):
        return 1.0, allowed, len(low)
    limit = low[len(low) - allowed - 1]
    hits = len(high) - int(np.searchsorted(high, limit, "right"))
    flagged = len(low) - int(np.searchsorted(low, limit, "right"))
    return hits / len(high), allowed, flagged


def log_loss(high: np.ndarray, low: np.ndarray) -> Figure:
    """`high`: probabilities of the positive label in positive rows, `low`: in negative ones."""
    if not len(high) + len(low):
        return Missing("no_rows")
    parts = [
        total(-np.log(np.clip(given[start : start + CHUNK], LEAST_PROBABILITY, 1.0)))
        for given in (high, 1 - low)
        for start in range(0, len(given), CHUNK)
    ]
    return total(np.array(parts)) / (len(high) + len(low))


def sample(
    metric: str, truth: Truth, results: list[Table], rows: np.ndarray | None, settings: Settings
) -> Sample:
    from marketplace.races.evaluation.metrics import resampling  # noqa: PLC0415 - it needs scipy

    return resampling.sample(metric, truth, results, rows, settings)
