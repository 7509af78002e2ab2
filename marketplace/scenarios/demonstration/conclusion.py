"""What may be concluded from the experts' opinions. Pure: plain values in, plain values out.

The rule, as the page tells it:
- 通过 pass: more than half of the opinions say pass, none says that the demand is tailored to one
  vendor, and none of the four questions is denied by half of the opinions or more;
- 修改后再论证 revise: always possible, for asking once more costs days and passing wrongly a listing;
- 不通过 reject: more than half of the opinions say no.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

PASS, REVISE, REJECT = "pass", "revise", "reject"
QUESTIONS = ("real", "tight", "measurable", "neutral")


@dataclass(frozen=True)
class Opinion:
    """One expert's answers to the four questions, and the verdict: pass, revise or reject."""

    real: bool
    tight: bool
    measurable: bool
    neutral: bool
    verdict: str


@dataclass(frozen=True)
class Count:
    """opinions: how many; yes: {question: how many affirm it}; verdicts: {verdict: how many}."""

    opinions: int
    yes: dict[str, int]
    verdicts: dict[str, int]


def counted(opinions: Iterable[Opinion]) -> Count:
    rows = list(opinions)
    verdicts = Counter(row.verdict for row in rows)
    return Count(
        len(rows),
        {name: sum(bool(getattr(row, name)) for row in rows) for name in QUESTIONS},
        {verdict: verdicts[verdict] for verdict in (PASS, REVISE, REJECT)},
    )


def admissible(opinions: Iterable[Opinion]) -> set[str]:
    """The outcomes that these opinions carry; none of them without any opinion."""
    count = counted(opinions)
    if not count.opinions:
        return set()
    found = {REVISE}
    half = count.opinions / 2
    neutral = count.yes["neutral"] == count.opinions
    affirmed = all(yes > half for yes in count.yes.values())
    if count.verdicts[PASS] > half and neutral and affirmed:
        found.add(PASS)
    if count.verdicts[REJECT] > half:
        found.add(REJECT)
    return found
