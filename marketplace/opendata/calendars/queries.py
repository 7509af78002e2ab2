"""Which dates of posted demands stand in a calendar. Only what everybody may know, whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marketplace.awards.models import DecisionState, Publicity
from marketplace.base.actor import VISITOR
from marketplace.base.clock import NowOnce
from marketplace.ledger.models import Audience, Event
from marketplace.opendata.calendars.ics import event_uid
from marketplace.scenarios.models import Scenario, ScenarioQuerySet, State
from marketplace.scenarios.questions.timing import asked_until
from marketplace.scenarios.watching.calendars import CalendarAddress
from marketplace.scenarios.watching.models import WATCHED_MOST, Watch

# The soonest so many; a calendar of more is read by nobody.
FEED_MOST = 500
# What moves a date, or makes it uncertain, or void.
CHANGES = (
    "scenario.deadline_extended",
    "scenario.amended",
    "scenario.suspended",
    "scenario.resumed",
    "scenario.withdrawn",
    "scenario.terminated",
)
PARTS = ("organisation", "domain", "profile")
LONG = ("pain", "need", "deliverables", "ip_terms", "data_terms")
OVER = {State.WITHDRAWN, State.TERMINATED}


@dataclass(frozen=True)
class Date:
    """One date of one demand. kind: deadline, questions, publicity. As `ics.Entry`, without words."""

    kind: str
    scenario: Scenario
    uid: UUID
    sequence: int
    changed_at: datetime
    starts_at: datetime
    ends_at: datetime | None
    status: str


def _posted() -> ScenarioQuerySet:
    return Scenario.objects.visible_to(VISITOR).select_related(*PARTS).defer(*LONG)


def dates_of(scenario: Scenario) -> list[Date]:
    """All dates of one posted demand. Two queries."""
    return _dates([scenario], publicity=True)


def open_deadlines() -> list[Date]:
    """Of what takes bids now, the soonest first. Two queries."""
    rows = _posted().filter(state=State.PUBLISHED, deadline_at__gt=NowOnce())
    soonest = list(rows.order_by("deadline_at", "-pk")[:FEED_MOST])
    return [date for date in _dates(soonest, publicity=False) if date.kind == "deadline"]


def watched_dates(address: CalendarAddress) -> list[Date]:
    """All dates of what the address's person watches, as a visitor knows them. Three queries."""
    ids = Watch.objects.filter(user=address.user).values("scenario")
    rows = _posted().filter(pk__in=ids).order_by("deadline_at", "pk")
    return _dates(list(rows[:WATCHED_MOST]), publicity=True)


def _dates(rows: list[Scenario], *, publicity: bool) -> list[Date]:
    changes = _changes({row.uid for row in rows})
    notices = _publicities(rows) if publicity else {}
    return [
        date
        for row in rows
        for date in [*_until(row, changes.get(row.uid, [])), *notices.get(row.pk, [])]
    ]


def _until(row: Scenario, changes: list[datetime]) -> list[Date]:
    if row.deadline_at is None or row.published_at is None:
        return []
    status = "CONFIRMED"
    if row.suspended:
        status = "TENTATIVE"
    elif row.state in OVER:
        status = "CANCELLED"
    stand = (len(changes), max([row.published_at, *changes]))
    moments = {"questions": asked_until(row), "deadline": row.deadline_at}
    return [
        Date(kind, row, event_uid(row.uid, kind), *stand, at, None, status)
        for kind, at in moments.items()
        if at is not None and at > row.published_at
    ]


def _changes(uids: set[UUID]) -> dict[UUID, list[datetime]]:
    """When each of these demands changed, as everybody may know."""
    found: dict[UUID, list[datetime]] = {}
    rows = Event.objects.filter(
        kind__in=CHANGES, audience=Audience.PUBLIC, subjects__overlap=list(uids)
    )
    for subjects, at in rows.values_list("subjects", "at"):
        for uid in uids & set(subjects):
            found.setdefault(uid, []).append(at)
    return found


def _publicities(rows: list[Scenario]) -> dict[int, list[Date]]:
    """The window of each notice; that of a winner who refused is void."""
    known = {row.pk: row for row in rows}
    found: dict[int, list[Date]] = {}
    notices = Publicity.objects.filter(decision__scenario__in=known).select_related("decision")
    for notice in notices.order_by("starts_at", "pk"):
        void = notice.decision.state in {DecisionState.REFUSED, DecisionState.ANNULLED}
        row = known[notice.decision.scenario_id]
        date = Date(
            "publicity",
            row,
            event_uid(notice.uid, "publicity"),
            int(void),
            notice.starts_at,
            notice.starts_at,
            notice.ends_at,
            "CANCELLED" if void else "CONFIRMED",
        )
        found.setdefault(row.pk, []).append(date)
    return found
