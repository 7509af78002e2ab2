"""Two sides measured in turn, round by round, and the median of their ratios."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median


def interleaved(
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
    ratio = median(ours / theirs for ours, theirs in pairs)
    verdict = "goal" if ratio >= goal else "floor" if ratio >= floor else "BELOW THE FLOOR"
    print(f"  median ratio {ratio:.3f} (floor {floor}, goal {goal}): {verdict}")
    return ratio >= floor
