"""What waits and since when, for health and metrics: reading only, and nothing that tells of bids."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Max

from marketplace.base import clock
from marketplace.bidding.models import Opening, OpeningState
from marketplace.ledger.log.stamping import STAMP
from marketplace.notices.actions import MAIL
from marketplace.notices.registry import NOTIFY

OPENING_OVERDUE_AFTER = timedelta(minutes=10)
# Jobs that follow an event about a bid, and the mails that remind its bidders, are left out: one
# of them would tell that there is one. Timestamps that wait have a check of their own.
WAITING = """
    SELECT count(*),
           count(*) FILTER (WHERE job.kind = ANY(%s)),
           marketplace_now() - min(job.created_at)
               FILTER (WHERE job.attempts > 0 OR job.due_at <= marketplace_now())
    FROM marketplace_outboxjob job
    LEFT JOIN marketplace_notice notice ON notice.uid = (job.payload->>'notice_uid')::uuid
    LEFT JOIN marketplace_event event
        ON event.uid = coalesce(notice.event_uid, (job.payload->>'event_uid')::uuid)
    WHERE job.done_at IS NULL AND coalesce(event.kind, '') NOT LIKE 'bid.%%'
      AND job.kind <> %s AND coalesce(notice.kind, '') NOT LIKE 'reminder.deadline%%'
      AND coalesce(notice.kind, '') NOT LIKE 'bidders.%%'
"""


@dataclass(frozen=True)
class Outbox:
    jobs: int
    notices: int  # of the jobs, those that tell people
    oldest: timedelta


def outbox() -> Outbox:
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [[NOTIFY, MAIL], STAMP])
        jobs, notices, oldest = cursor.fetchone()
    return Outbox(jobs, notices, oldest or timedelta())


def overdue_openings() -> int:
    """Confirmed by enough key holders some time ago, and not finished yet."""
    confirmed = Opening.objects.filter(state=OpeningState.CONFIRMED)
    last = confirmed.annotate(last=Max("confirmations__confirmed_at"))
    return last.filter(last__lt=clock.now() - OPENING_OVERDUE_AFTER).count()


def stuck_openings() -> int:
    """Confirmed, and a bid of theirs fails for a reason that nobody knows."""
    rows = Opening.objects.filter(state=OpeningState.CONFIRMED)
    return rows.exclude(stuck_at=None).count()


def sweeps() -> dict[str, timedelta]:
    """{task that beat sends: how long it may stand still}."""
    entries: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    return {
        str(entry["task"]): timedelta(seconds=max(60.0, 6 * float(entry["schedule"])))
        for entry in entries.values()
        # A crontab has no length; whoever adds one says elsewhere when it is late.
        if isinstance(entry["schedule"], int | float)
    }
