"""Two or more sides in turn, round by round, so that a slow moment of the machine hits all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

Side = Callable[[], object]


def interleaved(sides: dict[str, Side], *, rounds: int, times: int = 30) -> dict[str, float]:
    """{side: median over the rounds of its mean milliseconds}. Each is warmed up before."""
    for side in sides.values():
        for _ in range(5):
            side()
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(max(1, rounds)):
        for name, side in sides.items():
            began = time.perf_counter()
            for _ in range(times):
                side()
            found[name].append((time.perf_counter() - began) / times * 1000)
    return {name: statistics.median(values) for name, values in found.items()}


def tell(what: str, value: float, against: float, *, floor: str, unit: str = "ms") -> float:
    ratio = value / against if against else float("inf")
    print(f"{what:42} {value:10.3f} {unit}  {against:10.3f} {unit}  {ratio:8.2f}  floor {floor}")
    return ratio
