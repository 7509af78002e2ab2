"""Which deadlines the record of outages moves, and whether that record has reached a deadline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db.models import Max, Min

from marketplace.base import heartbeat
from marketplace.base.models import Outage
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.outages import (
    RECORD_WAIT,
    Extension,
    OutageRule,
    Span,
    extension_due,
    rule_of,
)

# Rooms above say when a closed demand cannot be opened for bids again.
BARRED: list[Callable[[Scenario], bool]] = []
# A piece that was written longer ago has been seen by many sweeps.
RECENT = timedelta(days=7)
# No profile looks back further; a sweep looks no further either.
WINDOW_MOST = timedelta(days=1)


def outage_rule(scenario: Scenario) -> OutageRule | None:
    return rule_of(scenario.profile.values) if scenario.profile else None


def due_extension(
    scenario: Scenario, now: datetime, spans: Iterable[Span] | None = None
) -> Extension | None:
    """What the record, or these spans of it, makes of the deadline; None where it stands.

    A closed demand is left alone once a room above bars it, and so is a suspended one, whose
    deadline moves by all the time that it stands still.
    """
    rule, deadline = outage_rule(scenario), scenario.deadline_at
    if scenario.suspended:
        return None
    if rule is None or deadline is None or scenario.state not in {State.PUBLISHED, State.CLOSED}:
        return None
    if spans is None:
        rows = Outage.objects.filter(until_at__gt=deadline - rule.window, from_at__lt=deadline)
        spans = rows.values_list("from_at", "until_at")
    due = extension_due(rule, spans, deadline=deadline, now=now)
    if due and scenario.state == State.CLOSED and any(barred(scenario) for barred in BARRED):
        return None
    return due


def due_extensions(now: datetime) -> list[Scenario]:
    """The demands whose deadline has to be moved. One query where nothing was recorded of late."""
    recent = Outage.objects.filter(created_at__gt=now - RECENT)
    ends = recent.aggregate(first=Min("from_at"), last=Max("until_at"))
    if ends["first"] is None:
        return []
    rows = Scenario.objects.filter(
        state__in=[State.PUBLISHED, State.CLOSED],
        deadline_at__gt=ends["first"],
        deadline_at__lt=ends["last"] + WINDOW_MOST,
    )
    near = Outage.objects.filter(until_at__gt=ends["first"] - WINDOW_MOST)
    spans = list(near.values_list("from_at", "until_at"))
    rows = rows.select_related("profile").order_by("deadline_at", "pk")
    return [scenario for scenario in rows if due_extension(scenario, now, spans)]


def record_awaited(scenario: Scenario, now: datetime) -> bool:
    """Whether closing has to wait: the monitor lives and its record ends before the deadline.

    Never longer than RECORD_WAIT after the deadline, and never for a monitor that is silent.
    """
    deadline = scenario.deadline_at
    if outage_rule(scenario) is None or deadline is None or now >= deadline + RECORD_WAIT:
        return False
    reached = heartbeat.reached(heartbeat.MONITOR)
    return reached is not None and now - RECORD_WAIT < reached < deadline


def failing_awaits_record(scenario: Scenario, now: datetime) -> bool:
    """Whether a listing must not fail yet: it is about to take bids again, or may be.

    A monitor that was away together with the database tells when both are back; for it RECORD_WAIT
    after the closing at most, and only where one is in use.
    """
    if due_extension(scenario, now):
        return True
    deadline, closed_at = scenario.deadline_at, scenario.closed_at
    if outage_rule(scenario) is None or deadline is None or closed_at is None:
        return False
    reached = heartbeat.reached(heartbeat.MONITOR)
    if reached is None or reached >= deadline or reached < deadline - WINDOW_MOST:
        return False
    return now < closed_at + RECORD_WAIT
