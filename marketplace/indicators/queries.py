"""What the goals page, the board's first lines and the API say about the targets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from marketplace.base import clock
from marketplace.base.prepared import fetch_one
from marketplace.indicators.k4 import K4, DemandFact, Period, Reason, count_k4
from marketplace.indicators.models import Indicator, OpenDemand
from marketplace.scenarios.models import Scenario

FACT_FIELDS = tuple(DemandFact.__dataclass_fields__)


@dataclass(frozen=True)
class Unit:
    """One demand of the list behind the number."""

    fact: DemandFact
    title: str
    title_en: str
    language: str
    state: str
    profile_version: str
    publication_sha256: str
    period: str  # "in", "after", or "" where it is in no figure
    strict: bool
    standing: str  # counted, withdrawn, excluded
    reasons: tuple[Reason, ...] = ()

    @property
    def ref(self) -> str:
        return self.fact.ref


@dataclass(frozen=True)
class Goals:
    open_demands: Indicator
    k4: K4
    units: list[Unit]
    others: list[Indicator]

    @property
    def target(self) -> int:
        return int(self.open_demands.target)

    def standing(self, name: str) -> list[Unit]:
        return [unit for unit in self.units if unit.standing == name]


def open_demands(as_of: datetime | None = None) -> tuple[Indicator, K4]:
    """The target and its count, now or at an earlier instant. Three queries."""
    indicator = Indicator.objects.get(counted_by="k4")
    return indicator, _count(indicator, OpenDemand.objects.values(*FACT_FIELDS), as_of)


@dataclass(frozen=True)
class Opened:
    """How far the open demands are: inside the plan period, after it, and strictly of both."""

    target: int
    inside: int
    after: int
    strict: int


SUMS = """
    SELECT target::bigint,
           coalesce(sum(rows) FILTER (WHERE published_on <= period_ends_on), 0)::bigint,
           coalesce(sum(rows) FILTER (WHERE published_on > period_ends_on), 0)::bigint,
           coalesce(sum(rows) FILTER (
               WHERE strict AND summary_counts_at <= (SELECT marketplace_now())), 0)::bigint
    FROM marketplace_indicator
    LEFT JOIN marketplace_demandtally
        ON published_on >= period_starts_on AND (%(demo)s::bool OR NOT demo_only)
    WHERE counted_by = 'k4' GROUP BY key
"""


def opened_so_far() -> Opened:
    """The figures of `open_demands()` now, from the sums that are kept. One query."""
    row = fetch_one(SUMS, {"demo": settings.DEMO})
    assert row is not None, "the reference data name what K4 counts"
    return Opened(*row)


def opened_of(indicator: Indicator, k4: K4) -> Opened:
    """The same, where every demand has been counted."""
    return Opened(
        int(indicator.target),
        len(k4.broad.in_period),
        len(k4.broad.after),
        len(k4.strict.together),
    )


def _count(indicator: Indicator, rows: Any, as_of: datetime | None) -> K4:
    period = Period(indicator.period_starts_on, indicator.period_ends_on)
    facts = [DemandFact(**{name: row[name] for name in FACT_FIELDS}) for row in rows]
    return count_k4(facts, period=period, demo=settings.DEMO, as_of=as_of or clock.now())


def goals(as_of: datetime | None = None) -> Goals:
    """The twelve targets, the count of the one that is counted, and every demand behind it.

    Four queries, however many demands there are.
    """
    indicators = list(Indicator.objects.order_by("position"))
    counted = next(row for row in indicators if row.counted_by == "k4")
    rows = list(OpenDemand.objects.order_by("published_at", "id").values())
    k4 = _count(counted, rows, as_of)
    more = {row["scenario_uid"]: row for row in rows}
    states = _states(more)
    units = [_unit(place, more, states) for place in _places(k4)]
    others = [row for row in indicators if row is not counted]
    return Goals(open_demands=counted, k4=k4, units=units, others=others)


def _states(uids: Any) -> dict[UUID, tuple[str, str]]:
    rows = Scenario.objects.public().filter(uid__in=list(uids))
    return {
        uid: (state, language)
        for uid, state, language in rows.values_list("uid", "state", "language")
    }


def _places(k4: K4) -> list[dict[str, Any]]:
    """Each known fact once, in order of publication, with the figures that it is in."""
    lacking = {exclusion.fact: exclusion.reasons for exclusion in k4.not_strict}
    inside = set(k4.broad.in_period)
    places: list[dict[str, Any]] = [
        {
            "fact": fact,
            "period": "in" if fact in inside else "after",
            "strict": fact not in lacking,
            "standing": "counted",
            "reasons": lacking.get(fact, ()),
        }
        for fact in k4.broad.together
    ]
    apart: dict[str, Any] = {"period": "", "strict": False}
    places += [
        {"fact": fact, "standing": "withdrawn", "reasons": (Reason.WITHDRAWN,), **apart}
        for fact in k4.withdrawn
    ]
    places += [
        {"fact": exclusion.fact, "standing": "excluded", "reasons": exclusion.reasons, **apart}
        for exclusion in k4.excluded
    ]
    return sorted(places, key=lambda place: (place["fact"].published_at, place["fact"].ref))


def _unit(place: dict[str, Any], more: dict, states: dict) -> Unit:
    row = more[place["fact"].scenario_uid]
    state, language = states.get(row["scenario_uid"], ("", "zh-hans"))
    return Unit(
        title=row["title"],
        title_en=row["title_en"],
        language=language,
        state=state,
        profile_version=row["profile_version"],
        publication_sha256=row["publication_sha256"],
        **place,
    )
