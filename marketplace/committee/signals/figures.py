"""What in a panel's points a supervisor may want to look at. Pure: no Django, no database.

Nothing here changes a score, and a flag is no finding: people agree, differ and are strict for good
reasons. Totals are percent of the full points of the stages that are locked, so that stages and
panels compare. Source: domain rules “Scoring”.

    deviation   of a judge from the other judges' mean for a bid, over all sheets of the panel:
                |deviation ÷ their standard deviation| > 2, and a point of 100 or more
    distance    more than 20 % from the median of the bid's totals
    favour      how far a judge puts one bid above (below) his mean of the others, beyond what the
                panel does (the median of its judges): more than 20 points of 100
    alike       three judges or more whose rankings of at least four bids agree (Kendall's tau-b
                of every two of them ≥ 0.95)
    history     over the last three panels, this one included, in which the judge met the bidder:
                at least two, and on average 8 points of 100 or more beside the panel's mean
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import fmean, median
from typing import Any

Z_OVER = 2.0
# Where all agree, nobody stands out by a tenth of a point.
DEVIATION_LEAST = 1.0
DISTANCE_OVER = 20.0
FAVOUR_OVER = 20.0
ALIKE_TAU = 0.95
ALIKE_JUDGES, ALIKE_BIDS = 3, 4
HISTORY_PANELS, HISTORY_LEAST, HISTORY_OFFSET = 3, 2, 8.0

# {bid: {judge: percent of the full points}}
Totals = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Flag:
    """`judges`: whom it concerns. `figure`: the number that was held against the bound."""

    kind: str
    judges: tuple[str, ...]
    bid: str
    figure: float
    more: dict[str, Any] = field(default_factory=dict)


def flags(totals: Totals) -> list[Flag]:
    """Every flag of one panel but its history. Bids without points are left out."""
    scored = {bid: by for bid, by in totals.items() if len(by) > 1}
    return [*deviations(scored), *distances(scored), *favours(scored), *alike(scored)]


def deviations(totals: Totals) -> Iterator[Flag]:
    """One standard deviation for the whole panel: among five judges of one bid none passes 2."""
    off = {
        (bid, judge): points - fmean(p for other, p in by.items() if other != judge)
        for bid, by in totals.items()
        for judge, points in by.items()
    }
    if len(off) < 3:
        return
    spread = (sum(value * value for value in off.values()) / len(off)) ** 0.5
    for (bid, judge), value in off.items():
        if abs(value) >= DEVIATION_LEAST and abs(value / spread) > Z_OVER:
            yield Flag("deviation", (judge,), bid, round(value / spread, 2))


def distances(totals: Totals) -> Iterator[Flag]:
    for bid, by in totals.items():
        middle = median(by.values())
        for judge, points in by.items():
            if middle and abs(points - middle) / middle * 100 > DISTANCE_OVER:
                figure = round((points - middle) / middle * 100, 1)
                yield Flag("distance", (judge,), bid, figure)


def favours(totals: Totals) -> Iterator[Flag]:
    judges = sorted({judge for by in totals.values() for judge in by})
    gaps: dict[str, dict[str, float]] = {}
    for judge in judges:
        given = {bid: by[judge] for bid, by in totals.items() if judge in by}
        for bid, points in given.items():
            others = [p for other, p in given.items() if other != bid]
            if others:
                gaps.setdefault(bid, {})[judge] = points - fmean(others)
    for bid, by_judge in gaps.items():
        # The median: one judge apart must not make the others look apart.
        middle = median(by_judge.values())
        for judge, gap in by_judge.items():
            if abs(gap - middle) > FAVOUR_OVER:
                yield Flag("favour", (judge,), bid, round(gap - middle, 1))


def alike(totals: Totals) -> Iterator[Flag]:
    """The largest groups only; a judge who gives all bids the same ranks nobody."""
    bids = sorted(totals)
    judges = sorted({judge for by in totals.values() for judge in by})
    rows = {j: [totals[b][j] for b in bids] for j in judges if all(j in totals[b] for b in bids)}
    rows = {judge: row for judge, row in rows.items() if len(set(row)) > 1}
    if len(bids) < ALIKE_BIDS:
        return
    near = {
        pair for pair in combinations(rows, 2) if tau_b(rows[pair[0]], rows[pair[1]]) >= ALIKE_TAU
    }
    told: list[set[str]] = []
    for size in range(len(rows), ALIKE_JUDGES - 1, -1):
        for group in combinations(rows, size):
            if all(pair in near for pair in combinations(group, 2)) and not any(
                set(group) <= known for known in told
            ):
                told.append(set(group))
                yield Flag("alike", group, "", float(size))


def tau_b(one: Sequence[float], other: Sequence[float]) -> float:
    """Kendall's tau-b, ties counted. 0 where one of them ranks nobody."""
    score = ties_one = ties_other = pairs = 0
    for (a, x), (b, y) in combinations(zip(one, other, strict=True), 2):
        pairs += 1
        ties_one += a == b
        ties_other += x == y
        score += ((a > b) - (a < b)) * ((x > y) - (x < y))
    below = ((pairs - ties_one) * (pairs - ties_other)) ** 0.5
    return score / below if below else 0.0


def histories(met: Mapping[tuple[str, str], Sequence[float]]) -> list[Flag]:
    """met: {(judge, bid): the judge's offset from the panel's mean, this panel first}."""
    found = []
    for (judge, bid), offsets in met.items():
        last = list(offsets[:HISTORY_PANELS])
        if len(last) >= HISTORY_LEAST and abs(fmean(last)) >= HISTORY_OFFSET:
            figure = round(fmean(last), 1)
            found.append(Flag("history", (judge,), bid, figure, {"panels": len(last)}))
    return found
