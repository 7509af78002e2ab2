"""The evaluators that are shipped, as declarations. What they compute stands in metrics/."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marketplace.races.evaluation.kinds import (
    Column,
    Evaluator,
    Metric,
    SettingFault,
    Settings,
    by_code,
)
from marketplace.races.evaluation.limits import DEPTH_MOST, LABEL_MOST, LABELS_MOST

HERE = "marketplace.races.evaluation.metrics"
# Figures are decimal strings, as everywhere in canonical JSON.
RATIO = {"type": "string", "pattern": r"^(0(\.[0-9]{1,12})?|1(\.0{1,12})?)$"}
NUMBER = {"type": "string", "pattern": r"^-?[0-9]{1,15}(\.[0-9]{1,12})?$"}
SECONDS = {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,6})?$"}
IDS = {"enum": ["text", "integer"], "default": "text"}


def schema(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"ids": IDS, **properties},
        "required": list(required),
        "additionalProperties": False,
    }


def id_column(settings: Settings, name: str = "id") -> Column:
    if settings.get("ids", "text") == "integer":
        return Column(name, "id", low=Decimal(0), high=Decimal(2**63 - 1))
    return Column(name, "id")


# Classification


def labels_of(settings: Settings) -> tuple[str, ...]:
    return tuple(settings["labels"])


def classification_columns(settings: Settings) -> tuple[Column, ...]:
    """`prediction` unless it follows from the score by `threshold`; `score` where it is asked."""
    found = [id_column(settings)]
    if settings.get("threshold") is None:
        found.append(Column("prediction", "label", labels=labels_of(settings)))
    if settings.get("scores", "none") == "probability":
        found.append(Column("score", "number", low=Decimal(0), high=Decimal(1)))
    elif settings.get("scores", "none") == "any":
        found.append(Column("score", "number"))
    return tuple(found)


def classification_truth(settings: Settings) -> tuple[Column, ...]:
    return (id_column(settings), Column("label", "label", labels=labels_of(settings)))


def classification_further(settings: Settings) -> list[SettingFault]:
    labels, scores = settings["labels"], settings.get("scores", "none")
    found = []
    if settings.get("positive") is not None and settings["positive"] not in labels:
        found.append(SettingFault("positive", "not_a_label"))
    if scores != "none" and len(labels) != 2:
        found.append(SettingFault("scores", "two_labels"))
    if scores != "none" and settings.get("positive") is None:
        found.append(SettingFault("positive", "needed_for_scores"))
    if settings.get("threshold") is not None and scores == "none":
        found.append(SettingFault("threshold", "needs_scores"))
    if settings.get("false_positive_bound") is not None and scores == "none":
        found.append(SettingFault("false_positive_bound", "needs_scores"))
    return found


CLASSIFICATION = Evaluator(
    name="classification",
    version="1",
    title="Classification",
    metrics=by_code(
        Metric("accuracy", "Accuracy"),
        Metric("balanced_accuracy", "Balanced accuracy"),
        Metric("macro_precision", "Precision, mean over labels"),
        Metric("macro_recall", "Recall, mean over labels"),
        Metric("macro_f1", "F1, mean over labels"),
        Metric("weighted_f1", "F1, weighted by labels"),
        Metric("micro_f1", "F1, over all rows"),
        Metric("precision", "Precision", needs=("positive",)),
        Metric("recall", "Recall", needs=("positive",)),
        Metric("f1", "F1", needs=("positive",)),
        Metric("roc_auc", "Area under the ROC curve", needs=("positive", "scores")),
        Metric("pr_auc", "Average precision", needs=("positive", "scores")),
        Metric(
            "detection_rate",
            "Detection rate at the false-positive bound",
            needs=("positive", "scores", "false_positive_bound"),
        ),
        Metric(
            "log_loss",
            "Logarithmic loss",
            direction="lower",
            unit="of_value",
            high=None,
            needs=("positive", "scores=probability"),
        ),
    ),
    schema=schema(
        ("labels",),
        labels={
            "type": "array",
            "items": {
                "type": "string",
                "minLength": 1,
                "maxLength": LABEL_MOST,
                "pattern": r"^[^\u0000-\u001f\u007f\"]+$",
            },
            "minItems": 2,
            "maxItems": LABELS_MOST,
            "uniqueItems": True,
        },
        positive={"type": ["string", "null"], "maxLength": LABEL_MOST},
        scores={"enum": ["none", "any", "probability"], "default": "none"},
        threshold={"anyOf": [NUMBER, {"type": "null"}]},
        false_positive_bound={"anyOf": [RATIO, {"type": "null"}]},
    ),
    columns=classification_columns,
    truth_columns=classification_truth,
    implementation=f"{HERE}.classification",
    further=classification_further,
)

# Events


def event_columns(settings: Settings) -> tuple[Column, ...]:
    """Each row an alarm: in which stream, and when, in seconds since its start."""
    return (id_column(settings), Column("time", "number", low=Decimal(0)))


def event_truth(settings: Settings) -> tuple[Column, ...]:
    """Each row an event; a stream without any has one row whose `start` and `end` are empty."""
    return (
        id_column(settings),
        Column("observed_seconds", "number", low=Decimal(0)),
        Column("start", "number", low=Decimal(0), may_be_empty=True),
        Column("end", "number", low=Decimal(0), may_be_empty=True),
    )


EVENTS = Evaluator(
    name="events",
    version="1",
    title="Event detection",
    metrics=by_code(
        Metric("precision", "Precision"),
        Metric("recall", "Recall"),
        Metric("f1", "F1"),
        Metric(
            "false_alarms",
            "False alarms per hour",
            direction="lower",
            unit="per_hour",
            high=None,
        ),
        Metric("delay_p50", "Delay, median", direction="lower", unit="seconds", high=None),
        Metric("delay_p95", "Delay, 95th percentile", direction="lower", unit="seconds", high=None),
    ),
    schema=schema(tolerance_seconds=SECONDS, repeats={"enum": ["ignored", "false"]}),
    columns=event_columns,
    truth_columns=event_truth,
    implementation=f"{HERE}.events",
    rows="any",
    keys=(("id", "time"),),
    truth_rows="any",
    truth_keys=(("id", "start", "end"),),
)

# Regression


def regression_columns(settings: Settings) -> tuple[Column, ...]:
    return (id_column(settings), Column("value", "number"))


REGRESSION = Evaluator(
    name="regression",
    version="1",
    title="Regression",
    metrics=by_code(
        Metric("mae", "Mean absolute error", "lower", "of_value", high=None),
        Metric("rmse", "Root mean square error", "lower", "of_value", high=None),
        Metric("median_ae", "Median absolute error", "lower", "of_value", high=None),
        Metric("mape", "Mean absolute percentage error", "lower", high=None),
        Metric("r2", "Coefficient of determination", low=None),
    ),
    schema=schema(),
    columns=regression_columns,
    truth_columns=regression_columns,
    implementation=f"{HERE}.regression",
)

# Ranking


def ranking_columns(settings: Settings) -> tuple[Column, ...]:
    """Each row a place: of which query, which item, and its rank from 1 on, no rank twice."""
    most = Decimal(int(settings.get("depth", 100)))
    return (
        id_column(settings),
        Column("item", "text"),
        Column("rank", "integer", low=Decimal(1), high=most),
    )


def ranking_truth(settings: Settings) -> tuple[Column, ...]:
    """Each row an item worth finding; a query that has none has one row with an empty item."""
    return (
        id_column(settings),
        Column("item", "text", may_be_empty=True),
        Column("relevance", "number", low=Decimal(0), may_be_empty=True),
    )


def ranking_further(settings: Settings) -> list[SettingFault]:
    if settings.get("k", 10) > settings.get("depth", 100):
        return [SettingFault("k", "beyond_depth")]
    return []


RANKING = Evaluator(
    name="ranking",
    version="1",
    title="Ranking",
    metrics=by_code(
        Metric("ndcg", "NDCG at k"),
        Metric("precision", "Precision at k"),
        Metric("mrr", "Mean reciprocal rank"),
        Metric("map", "Mean average precision"),
    ),
    schema=schema(
        k={"type": "integer", "minimum": 1, "maximum": DEPTH_MOST, "default": 10},
        depth={"type": "integer", "minimum": 1, "maximum": DEPTH_MOST, "default": 100},
    ),
    columns=ranking_columns,
    truth_columns=ranking_truth,
    implementation=f"{HERE}.ranking",
    rows="some",
    keys=(("id", "item"), ("id", "rank")),
    truth_rows="any",
    truth_keys=(("id", "item"),),
    further=ranking_further,
)

# Sets


def set_columns(settings: Settings) -> tuple[Column, ...]:
    """Each row a pair: what is matched, and with what."""
    return (id_column(settings), Column("match", "text"))


def set_truth(settings: Settings) -> tuple[Column, ...]:
    return (id_column(settings), Column("match", "text", may_be_empty=True))


SETS = Evaluator(
    name="sets",
    version="1",
    title="Set matching",
    metrics=by_code(
        Metric("precision", "Precision"),
        Metric("recall", "Recall"),
        Metric("f1", "F1"),
        Metric("jaccard", "Jaccard index"),
    ),
    schema=schema(),
    columns=set_columns,
    truth_columns=set_truth,
    implementation=f"{HERE}.sets",
    rows="any",
    keys=(("id", "match"),),
    truth_rows="any",
    truth_keys=(("id", "match"),),
)

SHIPPED = (CLASSIFICATION, EVENTS, REGRESSION, RANKING, SETS)
