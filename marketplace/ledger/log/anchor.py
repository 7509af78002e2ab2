"""The last signed checkpoint, kept in a file outside of the database.

A database that was restored from an old backup, or edited by somebody with all rights in it, no
longer agrees with this file: then nothing is signed any more and readiness says why.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from django.conf import settings

from marketplace.ledger import keys
from marketplace.ledger.log import tiles
from marketplace.ledger.log.models import Checkpoint
from marketplace.ledger.verify import Checkpoint as Opened
from marketplace.ledger.verify import NotValid, named, open_checkpoint, unbase64


class LogDamaged(Exception):
    """The tree in the database is not the one that was last signed. `code` names how."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


def path() -> Path:
    return Path(settings.LOG_ANCHOR_FILE)


def remembered() -> Opened | None:
    """What was last signed by any of our keys, or None where no file is. Raises LogDamaged."""
    try:
        note = path().read_text("utf-8")
    except FileNotFoundError:
        return None
    origin = note.partition("\n")[0]
    try:
        return open_checkpoint(
            note, [named(origin, unbase64(text)) for text in keys.public_keys(keys.CHECKPOINT)]
        )
    except NotValid as error:
        raise LogDamaged(
            "anchor.unreadable",
            "The anchor file (LOG_ANCHOR_FILE) holds no checkpoint that was signed by our keys.",
        ) from error


def require_agreement(last: Checkpoint | None) -> None:
    """Raise LogDamaged unless the stored tree still contains what was last signed.

    Looks at the anchored size and at the newest checkpoint: a few tiles, not every leaf.
    """
    require_present_keys()
    compare(remembered(), last)


def damage() -> LogDamaged | None:
    """The same from outside, while the sequencer may work."""
    try:
        require_present_keys()
        # In this order: a batch sealed in between is no loss.
        kept = remembered()
        compare(kept, tiles.newest())
    except LogDamaged as damaged:
        return damaged
    return None


def require_present_keys() -> None:
    use = keys.replaced()
    if use:
        raise LogDamaged(
            "key.replaced",
            f"The {use} key of this process was replaced by a later one: give it the present key.",
        )


def compare(kept: Opened | None, last: Checkpoint | None) -> None:
    size = last.size if last else 0
    if last and last.origin != settings.LOG_ORIGIN:
        raise LogDamaged(
            "log.origin",
            f"The log was begun as {last.origin}, and LOG_ORIGIN says {settings.LOG_ORIGIN}: "
            "a log keeps its name.",
        )
    if kept and kept.size > size:
        raise LogDamaged(
            "log.shrunk",
            f"The log has {size} leaves, but {kept.size} were signed before: "
            "an old backup was restored, or rows were removed.",
        )
    for known, root in [
        (kept, kept.root if kept else b""),
        (last, bytes(last.root) if last else b""),
    ]:
        if known and known.size and root_or_nothing(known.size) != root:
            raise LogDamaged(
                "log.altered",
                f"The first {known.size} leaves give another root than the one that was signed: "
                "the log was altered.",
            )


def root_or_nothing(size: int) -> bytes:
    try:
        return tiles.root(size)
    except ValueError:
        return b""


def put_aside() -> Path:
    """Keep what was signed under a name that is given up, beside the file."""
    note = path().read_text("utf-8").splitlines()
    target = path().with_name(f"{path().name}.{note[0].replace('/', '_')}.{note[1]}")
    path().replace(target)
    return target


def remember(checkpoint: Checkpoint) -> None:
    """Keep it on disk, whole or not at all. A crash before this leaves an older one, which holds.

    Two that sealed one batch after the other may come here at once: the later one stays.
    """
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(target.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not outgrown(target, checkpoint):
            write(target, checkpoint.note)


def outgrown(target: Path, checkpoint: Checkpoint) -> bool:
    """Whether a later one of the same log is kept already."""
    try:
        origin, size, *_rest = target.read_text("utf-8").splitlines()
    except (FileNotFoundError, ValueError):
        return False
    return origin == checkpoint.origin and size.isdecimal() and int(size) > checkpoint.size


def write(target: Path, note: str) -> None:
    part = target.with_name(target.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
