"""What nobody needs any more goes, a batch at a time, so that nobody waits for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from marketplace.base.clock import NowOnce
from marketplace.base.models import OutboxJob
from marketplace.notices.models import Digest, Notice

# Unread notices stay, however old: nobody may say that he was not told.
KEEP_READ = timedelta(days=400)
KEEP_DIGESTS = timedelta(days=400)
KEEP_DONE_JOBS = timedelta(days=30)
BATCH = 1000


def prune(batch: int = BATCH) -> dict[str, int]:
    """Delete read notices, mails of a day and finished jobs past their time; how many of each."""
    now = NowOnce()
    return {
        "notices": _delete(Notice.objects.filter(read_at__lt=now - KEEP_READ), batch),
        "digests": _delete(Digest.objects.filter(done_at__lt=now - KEEP_DIGESTS), batch),
        "jobs": _delete(OutboxJob.objects.filter(done_at__lt=now - KEEP_DONE_JOBS), batch),
    }


def _delete(rows: QuerySet[Any], batch: int) -> int:
    """Rows that another run holds are its own; each batch is a transaction of its own."""
    deleted = 0
    while True:
        with transaction.atomic():
            some = rows.select_for_update(skip_locked=True).order_by("pk")
            pks = list(some.values_list("pk", flat=True)[:batch])
            number, _by_model = rows.model._default_manager.filter(pk__in=pks).delete()
        deleted += number
        if len(pks) < batch:
            return deleted
