"""Whose turn it is: claiming an attempt under a lease, keeping it, and losing it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from django.db import connection, transaction

from marketplace.base import clock
from marketplace.base.actor import SYSTEM
from marketplace.base.clock import MarketplaceNow, NowOnce
from marketplace.base.locks import lock
from marketplace.base.states import move
from marketplace.races.attempts.actions import note, told
from marketplace.races.attempts.models import (
    Attempt,
    AttemptState,
    EvaluationTurn,
    LineCode,
    Step,
)

LEASE = timedelta(seconds=60)
KEEP_EVERY_SECONDS = 10.0
TRIES_MOST = 3
PAUSE = timedelta(seconds=10)

NEXT = """
SELECT a.id FROM marketplace_attempt a
LEFT JOIN marketplace_evaluationturn t ON t.organisation_id = a.organisation_id
WHERE a.state = 'queued' AND a.due_at <= (SELECT marketplace_now())
ORDER BY t.served_at NULLS FIRST, a.due_at, a.id
LIMIT 1
FOR UPDATE OF a SKIP LOCKED
"""


class LeaseLost(Exception):
    """Somebody else has the attempt now, or nobody wants it any more: drop what was done."""


@transaction.atomic
def claim() -> Attempt | None:
    """The next attempt, leased to the caller: of the vendor that was served longest ago."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT)
        row = cursor.fetchone()
    if row is None:
        return None
    attempt = Attempt.objects.get(pk=row[0])
    now = clock.now()
    attempt.lease, attempt.leased_until = uuid4(), now + LEASE
    attempt.tries += 1
    attempt.step = Step.FETCHING
    attempt.started_at = attempt.started_at or now
    move(
        attempt,
        AttemptState.RUNNING,
        also=("lease", "leased_until", "tries", "step", "started_at"),
    )
    EvaluationTurn.objects.update_or_create(
        organisation_id=attempt.organisation_id, defaults={"served_at": now}
    )
    note(attempt, LineCode.STARTED)
    return attempt


def keep(attempt: Attempt, step: str = "") -> None:
    """Hold the lease for longer, and say how far we are. Raises LeaseLost."""
    rows = Attempt.objects.filter(pk=attempt.pk, lease=attempt.lease, state=AttemptState.RUNNING)
    more = {"step": step} if step else {}
    if not rows.update(leased_until=MarketplaceNow() + LEASE, **more):
        raise LeaseLost


def held(attempt_pk: int, lease: UUID | None) -> Attempt:
    """The row, locked, if the lease is still ours. Raises LeaseLost."""
    attempt = lock(Attempt, pk=attempt_pk)
    if attempt.state != AttemptState.RUNNING or attempt.lease != lease:
        raise LeaseLost
    return attempt


@transaction.atomic
def interrupted(attempt_pk: int, lease: UUID | None) -> Attempt:
    """By our fault: queued again after a pause, or given up; then it costs no attempt.

    Raises LeaseLost.
    """
    attempt = held(attempt_pk, lease)
    now = clock.now()
    attempt.lease = attempt.leased_until = None
    attempt.step = ""
    if attempt.tries < TRIES_MOST:
        attempt.due_at = now + PAUSE * attempt.tries
        move(attempt, AttemptState.QUEUED, also=("lease", "leased_until", "step", "due_at"))
        note(attempt, LineCode.AGAIN)
        return attempt
    attempt.spent, attempt.settled_at = False, now
    left = move(
        attempt,
        AttemptState.FAILED,
        also=("lease", "leased_until", "step", "spent", "settled_at"),
    )
    note(attempt, LineCode.FAILED)
    told(SYSTEM, attempt, "attempt.failed", left)
    return attempt


def take_back_due() -> int:
    """What a worker left behind that died: queued again. Returns how many."""
    rows = Attempt.objects.filter(state=AttemptState.RUNNING, leased_until__lte=NowOnce())
    taken = 0
    for pk, lease in list(rows.values_list("pk", "lease")):
        with transaction.atomic():
            # Its worker may have kept it meanwhile: asked again under the lock.
            over = rows.filter(pk=pk, lease=lease).select_for_update(skip_locked=True).first()
            if over is not None:
                interrupted(pk, lease)
                taken += 1
    return taken


def waits() -> bool:
    """Whether there is an attempt to be taken now."""
    rows = Attempt.objects.filter(state=AttemptState.QUEUED, due_at__lte=NowOnce())
    return rows.exists()
