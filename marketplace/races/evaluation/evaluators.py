"""Which evaluators there are, and measuring by one of them.

Importing this loads neither polars nor numpy nor scikit-learn.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal

from marketplace.races.evaluation.figures import Outcome
from marketplace.races.evaluation.kinds import (
    Evaluator,
    Metric,
    SettingFault,
    Settings,
)
from marketplace.races.evaluation.shipped import SHIPPED

Split = Literal["public", "private", "all"]
GROUP = "jiebang.evaluators"


class Unknown(LookupError):
    """No such evaluator, or no such metric with these settings."""


class Clash(RuntimeError):
    """An installed package takes a name that is taken, or gives something else than an evaluator."""


@cache
def catalogue() -> dict[str, Evaluator]:
    """{name: evaluator}: the shipped ones, then those that installed packages register.

    An entry point of the group `jiebang.evaluators` names an `Evaluator` under its own name; the
    module that it stands in must be as light as this one.
    """
    found = {row.name: row for row in SHIPPED}
    for point in entry_points(group=GROUP):
        made = point.load()
        if not isinstance(made, Evaluator) or made.name != point.name:
            raise Clash(f"{point.value} is no evaluator called {point.name}")
        if found.setdefault(made.name, made) is not made:
            raise Clash(f"{point.value} takes the name {point.name}, which is taken")
    return found


def evaluator(name: str) -> Evaluator:
    found = catalogue().get(name)
    if found is None:
        raise Unknown(name)
    return found


def metric(code: str, settings: Settings) -> Metric:
    """`classification.macro_f1`, where these settings allow it. Raises Unknown."""
    name, _, short = code.partition(".")
    found = evaluator(name).available(settings).get(short)
    if found is None:
        raise Unknown(code)
    return found


def settings_faults(name: str, settings: Settings) -> list[SettingFault]:
    """Everything that is wrong with an evaluator's settings; empty if nothing. Raises Unknown."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - only where a design is checked

    chosen = evaluator(name)
    found = [
        SettingFault(
            ".".join(str(step) for step in error.absolute_path),
            f"schema.{error.validator}",
            {"expected": error.validator_value},
        )
        for error in Draft202012Validator(chosen.schema).iter_errors(dict(settings))
    ]
    return found or chosen.further(settings)


def evaluate(
    name: str, truth: Any, result: Any, settings: Settings, split: Split = "all"
) -> Outcome:
    """Measure a table (reading.read_result) against a truth (truth.read_truth), for one split."""
    chosen = evaluator(name)
    rows = truth.rows(split)
    figures, details = chosen.module().measure(truth, result, rows, settings)
    return Outcome(
        evaluator=chosen.name,
        version=chosen.version,
        split=split,
        settings=dict(settings),
        ids=len(truth.ids) if rows is None else int(rows.sum()),
        metrics={code: figures[code] for code in chosen.available(settings)},
        details=details,
    )
