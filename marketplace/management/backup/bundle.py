"""The bundle: `database.dump`, `files/` and `manifest.json`, in a folder of its own.

It holds no key. The receipt key, the opener's identity and SECRET_KEY are kept apart, by other
people: whoever has them and the bundle can read every sealed bid.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections, transaction

from marketplace.files import storage
from marketplace.files.disk import file_mode
from marketplace.ledger.receipts import public_key_text
from marketplace.management.backup import database

FORMAT = "jiebang-backup/1"
DUMP, MANIFEST, FILES = "database.dump", "manifest.json", "files"
PIECE = 1024 * 1024
Say = Callable[[str], None]


def save(folder: Path, say: Say) -> dict[str, Any]:
    """Write a bundle into a new folder; its manifest comes last, so that half of one has none."""
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise CommandError(f"{folder} is there already: give a new folder.") from None
    with database.snapshot() as name:
        database.dump(folder / DUMP, name)
        say("database dumped")
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "mark": database.mark(),
            "tables": database.contents(),
            "keys_kept_apart": keys(),
        }
        named = database.named_files()
    manifest["dump"] = {"sha256": sha256_of(pieces(folder / DUMP))}
    manifest["files"], damaged = copy_files(folder / FILES, named)
    draft = folder / f"{MANIFEST}.new"
    draft.write_text(json.dumps(manifest, indent=1, ensure_ascii=False), "utf-8")
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(folder / MANIFEST)
    say(f"{len(manifest['files'])} files copied, {manifest['mark']['events']} events in the ledger")
    if damaged:
        lines = "\n".join(f"  {one.name} ({one.table})" for one in damaged)
        raise CommandError(f"The bundle is written, but these files are lost or damaged:\n{lines}")
    return manifest


def copy_files(
    folder: Path, named: list[database.Named]
) -> tuple[list[dict[str, Any]], list[database.Named]]:
    """(those copied, those that are missing or differ from what their row says)."""
    copied, damaged = [], []
    folder.mkdir(mode=0o700)
    for one in named:
        place = folder / one.name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            digest = write(place, storage.stream(one.name, 0, one.size))
        except FileNotFoundError:
            damaged.append(one)
            continue
        if digest != one.sha256:
            damaged.append(one)
        copied.append({"name": one.name, "sha256": one.sha256, "size": one.size})
    return copied, damaged


def restore(folder: Path, say: Say) -> None:
    """Into an empty database and an empty storage, checked on the way and afterwards."""
    manifest = read_manifest(folder)
    if database.tables():
        raise CommandError("The database is not empty: restore into a new one.")
    folders = {entry["name"].partition("/")[0] for entry in manifest["files"]}
    if any(list(storage.names(name)) for name in sorted(folders)):
        raise CommandError("The storage is not empty: restore into a new folder or bucket.")
    check_bundle(folder, manifest)
    say("the bundle is whole")
    for entry in manifest["files"]:
        put(folder / FILES / entry["name"], entry)
    say(f"{len(manifest['files'])} files restored")
    database.restore(folder / DUMP)
    connections[database.OWNER].close()
    say("database restored")
    problems = compare(manifest)
    # Gives the application its rights again, and brings an older database up to this version.
    call_command("migrate", database=database.OWNER, verbosity=0, interactive=False)
    report(problems, manifest, say)


def put(source: Path, entry: dict[str, Any]) -> None:
    """A copy of its own: a second name for the same bytes would tie the bundle to the storage."""
    if settings.S3_BUCKET:
        storage.keep(source, entry["name"], sha256=entry["sha256"], size=entry["size"])
        return
    place = storage.path_of(entry["name"])
    place.parent.mkdir(
        mode=0o750 if settings.STORAGE_SHARED else 0o700, parents=True, exist_ok=True
    )
    if write(place, pieces(source)) != entry["sha256"]:
        raise CommandError(f"{entry['name']} changed while it was restored.")
    place.chmod(file_mode())


def check(folder: Path, say: Say) -> None:
    """Whether database and storage hold what the bundle says, and no less."""
    manifest = read_manifest(folder)
    check_bundle(folder, manifest)
    report(compare(manifest), manifest, say)


def compare(manifest: dict[str, Any]) -> list[str]:
    """What differs between a bundle and the installation, in sentences."""
    problems = []
    with transaction.atomic(using=database.OWNER):
        here = database.contents()
        named = database.named_files()
    for table, told in manifest["tables"].items():
        found = here.get(table)
        if found is None:
            problems.append(f"{table}: the table is missing")
        elif found["rows"] != told["rows"]:
            problems.append(f"{table}: {found['rows']} rows instead of {told['rows']}")
        elif found["digest"] != told["digest"]:
            problems.append(f"{table}: {told['rows']} rows, but other contents")
    for one in named:
        try:
            digest = sha256_of(storage.stream(one.name, 0, one.size))
        except FileNotFoundError:
            problems.append(f"{one.name}: the file is missing ({one.table})")
            continue
        if digest != one.sha256:
            problems.append(f"{one.name}: the file is damaged ({one.table})")
    return problems


def report(problems: list[str], manifest: dict[str, Any], say: Say) -> None:
    told, now = manifest["keys_kept_apart"], keys()
    for name, value in told.items():
        if now[name] != value:
            say(f"WARNING: {name} is another one than at the time of the backup: {value}")
    if problems:
        raise CommandError("Not as in the backup:\n" + "\n".join(f"  {one}" for one in problems))
    rows = sum(table["rows"] for table in manifest["tables"].values())
    say(f"as in the backup: {len(manifest['tables'])} tables, {rows} rows, every file")


def keys() -> dict[str, str]:
    """The public halves of the keys that are not in here, to find the right ones again."""
    return {"receipt_key": public_key_text(), "opener_recipient": settings.OPENER_RECIPIENT}


def read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{folder} holds no whole backup: no {MANIFEST}.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise CommandError(f"{folder} holds a backup of another format than {FORMAT}.")
    return manifest


def check_bundle(folder: Path, manifest: dict[str, Any]) -> None:
    parts = [(DUMP, manifest["dump"]["sha256"])]
    parts += [(f"{FILES}/{entry['name']}", entry["sha256"]) for entry in manifest["files"]]
    for name, sha256 in parts:
        try:
            found = sha256_of(pieces(folder / name))
        except FileNotFoundError:
            raise CommandError(f"The backup lacks {name}.") from None
        if found != sha256:
            raise CommandError(f"The backup is damaged: {name} is not what was saved.")


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def sha256_of(given: Iterator[bytes]) -> str:
    running = hashlib.sha256()
    for piece in given:
        running.update(piece)
    return running.hexdigest()


def write(place: Path, given: Iterator[bytes]) -> str:
    """A durable file of our own, and its hash. Raises FileNotFoundError of the source."""
    running = hashlib.sha256()
    first = next(given, b"")
    with place.open("xb") as file:
        place.chmod(0o600)
        while first:
            running.update(first)
            file.write(first)
            first = next(given, b"")
        file.flush()
        os.fsync(file.fileno())
    return running.hexdigest()
