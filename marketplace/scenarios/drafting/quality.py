"""How good a demand is, as far as a machine can tell, and the one thing to do next for each point.

Pure: content and dates in, points out. The published rule is RULE: a change of what is asked or of
the weights is a new number. What cannot be judged yet (no deadline, no text) takes no points away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from django.utils.translation import gettext as _

from marketplace.scenarios.content import Content, Row
from marketplace.scenarios.drafting.neutral import tailored, texts_of

RULE = "quality/2"
WEIGHTS = {
    "metrics": 25,
    "tester": 12,
    "dataset": 10,
    "budget": 15,
    "room": 10,
    "criteria": 13,
    "neutral": 15,
}
METHOD_LEAST = 8
# Where the profile does not say it: judges lose sight of more criteria than so many.
CRITERIA_MOST = 8
BIDDER = re.compile(
    r"揭榜方|投标(?:方|人)|中标(?:方|人)|承接方|供应商自|厂商自|乙方|bidder|vendor|supplier",
    re.IGNORECASE,
)
# A tester who is apart from the bidder may say so.
APART = re.compile(
    r"(?:独立于|非|不得由|not)\s*(?:the\s+)?(?:揭榜|投标|中标|bidder|vendor)", re.IGNORECASE
)


@dataclass(frozen=True)
class Room:
    """The deadline against the profile and the calendar; all None where nothing can be said.

    earliest_at: the first deadline that the profile allows. day_off: whether it falls on one.
    missing_year: the year whose official calendar is not on file.
    """

    earliest_at: datetime | None = None
    day_off: bool = False
    missing_year: int | None = None


@dataclass(frozen=True)
class Point:
    """got of most points. field and todo say where and what to do next; empty where all is well.

    judged: False where there is nothing to judge yet.
    """

    code: str
    label: str
    got: int
    most: int
    field: str = ""
    todo: str = ""
    judged: bool = True


@dataclass(frozen=True)
class Quality:
    points: list[Point]
    rule: str = RULE

    @property
    def score(self) -> int:
        """0 to 100: the share of the points that can be judged, rounded down."""
        judged = [point for point in self.points if point.judged]
        most = sum(point.most for point in judged)
        return 100 * sum(point.got for point in judged) // most if most else 0


Judged = tuple[Fraction | None, str, str]
WELL: tuple[str, str] = ("", "")


def assess(
    content: Content,
    *,
    companies: Collection[str] = (),
    room: Room | None = None,
    criteria_most: int = CRITERIA_MOST,
) -> Quality:
    """Judge a demand as it stands. companies: see neutral.py. criteria_most: warned of above it."""
    metrics = content.rows.get("metrics", [])
    judged: dict[str, tuple[str, Judged]] = {
        "metrics": (_("Every metric is a number that can be tested"), _metrics(metrics)),
        "tester": (_("Who tests is named, and is not the bidder"), _testers(metrics)),
        "dataset": (_("The data set of each test is named"), _datasets(metrics)),
        "budget": (_("The money is committed"), _budget(content)),
        "room": (_("Bidders have time"), _room(content, room or Room())),
        "criteria": (_("Judges know what they look at"), _criteria(content, criteria_most)),
        "neutral": (_("It favours nobody"), _neutral(content, companies)),
    }
    points = []
    for code, (label, (share, field, todo)) in judged.items():
        most = WEIGHTS[code]
        got = int(share * most) if share is not None else 0
        points.append(Point(code, label, got, most, field, todo, share is not None))
    return Quality(points)


def _each(rows: list[Row], part: str, wrong: Callable[[Row], tuple[str, str] | None]) -> Judged:
    """The share of rows that are well, and the first that is not."""
    first, well = WELL, 0
    for place, row in enumerate(rows):
        found = wrong(row)
        if found is None:
            well += 1
        elif first == WELL:
            first = (f"{part}-{place}-{found[0]}", found[1])
    return Fraction(well, len(rows)), *first


def _metrics(rows: list[Row]) -> Judged:
    if not rows:
        sentence = _("Add the first metric: what is measured, the number, its unit, the test.")
        return Fraction(0), "metrics", sentence

    def wrong(row: Row) -> tuple[str, str] | None:
        if not row.get("name"):
            return "name", _("Say what is measured.")
        if row.get("value") is None:
            return "value", _("Give the number that must be reached.")
        if not row.get("unit"):
            return "unit", _("Give the unit, such as %, s or 条.")
        if len(row.get("test_method") or "") < METHOD_LEAST:
            return "test_method", _("Say how it is tested, so that two testers measure the same.")
        return None

    return _each(rows, "metrics", wrong)


def _testers(rows: list[Row]) -> Judged:
    if not rows:
        return None, *WELL

    def wrong(row: Row) -> tuple[str, str] | None:
        tester = row.get("tester") or ""
        if not tester:
            return "tester", _("Name who tests, such as a test laboratory or your own department.")
        if BIDDER.search(tester) and not APART.search(tester):
            return "tester", _("Nobody tests the own work: name somebody other than the bidder.")
        return None

    return _each(rows, "metrics", wrong)


def _datasets(rows: list[Row]) -> Judged:
    if not rows:
        return None, *WELL

    def wrong(row: Row) -> tuple[str, str] | None:
        if not row.get("dataset"):
            return "dataset", _("Name the data that it is tested on, and how large it is.")
        return None

    return _each(rows, "metrics", wrong)


def _budget(content: Content) -> Judged:
    values = content.values
    nodes = content.rows.get("payment_nodes", [])
    paid = sum((row.get("percent") or Decimal(0) for row in nodes), Decimal(0))
    missing = [
        ("budget_cny", _("State the amount; vendors rarely answer without one."))
        if values.get("budget_cny") is None
        else None,
        ("funding", _("Choose where the money comes from.")) if not values.get("funding") else None,
        ("payment_nodes", _("Divide the payment into nodes that sum to 100 %."))
        if paid != 100
        else None,
    ]
    wrong = [one for one in missing if one]
    return Fraction(3 - len(wrong), 3), *(wrong[0] if wrong else WELL)


def _room(content: Content, room: Room) -> Judged:
    deadline_at = content.values.get("deadline_at")
    if deadline_at is None:
        return None, "deadline_at", _("Left empty, the office sets the deadline at publication.")
    if room.missing_year:
        sentence = _(
            "The official calendar of %(year)s is not published yet, so nobody can tell whether"
            " that day is worked. Choose an earlier deadline, or leave it to the office."
        )
        return None, "deadline_at", sentence % {"year": room.missing_year}
    if room.earliest_at and deadline_at < room.earliest_at:
        sentence = _("The profile asks for more time between publication and deadline: later.")
        return Fraction(0), "deadline_at", sentence
    if room.day_off:
        sentence = _("The deadline falls on a day off; choose a working day.")
        return Fraction(1, 2), "deadline_at", sentence
    if room.earliest_at is None:
        return None, "profile", _("Choose the profile; it says how much time bidders need.")
    return Fraction(1), *WELL


def _criteria(content: Content, most: int) -> Judged:
    rows = content.rows.get("criteria", [])
    if len(rows) > most:
        sentence = _("There are %(count)s criteria; above %(most)s judges lose sight: join some.")
        return Fraction(1, 2), "criteria", sentence % {"count": len(rows), "most": most}
    judged = [(place, row) for place, row in enumerate(rows) if row.get("kind") != "price"]
    if not judged:
        return Fraction(0), "criteria", _("Add a technical criterion with its levels.")
    first, half = WELL, 0
    for place, row in judged:
        anchored, guided = len(row.get("levels") or []) >= 2, bool(row.get("guidance"))
        half += anchored + guided
        if first == WELL and not anchored:
            first = (
                f"criteria-{place}-levels",
                _("Give at least two levels: what earns how much."),
            )
        elif first == WELL and not guided:
            first = (f"criteria-{place}-guidance", _("Say what judges look at."))
    return Fraction(half, 2 * len(judged)), *first


def _neutral(content: Content, companies: Collection[str]) -> Judged:
    if not any(text for field, text in texts_of(content) if field != "title"):
        return None, *WELL
    found = tailored(content, companies)
    if not found:
        return Fraction(1), *WELL
    return Fraction(0), found[0].field, found[0].message
