"""Where uploads lie until they are whole: one .part file each, readable by us alone.

The offset that a client is told is never higher than what has been synced to this disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from marketplace.base.errors import DomainError, StorageAway
from marketplace.files.disk import PART, blocks, sync_folder

log = structlog.get_logger()
HEAD = 64 * 1024


class UploadBusy(DomainError):
    status = 423
    code = "upload.busy"
    message = _("Another request is writing this upload.")


def folder() -> Path:
    made = Path(settings.SPOOL_ROOT)
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    return made


def path_of(uid: UUID) -> Path:
    return folder() / f"{uid}{PART}"


@contextmanager
def or_away() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        log.exception("spool.away")
        raise StorageAway from error


def create(uid: UUID) -> None:
    with or_away():
        descriptor = os.open(path_of(uid), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.close(descriptor)
        sync_folder(folder())


@contextmanager
def held(uid: UUID) -> Iterator[int | None]:
    """The spool file's descriptor, ours alone until the block ends; None if there is no file.

    The kernel lets go of it when a process dies. Raises UploadBusy at once.
    """
    with or_away():
        try:
            descriptor = os.open(path_of(uid), os.O_RDWR)
        except FileNotFoundError:
            descriptor = -1
    if descriptor < 0:
        yield None
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UploadBusy from error
        yield descriptor
    finally:
        os.close(descriptor)


def size(descriptor: int) -> int:
    return os.fstat(descriptor).st_size


def append(descriptor: int, at: int, pieces: Iterable[bytes]) -> int:
    """Write behind the first `at` bytes, whatever else is there, and sync. Returns how many.

    If the disk does not take it all, or the pieces end in an exception, none of it stays. Raises
    StorageAway.
    """
    with or_away():
        os.ftruncate(descriptor, at)
        place = at
        try:
            for piece in pieces:
                rest = memoryview(piece)
                while rest:
                    written = os.pwrite(descriptor, rest, place)
                    rest, place = rest[written:], place + written
            os.fdatasync(descriptor)  # the bytes and their count; times may wait
        except BaseException:
            with suppress(OSError):
                os.ftruncate(descriptor, at)
            raise
    return place - at


def reread(descriptor: int) -> tuple[str, bytes]:
    """SHA-256 (hex) of what the disk gives back, and the first 64 KiB."""
    with or_away():
        running, head = hashlib.sha256(), b""
        os.lseek(descriptor, 0, os.SEEK_SET)
        with os.fdopen(os.dup(descriptor), "rb", buffering=0) as file:
            for block in blocks(lambda count: file.read(count) or b""):
                head = head or block[:HEAD]
                running.update(block)
    return running.hexdigest(), head


def remove(uid: UUID) -> None:
    with suppress(OSError):
        path_of(uid).unlink(missing_ok=True)


def files() -> Iterator[tuple[Path, datetime]]:
    """Every spool file and when it was last written."""
    for path in sorted(folder().glob(f"*{PART}")):
        with suppress(FileNotFoundError):
            yield path, datetime.fromtimestamp(path.stat().st_mtime, UTC)
