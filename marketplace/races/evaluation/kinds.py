"""What an evaluator is: its columns, its settings, its metrics. Plain values, nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from typing import Any, Literal

Settings = Mapping[str, Any]
Rows = Literal["once", "some", "any"]
ColumnKind = Literal["id", "text", "label", "integer", "number"]


@dataclass(frozen=True)
class Column:
    """A column of a result file. `low` and `high` are bounds of numbers, both inclusive."""

    name: str
    kind: ColumnKind
    low: Decimal | None = None
    high: Decimal | None = None
    labels: tuple[str, ...] = ()
    # Only a truth file may leave a cell empty.
    may_be_empty: bool = False


@dataclass(frozen=True)
class Metric:
    """A figure that a race may be decided by.

    `needs` names settings that must be given before it can be computed, or, as `name=value`, be
    just that. `low` and `high` bound the values that it can take (None: unbounded).
    """

    code: str
    name: str
    direction: Literal["higher", "lower"] = "higher"
    unit: Literal["ratio", "seconds", "per_hour", "of_value"] = "ratio"
    low: Decimal | None = Decimal(0)
    high: Decimal | None = Decimal(1)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class SettingFault:
    """What is wrong with settings: where, the rule that was broken, and what it allows."""

    path: str
    code: str
    params: dict[str, Any] = field(default_factory=dict)


def nothing_more(_settings: Settings) -> list[SettingFault]:
    return []


@dataclass(frozen=True)
class Evaluator:
    """A named, versioned way to measure.

    `rows` says how many rows of a result file each published id has: "once" exactly one, "some" at
    least one, "any" none or several. No two rows are the same in the columns of one of `keys`.
    `schema` is the JSON schema of the settings, `further` what a schema cannot say.
    `implementation` is the module that computes, imported when something is computed: it has
    `check_truth(table, settings)`, `measure(truth, result, rows, settings)` and, for the comparison
    of entrants, `sample(metric, truth, results, rows, settings)`; see metrics/classification.py.
    A version is raised whenever the same files could give other figures.
    """

    name: str
    version: str
    title: str
    metrics: Mapping[str, Metric]
    schema: Mapping[str, Any]
    columns: Callable[[Settings], tuple[Column, ...]]
    truth_columns: Callable[[Settings], tuple[Column, ...]]
    implementation: str
    rows: Rows = "once"
    keys: tuple[tuple[str, ...], ...] = (("id",),)
    truth_rows: Rows = "once"
    truth_keys: tuple[tuple[str, ...], ...] = (("id",),)
    further: Callable[[Settings], list[SettingFault]] = nothing_more

    def module(self) -> Any:
        return import_module(self.implementation)

    def available(self, settings: Settings) -> dict[str, Metric]:
        """The metrics that these settings allow."""
        return {
            code: metric
            for code, metric in self.metrics.items()
            if all(given(need, settings) for need in metric.needs)
        }


def given(need: str, settings: Settings) -> bool:
    name, _, value = need.partition("=")
    if value:
        return settings.get(name) == value
    return settings.get(name) not in (None, "none")


def by_code(*metrics: Metric) -> dict[str, Metric]:
    return {metric.code: metric for metric in metrics}
