"""Heats open and close at their instants; a sweep records it."""

from __future__ import annotations

from uuid import UUID

import structlog
from django.db import transaction

from marketplace.base import clock
from marketplace.base.actor import SYSTEM
from marketplace.base.clock import NowOnce
from marketplace.base.errors import DomainError, NotFound, StateConflict, TooEarly
from marketplace.base.locks import lock, lock_shared
from marketplace.base.states import move
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.races.course.models import Course, CourseState
from marketplace.races.models import Heat, HeatState, Race, RaceState
from marketplace.races.plans import is_measured, plan_of

log = structlog.get_logger()


class CourseMissing(StateConflict):
    code = "course.missing"


@transaction.atomic
def open_heat(*, heat_uid: UUID) -> Heat:
    """At its start, once the heat before it is confirmed and its course is fixed.

    One that opens late, since what it waits for came late, keeps its length. Raises TooEarly,
    StateConflict, CourseMissing.
    """
    seen = Heat.objects.filter(uid=heat_uid).first()
    if seen is None:
        raise NotFound
    race = lock_shared(Race, pk=seen.race_id)
    heat = lock(Heat, pk=seen.pk)
    now = clock.now()
    if now < heat.starts_at:
        raise TooEarly
    before = Heat.objects.filter(race=race, number=heat.number - 1).first()
    confirmed = before is None or before.state == HeatState.CONFIRMED
    if race.state != RaceState.RACING or not confirmed:
        raise StateConflict
    since = [at for at in (before and before.confirmed_at, race.started_at) if at]
    if is_measured(plan_of(heat)):
        course = Course.objects.filter(heat=heat, state=CourseState.FIXED).first()
        if course is None or course.fixed_at is None:
            raise CourseMissing
        since.append(course.fixed_at)
    also: tuple[str, ...] = ()
    if max(since, default=heat.starts_at) > heat.starts_at:
        heat.ends_at += now - heat.starts_at
        heat.starts_at = now
        also = ("starts_at", "ends_at")
    left = move(heat, HeatState.OPEN, also=also)
    _told("heat.opened", heat, left, {"ends_at": heat.ends_at})
    return heat


@transaction.atomic
def close_heat(*, heat_uid: UUID) -> Heat:
    """At its end; what was handed in before is measured all the same. Raises TooEarly."""
    heat = lock(Heat, uid=heat_uid)
    now = clock.now()
    if now < heat.ends_at:
        raise TooEarly
    heat.closed_at = now
    left = move(heat, HeatState.CLOSED, also=("closed_at",))
    _told("heat.closed", heat, left, {})
    return heat


def _told(kind: str, heat: Heat, left: str, data: dict[str, object]) -> None:
    race = heat.race
    ledger.append(
        kind,
        actor=SYSTEM,
        subjects=[heat.uid, race.uid, race.scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=heat.state,
        data={"ref": race.scenario.ref, "heat": heat.number, **data},
    )


def sweep() -> dict[str, int]:
    """Open and close what is due. Each is a transaction of its own; one that cannot stops nobody."""
    racing = Heat.objects.filter(race__state=RaceState.RACING)
    started = racing.filter(state=HeatState.PLANNED, starts_at__lte=NowOnce())
    ended = Heat.objects.filter(state=HeatState.OPEN, ends_at__lte=NowOnce())
    counts = {"opened": 0, "closed": 0}
    for name, rows, deed in (("closed", ended, close_heat), ("opened", started, open_heat)):
        for uid in list(rows.order_by("pk").values_list("uid", flat=True)):
            try:
                deed(heat_uid=uid)
            except DomainError as refusal:
                log.info("heat.waits", heat=str(uid), code=refusal.code)
            else:
                counts[name] += 1
    return counts
