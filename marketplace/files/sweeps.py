"""What expired, what ended, and what no record points to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import structlog
from django.db import transaction

from marketplace.base import clock
from marketplace.base.clock import MarketplaceNow
from marketplace.base.errors import StorageAway
from marketplace.files import limits, spool, storage
from marketplace.files.actions import end
from marketplace.files.disk import PART
from marketplace.files.models import Upload, UploadState

log = structlog.get_logger()
# A file that just came may belong to a transaction that has not committed yet.
SETTLED = timedelta(hours=1)


def sweep() -> dict[str, int]:
    """End what has expired, remove its bytes and forgotten spool files. Runs twice without harm."""
    return {"ended": end_expired(), "discarded": discard_ended(), "spools": remove_spools()}


def end_expired() -> int:
    ended = 0
    expired = Upload.objects.filter(
        state__in=[UploadState.RECEIVING, UploadState.STORED],
        subject_uid=None,
        expires_at__lte=MarketplaceNow(),
    )
    for pk in list(expired.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            # Read again under the lock: it may have been claimed, or gone on.
            upload = expired.filter(pk=pk).select_for_update(skip_locked=True).first()
            if upload is not None:
                end(upload)
                ended += 1
    return ended


def discard_ended() -> int:
    """The bytes first, then the row says so; while the storage is away the next sweep does it."""
    discarded = 0
    rows = Upload.objects.filter(state=UploadState.ENDED).exclude(stored_name="")
    for upload in rows.order_by("pk"):
        try:
            storage.discard(upload.stored_name)
        except StorageAway:
            break
        Upload.objects.filter(pk=upload.pk).update(stored_name="")
        discarded += 1
    return discarded


def remove_spools() -> int:
    """Spool files whose upload is not being received any more, and such as never had one."""
    removed = 0
    now = clock.now()
    wanted = {
        f"{uid}{PART}"
        for uid in Upload.objects.filter(state=UploadState.RECEIVING).values_list("uid", flat=True)
    }
    for path, written_at in spool.files():
        if path.name not in wanted and written_at < now - limits.EXPIRES_AFTER:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def orphans(folders: dict[str, Iterable[str]]) -> Iterator[str]:
    """Stored files that no record points to, one by one.

    folders: folder -> every name that a record points to. What came within the last hour is left
    out, and so is what a record will point to after a kill between storing and saying so.
    """
    for folder, known in folders.items():
        pointed = set(known)
        for name, came_at in list(storage.names(folder)):
            if name not in pointed and came_at < clock.now() - SETTLED:
                yield name
