"""Files that hold an age identity, read and written by the commands that see to the master's."""

from __future__ import annotations

import os
from pathlib import Path

import pyrage
from django.core.management.base import CommandError


def read_identity(file: str | Path) -> str:
    """The one identity in a file. Raises CommandError."""
    try:
        text = Path(file).read_text("ascii").strip()
        pyrage.x25519.Identity.from_str(text)
    except (OSError, ValueError, pyrage.IdentityError) as error:
        raise CommandError(f"{file} does not hold a readable age identity.") from error
    return text


def write_secret(file: Path, body: bytes) -> None:
    """A new file that its owner alone may read. Raises CommandError if there is one."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{file} cannot be made: {error.strerror}.") from error
    with os.fdopen(handle, "wb") as writer:
        writer.write(body)
        writer.flush()
        os.fsync(writer.fileno())
