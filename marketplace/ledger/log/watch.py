"""Watching the log's own promises. What is found is an error in the log, a word in readiness.

Nothing here counts: whether anything waits for too long, never how much, since that would tell of
bids.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connection

from marketplace.base import clock
from marketplace.ledger.log import anchor
from marketplace.ledger.log.models import Checkpoint, LogCheck

log = structlog.get_logger()
# Of the newest receipts; `check_log` looks at all of them every night.
RECEIPTS_WATCHED = 2_000
CHECK_LATE_AFTER = timedelta(days=2)
# The oldest pending row is the first by id within what transactions overlap: some are asked.
LATE = """
SELECT EXISTS (
    SELECT 1 FROM (SELECT event_id FROM marketplace_pendingevent ORDER BY id LIMIT 100) pending
    JOIN marketplace_event event ON event.id = pending.event_id WHERE event.at < %(before)s
) OR EXISTS (
    SELECT 1 FROM (
        SELECT event_id, created_at FROM marketplace_receipt ORDER BY id DESC LIMIT %(most)s
    ) receipt
    WHERE receipt.event_id IS NOT NULL AND receipt.created_at < %(before)s AND NOT EXISTS (
        SELECT 1 FROM marketplace_leaf leaf WHERE leaf.event_id = receipt.event_id
    )
)
"""


def promise_broken() -> bool:
    """Whether something that was promised to the log is not in it after the merge delay."""
    before = clock.now() - timedelta(seconds=settings.LOG_MERGE_DELAY_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(LATE, {"before": before, "most": RECEIPTS_WATCHED})
        return bool(cursor.fetchone()[0])


def last_check() -> LogCheck | None:
    return LogCheck.objects.order_by("-id").first()


def check_late() -> bool:
    """Whether the nightly check of a log that is old enough has not run for two nights."""
    before = clock.now() - CHECK_LATE_AFTER
    found = last_check()
    if found:
        return found.created_at < before
    first = Checkpoint.objects.order_by("id").first()
    return first is not None and first.created_at < before


def look() -> None:
    """Raise the alarm, in words that whoever reads the logs can act upon."""
    damage = anchor.damage()
    if damage:
        log.error("log.damaged", code=damage.code, reason=str(damage))
    if promise_broken():
        log.error(
            "log.promise_broken",
            reason="Something was promised to the log and is not in it after the merge delay.",
            merge_delay_seconds=settings.LOG_MERGE_DELAY_SECONDS,
        )
