"""Figures as they are kept: decimal strings of 12 significant digits, or missing with a reason.

A figure that is not defined (no positives, one class only) is missing; it is never zero. Sums are
rounded once, from the exact sum, so that they do not depend on the order in which a processor adds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import rfc8785

DIGITS = 12
CHUNK = 1_000_000


@dataclass(frozen=True)
class Missing:
    """Why there is no figure: a code, put into words by the pages."""

    reason: str


Figure = float | Missing


def ratio(part: float | Fraction, whole: float | Fraction, reason: str) -> Figure:
    """Missing for that reason where the whole is 0. Whole numbers are divided exactly."""
    return float(part / whole) if whole else Missing(reason)


def mean(values: Iterable[Figure], reason: str) -> Figure:
    """Of those that are defined; missing where none is."""
    found = [value for value in values if not isinstance(value, Missing)]
    return math.fsum(found) / len(found) if found else Missing(reason)


def total(array: Any) -> float:
    """The exact sum of an array, rounded once, without a list of all its values."""
    return math.fsum(
        value
        for start in range(0, len(array), CHUNK)
        for value in array[start : start + CHUNK].tolist()
    )


def written(value: float, digits: int = DIGITS) -> str:
    """0.9375 for 0.9375, 12300 for 1.23e4; never an exponent, never minus zero."""
    cut = Decimal(f"{value:.{digits - 1}e}")
    if not cut:
        return "0"
    text = f"{cut:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class Outcome:
    """What one evaluation found. The same files and settings give the same bytes, always."""

    evaluator: str
    version: str
    split: str
    settings: dict[str, Any]
    ids: int
    metrics: dict[str, Figure]
    details: dict[str, Any]

    def plain(self) -> dict[str, Any]:
        return {
            "form": "jiebang-outcome/1",
            "evaluator": self.evaluator,
            "version": self.version,
            "split": self.split,
            "settings": self.settings,
            "ids": self.ids,
            "metrics": {code: plain(figure) for code, figure in self.metrics.items()},
            "details": plain(self.details),
        }

    def bytes(self) -> bytes:
        """RFC 8785."""
        return rfc8785.dumps(self.plain())


def plain(value: Any) -> Any:
    """A metric is {"value": "0.5"} or {"missing": "no_positives"}; counts stay whole numbers."""
    if isinstance(value, Missing):
        return {"missing": value.reason}
    if isinstance(value, float):
        return {"value": written(value)}
    if isinstance(value, dict):
        return {name: plain(row) for name, row in value.items()}
    if isinstance(value, list | tuple):
        return [plain(row) for row in value]
    return value
