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
# Summed as a list; and values worked on at once, so that they stay near the processor.
PLAIN = 4_096
PORTION = 32_768


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


class Exact:
    """A sum of `count` numbers within ±`top`, the same in whatever order a processor adds.

    Each number is cut into parts of so few bits that sums of each part are exact, three times: what
    is left lies 2^-80 below the largest. Source: Rump, Ogita and Oishi, SIAM J. Sci. Comput. 31
    (2008), 189-224.
    """

    def __init__(self, top: float, count: int) -> None:
        room = count.bit_length() + 1
        exponent = math.frexp(top)[1] + room
        self.units = [math.ldexp(1.0, exponent - step * (52 - room)) for step in range(3)]
        self.parts: list[float] = []

    def add(self, numbers: Any) -> None:
        for unit in self.units:
            cut = (numbers + unit) - unit
            self.parts.append(float(cut.sum()))
            numbers = numbers - cut

    def value(self) -> float:
        return math.fsum(self.parts)


def total(array: Any) -> float:
    """The sum of an array of finite numbers, whose order does not matter."""
    if len(array) <= PLAIN:
        return math.fsum(array.tolist())
    top = max(float(array.max()), -float(array.min()))
    if not top:
        return 0.0
    found = Exact(top, len(array))
    for start in range(0, len(array), PORTION):
        found.add(array[start : start + PORTION])
    return found.value()


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
