"""The outbox: what must happen after a commit is a row of the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction

from marketplace.base import clock
from marketplace.base.clock import NowOnce
from marketplace.base.models import OutboxJob

log = structlog.get_logger()

Handler = Callable[..., None]
HANDLERS: dict[str, Handler] = {}
NUDGES: list[Callable[[], None]] = []
BATCH = 100
BACKOFF = (timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))


def handles(kind: str) -> Callable[[Handler], Handler]:
    """Register the handler of a kind. It may run twice and takes unknown keywords (`**_`)."""

    def register(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        return handler

    return register


def enqueue(kind: str, /, **plain: Any) -> None:
    """Promise a job. Lost with the transaction, kept with it; Redis need not be there."""
    OutboxJob.objects.create(kind=kind, payload=plain)
    transaction.on_commit(nudge, robust=True)


def nudge() -> None:
    for tell in NUDGES:
        tell()


def deliver_due() -> int:
    """Run every waiting job that no other worker holds. Returns how many succeeded.

    Each job is a transaction of its own, so one failure stops nobody; it is tried again after a
    growing pause and never given up.
    """
    due = OutboxJob.objects.filter(done_at=None, due_at__lte=NowOnce())
    delivered = 0
    for pk in due.order_by("id").values_list("pk", flat=True)[:BATCH]:
        delivered += _deliver(pk)
    return delivered


def _deliver(pk: int) -> bool:
    with transaction.atomic():
        rows = OutboxJob.objects.select_for_update(skip_locked=True)
        job = rows.filter(pk=pk, done_at=None).first()
        if job is None:
            return False
        try:
            with transaction.atomic():
                HANDLERS[job.kind](**job.payload)
        except Exception as error:  # a handler's fault must not stop the queue
            log.exception("outbox.failed", job=job.pk, kind=job.kind)
            pause = BACKOFF[min(job.attempts, len(BACKOFF) - 1)]
            job.attempts += 1
            job.due_at = clock.now() + pause
            job.last_error = type(error).__name__
            job.save(update_fields=["attempts", "due_at", "last_error"])
            return False
        job.done_at = clock.now()
        job.save(update_fields=["done_at"])
        return True
