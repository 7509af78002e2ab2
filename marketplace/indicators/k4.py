"""Open demands (K4), counted strictly and broadly: rule k4/1. No Django, plain values only.

Source: the action plan as reported on 2022-03-24 ("at least 50 security demands opened"), read as
"first valid publication, by distinct root".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

RULE = "k4/1"
SHANGHAI = ZoneInfo("Asia/Shanghai")
DOMAINS = frozenset({"industrial_internet", "digital_infrastructure", "ai", "data_compliance"})
MODES = frozenset({"best", "race"})


class Reason(StrEnum):
    """Why a published demand is not in a figure."""

    # in neither figure
    WITHDRAWN = "withdrawn"
    REPEATED = "repeated"
    BEFORE_PLAN = "before_plan"
    DEMO = "demo"
    # in the broad one only
    NOT_IN_LINGANG = "not_in_lingang"
    DOMAIN = "domain"
    MODE = "mode"
    SUMMARY_TOO_SHORT = "summary_too_short"


@dataclass(frozen=True)
class Period:
    """Shanghai days, both included."""

    starts_on: date
    ends_on: date


@dataclass(frozen=True)
class DemandFact:
    """One publication of a demand. `root_uid` is shared by all rounds of the same demand."""

    root_uid: UUID
    scenario_uid: UUID
    ref: str
    published_at: datetime
    deadline_at: datetime
    withdrawn_at: datetime | None
    counts_in_demo_only: bool
    domain_code: str
    organising_mode: str
    owner_in_lingang: bool
    summary_counts_at: datetime


@dataclass(frozen=True)
class Figure:
    """Units in the plan period and after it, each by time of publication."""

    in_period: tuple[DemandFact, ...]
    after: tuple[DemandFact, ...]

    @property
    def together(self) -> tuple[DemandFact, ...]:
        return self.in_period + self.after


@dataclass(frozen=True)
class Exclusion:
    fact: DemandFact
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class K4:
    """Every fact known at `as_of` is in exactly one of: strict, not_strict, withdrawn, excluded.

    broad = strict and not_strict together.
    """

    rule: str
    as_of: datetime
    period: Period
    strict: Figure
    broad: Figure
    not_strict: tuple[Exclusion, ...]
    withdrawn: tuple[DemandFact, ...]
    excluded: tuple[Exclusion, ...]


def count_k4(facts: Iterable[DemandFact], *, period: Period, demo: bool, as_of: datetime) -> K4:
    """Count what had been published at an instant.

    facts: any order, several publications of one root allowed; the first one that was not
    withdrawn before its deadline stands, the others are repetitions. demo: whether this
    installation holds demo data, in which alone the demo profile counts.
    """
    known = sorted(
        (fact for fact in facts if fact.published_at <= as_of),
        key=lambda fact: (fact.published_at, fact.ref),
    )
    counted: list[DemandFact] = []
    not_strict: list[Exclusion] = []
    withdrawn: list[DemandFact] = []
    excluded: list[Exclusion] = []
    roots: set[UUID] = set()
    for fact in known:
        if was_withdrawn(fact, as_of):
            withdrawn.append(fact)
            continue
        out = _why_out(fact, period=period, demo=demo, repeated=fact.root_uid in roots)
        roots.add(fact.root_uid)
        if out:
            excluded.append(Exclusion(fact, out))
            continue
        counted.append(fact)
        lacking = why_not_strict(fact, as_of)
        if lacking:
            not_strict.append(Exclusion(fact, lacking))
    lenient = {exclusion.fact for exclusion in not_strict}
    return K4(
        rule=RULE,
        as_of=as_of,
        period=period,
        strict=_split([fact for fact in counted if fact not in lenient], period),
        broad=_split(counted, period),
        not_strict=tuple(not_strict),
        withdrawn=tuple(withdrawn),
        excluded=tuple(excluded),
    )


def was_withdrawn(fact: DemandFact, as_of: datetime) -> bool:
    """Whether the owner had taken it back before its deadline, as known at an instant."""
    at = fact.withdrawn_at
    return at is not None and at <= as_of and at < fact.deadline_at


def why_not_strict(fact: DemandFact, as_of: datetime) -> tuple[Reason, ...]:
    tests = (
        (Reason.NOT_IN_LINGANG, not fact.owner_in_lingang),
        (Reason.DOMAIN, fact.domain_code not in DOMAINS),
        (Reason.MODE, fact.organising_mode not in MODES),
        (Reason.SUMMARY_TOO_SHORT, as_of < fact.summary_counts_at),
    )
    return tuple(reason for reason, holds in tests if holds)


def _why_out(fact: DemandFact, *, period: Period, demo: bool, repeated: bool) -> tuple[Reason, ...]:
    tests = (
        (Reason.REPEATED, repeated),
        (Reason.BEFORE_PLAN, shanghai_day(fact.published_at) < period.starts_on),
        (Reason.DEMO, fact.counts_in_demo_only and not demo),
    )
    return tuple(reason for reason, holds in tests if holds)


def shanghai_day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def _split(facts: list[DemandFact], period: Period) -> Figure:
    inside = [fact for fact in facts if shanghai_day(fact.published_at) <= period.ends_on]
    return Figure(tuple(inside), tuple(facts[len(inside) :]))
