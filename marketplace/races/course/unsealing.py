"""A course's files in a folder of the evaluation's own, the truth unsealed there and nowhere else."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from django.conf import settings

from marketplace.base import sealing
from marketplace.files import storage
from marketplace.races.course.models import Course, CourseFile
from marketplace.races.plans import Plan

PREFIX = "attempt-"


class NotOurFile(Exception):
    """Bytes that storage gives back are not those that were received: the platform's fault."""


@dataclass(frozen=True)
class File:
    stored_name: str
    sha256: str
    size: int


def file_of(course: Course, kind: str) -> File:
    row = CourseFile.objects.present().select_related("upload").get(course=course, kind=kind)
    return File(row.upload.stored_name, row.sha256, row.size)


@contextmanager
def private_folder() -> Iterator[Path]:
    """Ours alone, and gone at the end with what lies in it; so are those of workers that died."""
    root = Path(settings.EVALUATION_FOLDER)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in root.glob(f"{PREFIX}*"):
        if not is_alive(left.name):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_alive(name: str) -> bool:
    """Whether the process that made a folder of this name still runs. Here: one machine's folder."""
    number = name.removeprefix(PREFIX).partition("-")[0]
    return number.isdigit() and Path(f"/proc/{number}").exists()


def fetch(file: File, to: Path, keeping: Callable[[str], None]) -> Path:
    """From disk or an object store, piece by piece. Raises NotOurFile, StorageAway."""
    running = hashlib.sha256()
    with to.open("xb") as into:
        for piece in storage.stream(file.stored_name, 0, file.size):
            running.update(piece)
            into.write(piece)
            keeping("")
    if running.hexdigest() != file.sha256:
        raise NotOurFile
    return to


def unsealed(sealed: Path, to: Path, identity: str) -> tuple[Path, str]:
    """The truth in clear, in our folder alone, and its SHA-256. Raises sealing.Unreadable."""
    with sealed.open("rb") as source, to.open("xb") as into:
        writer = storage.HashingWriter(into)
        sealing.decrypt(source, writer, identity)
    sealed.unlink()
    return to, writer.hash.hexdigest()


def unwrapped(salt: bytes, identity: str) -> bytes:
    return bytes.fromhex(sealing.unwrap_identity(salt, master_identity=identity))


def truth_hash(salt: bytes, clear_sha256: str) -> str:
    """What is published of a truth (hex): unguessable without the 32 bytes of salt."""
    rule = b"jiebang-truth/1\0"
    return hashlib.sha256(rule + salt + bytes.fromhex(clear_sha256)).hexdigest()


def job_of(plan: Plan, salt: bytes, ids: Path, truth: Path, result: Path | None) -> dict[str, Any]:
    return {
        "evaluator": plan["evaluator"],
        "settings": plan["settings"],
        "public_percent": plan["public_percent"] or 0,
        "salt": salt.hex(),
        "ids": str(ids),
        "truth": str(truth),
        "result": None if result is None else str(result),
    }
