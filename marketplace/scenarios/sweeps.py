"""What the clock makes true is recorded by a sweep, one job per demand."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from marketplace.base import clock
from marketplace.base.clock import NowOnce
from marketplace.base.errors import NotFound, TooEarly
from marketplace.base.models import OutboxJob
from marketplace.base.queue import enqueue, handles
from marketplace.scenarios.actions import close_scenario, extend_deadline
from marketplace.scenarios.extensions import due_extensions
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.queries import closes_at
from marketplace.scenarios.questions.actions import hold_deadline
from marketplace.scenarios.questions.holding import due_holds

CLOSE = "close_scenario"
EXTEND = "extend_deadline"
HOLD = "hold_deadline"


@transaction.atomic
def close_due() -> int:
    """Promise the closing of every demand that takes nothing any more. Returns how many are new.

    One that waits in the outbox already is not promised again; two sweeps at once may promise
    twice, which closes once.
    """
    past = Scenario.objects.filter(
        state=State.PUBLISHED, suspended=False, deadline_at__lte=NowOnce()
    )
    now = clock.now()
    rows = past.select_related("profile").order_by("deadline_at", "pk")
    return promise(CLOSE, [row.uid for row in rows if (at := closes_at(row)) and at <= now])


@transaction.atomic
def extend_due() -> int:
    """Promise the move of every deadline that the record of outages has moved."""
    return promise(EXTEND, [scenario.uid for scenario in due_extensions(clock.now())])


@transaction.atomic
def hold_due() -> int:
    """Promise the move of every deadline that waits for an overdue answer."""
    return promise(HOLD, [scenario.uid for scenario in due_holds(clock.now())])


def promise(kind: str, uids: Iterable[UUID]) -> int:
    waiting = set(
        OutboxJob.objects.filter(kind=kind, done_at=None).values_list(
            "payload__scenario_uid", flat=True
        )
    )
    fresh = [str(uid) for uid in uids if str(uid) not in waiting]
    for uid in fresh:
        enqueue(kind, scenario_uid=uid)
    return len(fresh)


@handles(CLOSE)
def close_one(*, scenario_uid: str, **_: object) -> None:
    """Runs twice without harm; a deadline that was moved in between is left to the next sweep."""
    try:
        close_scenario(scenario_uid=UUID(scenario_uid))
    except (NotFound, TooEarly):
        return


@handles(EXTEND)
def extend_one(*, scenario_uid: str, **_: object) -> None:
    try:
        extend_deadline(scenario_uid=UUID(scenario_uid))
    except NotFound:
        return


@handles(HOLD)
def hold_one(*, scenario_uid: str, **_: object) -> None:
    try:
        hold_deadline(scenario_uid=UUID(scenario_uid))
    except NotFound:
        return
