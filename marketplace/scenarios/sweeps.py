"""What the clock makes true is recorded by a sweep, one job per demand."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from marketplace.base.clock import NowOnce
from marketplace.base.errors import NotFound, TooEarly
from marketplace.base.models import OutboxJob
from marketplace.base.queue import enqueue, handles
from marketplace.scenarios.actions import close_scenario
from marketplace.scenarios.models import Scenario, State

CLOSE = "close_scenario"


@transaction.atomic
def close_due() -> int:
    """Promise the closing of every demand whose deadline has passed. Returns how many are new.

    One that waits in the outbox already is not promised again; two sweeps at once may promise
    twice, which closes once.
    """
    due = Scenario.objects.filter(state=State.PUBLISHED, deadline_at__lte=NowOnce())
    waiting = set(
        OutboxJob.objects.filter(kind=CLOSE, done_at=None).values_list(
            "payload__scenario_uid", flat=True
        )
    )
    uids = [str(uid) for uid in due.order_by("deadline_at", "pk").values_list("uid", flat=True)]
    fresh = [uid for uid in uids if uid not in waiting]
    for uid in fresh:
        enqueue(CLOSE, scenario_uid=uid)
    return len(fresh)


@handles(CLOSE)
def close_one(*, scenario_uid: str, **_: object) -> None:
    """Runs twice without harm; a deadline that was moved in between is left to the next sweep."""
    try:
        close_scenario(scenario_uid=UUID(scenario_uid))
    except (NotFound, TooEarly):
        return
