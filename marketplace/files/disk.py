"""Files in a folder of this machine (or one that it mounts)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

PART = ".part"


def sync_folder(folder: Path) -> None:
    """A new name is durable only once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_mode() -> int:
    """Ours alone, or for our group to read where the opener has an account of its own."""
    return 0o640 if settings.STORAGE_SHARED else 0o600


class Disk:
    """Raises OSError when the disk is full or gone, FileNotFoundError for what is not there."""

    def path(self, name: str) -> Path:
        return Path(settings.STORAGE_ROOT) / name

    def draft(self, name: str) -> Path:
        """Where a file lies until it is whole: beside its place, so that it is only renamed."""
        path = self.path(name)
        path.parent.mkdir(
            parents=True, exist_ok=True, mode=0o750 if settings.STORAGE_SHARED else 0o700
        )
        return path.with_suffix(PART)

    def take(self, draft: Path, name: str, sha256: str, size: int) -> None:
        """A whole and synced draft becomes the file."""
        draft.replace(self.path(name))
        sync_folder(self.path(name).parent)

    def copy(self, source: Path, name: str, sha256: str, size: int) -> None:
        """The file beside its source, which stays. A second name for the same bytes where it can."""
        draft = self.draft(name)
        draft.unlink(missing_ok=True)
        try:
            os.link(source, draft)
        except OSError:
            write_copy(source, draft)
        self.take(draft, name, sha256, size)
        # Renaming one name of a file to another of the same file leaves both.
        draft.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def pieces(self, name: str, start: int, length: int, piece: int) -> Iterator[bytes]:
        with self.path(name).open("rb") as file:
            file.seek(start)
            while length and (found := file.read(min(piece, length))):
                length -= len(found)
                yield found

    def discard(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)

    def is_there(self, folder: str) -> bool:
        return self.path(folder).is_dir()

    def names(self, folder: str) -> Iterator[tuple[str, datetime]]:
        """Every file of a folder, whole or not, and when it was last written."""
        if not self.is_there(folder):
            return
        for entry in os.scandir(self.path(folder)):
            with suppress(FileNotFoundError):
                yield f"{folder}/{entry.name}", datetime.fromtimestamp(entry.stat().st_mtime, UTC)


def write_copy(source: Path, draft: Path) -> None:
    with source.open("rb") as file, draft.open("xb") as copy:
        draft.chmod(file_mode())
        for found in blocks(file.read):
            copy.write(found)
        copy.flush()
        os.fsync(copy.fileno())


def blocks(read: Callable[[int], bytes], size: int = 1024 * 1024) -> Iterator[bytes]:
    while found := read(size):
        yield found
