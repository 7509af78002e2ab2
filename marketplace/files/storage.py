"""Bytes that are streamed, hashed and made durable before anybody is told that we have them.

They lie on disk, or in an S3-compatible store where S3_BUCKET is set. Names are ours, never a
user's: "<folder>/<uuid>".
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING
from uuid import uuid4

import structlog
from django.conf import settings

from marketplace.base.errors import StorageAway
from marketplace.files.disk import Disk, file_mode

if TYPE_CHECKING:
    from marketplace.files.s3 import S3

log = structlog.get_logger()
PIECE = 256 * 1024


@dataclass(frozen=True)
class Stored:
    name: str
    sha256: str
    size: int


class HashingWriter:
    """A file that hashes what is written through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.hash = hashlib.sha256()
        self.size = 0
        self.fault: OSError | None = None

    def write(self, chunk: bytes) -> int:
        self.hash.update(chunk)
        self.size += len(chunk)
        try:
            return self.file.write(chunk)
        except OSError as error:
            # Whoever writes through us may wrap it into an error of its own.
            self.fault = error
            raise

    def flush(self) -> None:
        self.file.flush()


class Incoming:
    """A file on its way in. `stored` holds name, hash and size once the block has ended well."""

    def __init__(self, writer: HashingWriter, name: str) -> None:
        self.writer = writer
        self.name = name

    @property
    def stored(self) -> Stored:
        return Stored(self.name, self.writer.hash.hexdigest(), self.writer.size)


def backend() -> Disk | S3:
    if not settings.S3_BUCKET:
        return Disk()
    from marketplace.files.s3 import S3  # noqa: PLC0415 - its library: only where there is a store

    return S3()


def path_of(name: str) -> Path:
    """Where a stored file lies on disk."""
    return Disk().path(name)


@contextmanager
def incoming(folder: str) -> Iterator[Incoming]:
    """Write into a new file: synced and put into place at the end, or gone if it fails.

    Raises StorageAway when the disk is full, read-only or gone, or the store does not answer.
    """
    name = f"{folder}/{uuid4()}"
    writer = draft = None
    try:
        draft = backend().draft(name)
        with draft.open("xb") as file:
            draft.chmod(file_mode())
            writer = HashingWriter(file)
            came = Incoming(writer, name)
            yield came
            file.flush()
            os.fsync(file.fileno())
        backend().take(draft, name, came.stored.sha256, came.stored.size)
    except BaseException as error:
        if draft is not None:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        if isinstance(error, OSError) or (writer is not None and writer.fault):
            log.exception("storage.away")
            raise StorageAway from error
        raise


def keep(source: Path, name: str, *, sha256: str, size: int) -> None:
    """Store a whole and synced file under a name of its own; the source stays.

    Doing it again, after a kill, leaves the same. Raises StorageAway.
    """
    with or_away():
        backend().copy(source, name, sha256, size)


def read(name: str) -> bytes:
    """Raises FileNotFoundError if it is not there, StorageAway if nothing is."""
    with or_away(missing=FileNotFoundError):
        return backend().read(name)


def stream(name: str, start: int, length: int) -> Iterator[bytes]:
    """A part of a file in small pieces.

    The first is read at once, so that a store that is away is a refusal and not a torn answer.
    Raises FileNotFoundError, StorageAway.
    """
    pieces = backend().pieces(name, start, length, PIECE)
    if not length:
        return iter(())
    with or_away(missing=FileNotFoundError):
        first = next(pieces, b"")
    return chain([first], pieces)


def discard(name: str) -> None:
    """Remove a file that no record points to (its transaction was rolled back)."""
    with or_away():
        backend().discard(name)


def is_there(folder: str) -> bool:
    """Whether the storage is there at all, before its files are called lost."""
    return backend().is_there(folder)


def names(folder: str) -> Iterator[tuple[str, datetime]]:
    """Every stored file of a folder and when it came."""
    with or_away():
        yield from backend().names(folder)


@contextmanager
def or_away(*, missing: type[OSError] | tuple[()] = ()) -> Iterator[None]:
    try:
        yield
    except missing:
        raise
    except OSError as error:
        log.exception("storage.away")
        raise StorageAway from error
