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


def paired(
    ours: Callable[[], float], theirs: Callable[[], float], *, rounds: int = 5
) -> list[tuple[float, float]]:
    """Measure both sides in each round, so that what disturbs the machine disturbs both."""
    return [(ours(), theirs()) for _ in range(rounds)]


def report(
    name: str, pairs: list[tuple[float, float]], *, unit: str, floor: float, goal: float
) -> bool:
    """Print the rounds and the median ratio ours/theirs. Returns whether the floor is reached.

    More is better: for times give what was done per second.
    """
    print(f"\n{name}")
    for number, (ours, theirs) in enumerate(pairs, 1):
        print(f"  round {number}: {ours:10.1f} against {theirs:10.1f} {unit}  {ours / theirs:.3f}")
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    verdict = "goal" if ratio >= goal else "floor" if ratio >= floor else "BELOW THE FLOOR"
    print(f"  median ratio {ratio:.3f} (floor {floor}, goal {goal}): {verdict}")
    return ratio >= floor
