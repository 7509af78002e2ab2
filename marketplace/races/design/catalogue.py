"""What a design may ask of the evaluators: which there are, their metrics, what they refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from marketplace.races.evaluation import evaluators
from marketplace.races.evaluation.kinds import Evaluator, Metric

# The shipped ones speak English alone, being pure; another package's keep their own name.
NAMED = frozenset(
    (
        gettext_noop("Classification"),
        gettext_noop("Event detection"),
        gettext_noop("Regression"),
        gettext_noop("Ranking"),
        gettext_noop("Set matching"),
        gettext_noop("Accuracy"),
        gettext_noop("Balanced accuracy"),
        gettext_noop("Precision, mean over labels"),
        gettext_noop("Recall, mean over labels"),
        gettext_noop("F1, mean over labels"),
        gettext_noop("F1, weighted by labels"),
        gettext_noop("F1, over all rows"),
        gettext_noop("Precision"),
        gettext_noop("Recall"),
        gettext_noop("Area under the ROC curve"),
        gettext_noop("Average precision"),
        gettext_noop("Detection rate at the false-positive bound"),
        gettext_noop("Logarithmic loss"),
        gettext_noop("False alarms per hour"),
        gettext_noop("Delay, median"),
        gettext_noop("Delay, 95th percentile"),
        gettext_noop("Mean absolute error"),
        gettext_noop("Root mean square error"),
        gettext_noop("Median absolute error"),
        gettext_noop("Mean absolute percentage error"),
        gettext_noop("Coefficient of determination"),
        gettext_noop("Precision at k"),
        gettext_noop("Mean reciprocal rank"),
        gettext_noop("Mean average precision"),
    )
)


def called(english: str) -> str:
    """An evaluator's or a metric's name in the language of the moment, where it is known."""
    return _(english) if english in NAMED else english


def offered() -> Mapping[str, Evaluator]:
    """{name: evaluator}, by name."""
    return dict(sorted(evaluators.catalogue().items()))


def bounds(name: str, settings: Mapping[str, Any], code: str) -> Metric | None:
    """The metric `classification.macro_f1` of this evaluator, if these settings allow it."""
    of, _dot, _short = code.partition(".")
    if of != name:
        return None
    try:
        return evaluators.metric(code, settings)
    except evaluators.Unknown:
        return None


def settings_faults(name: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(setting, rule, sentence) of everything that the evaluator does not take."""
    try:
        found = evaluators.settings_faults(name, settings)
    except evaluators.Unknown:
        yield "", "evaluator.unknown", _("Choose one of the values offered.")
        return
    for fault in found:
        yield fault.path, f"settings.{fault.code}", _told(fault.code, fault.params)


def _told(code: str, params: Mapping[str, Any]) -> str:
    known = {
        "schema.required": _("something that is needed is missing"),
        "schema.additionalProperties": _("there is no such setting"),
        "not_a_label": _("this is not among the labels"),
        "two_labels": _("this needs exactly two labels"),
    }
    if code in known:
        said = known[code]
    elif code.startswith(("needed", "needs")):
        said = _("this goes together with another setting that is missing")
    else:
        said = _("this value is not possible here")
    expected = params.get("expected")
    return f"{said} ({expected})" if isinstance(expected, str | int | list) else said
