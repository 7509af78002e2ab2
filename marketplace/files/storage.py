"""Bytes that are streamed, hashed and made durable before anybody is told that we have them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

import structlog
from django.conf import settings

from marketplace.base.errors import StorageAway

log = structlog.get_logger()


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


def path_of(name: str) -> Path:
    """Where a stored file lies. Names are ours, never a user's."""
    return Path(settings.STORAGE_ROOT) / name


@contextmanager
def incoming(folder: str) -> Iterator[Incoming]:
    """Write into a new file: fsynced and renamed into place at the end, or gone if it fails.

    Raises StorageAway when the disk is full, read-only or gone.
    """
    name = f"{folder}/{uuid4()}"
    path = path_of(name)
    spool = path.with_suffix(".part")
    writer = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with spool.open("xb") as file:
            spool.chmod(0o600)
            writer = HashingWriter(file)
            yield Incoming(writer, name)
            file.flush()
            os.fsync(file.fileno())
        spool.replace(path)
        folder_fd = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder_fd)
        finally:
            os.close(folder_fd)
    except BaseException as error:
        with suppress(OSError):
            spool.unlink(missing_ok=True)
        if isinstance(error, OSError) or (writer is not None and writer.fault):
            log.exception("storage.away")
            raise StorageAway from error
        raise


def read(name: str) -> bytes:
    return path_of(name).read_bytes()


def discard(name: str) -> None:
    """Remove a file that no record points to (its transaction was rolled back)."""
    path_of(name).unlink(missing_ok=True)
