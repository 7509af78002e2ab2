"""`manage.py season`: the whole path on a throwaway database, with an opener of its own.

Needs DATABASE_OWNER_URL (it makes and drops a database). The demo and production data are never
touched. Exit code 0 only if every expectation held.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from psycopg import sql

from marketplace.ledger.verify import named
from marketplace.management.season import master
from marketplace.management.season.content import Content
from marketplace.management.season.path import play_season
from marketplace.management.season.people import load_people
from marketplace.management.season.proof import Proof


class Command(BaseCommand):
    help = "Play the whole path on a throwaway database and check every expectation."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--inside", type=Path, help="its folder, already in the throwaway one")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["inside"]:
            self.play(options["inside"])
        else:
            self.in_throwaway()

    def play(self, folder: Path) -> None:
        proof = Proof(self.say)
        content = Content()
        with proof.step("a park of fictitious people"):
            people = load_people(content, secrets.token_urlsafe())
        play_season(content, people, proof, partial(master.change, folder, proof))
        self.say(f"{proof.held} checks held, {proof.failed} failed, {proof.elapsed:.1f} s")
        if proof.failed:
            raise CommandError("The season did not go as it must.")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def in_throwaway(self) -> None:
        """Make a database and keys, run this command inside them, and leave nothing behind."""
        if "owner" not in settings.DATABASES:
            raise CommandError("season makes a database of its own: set DATABASE_OWNER_URL.")
        name = f"season_{secrets.token_hex(6)}"
        owner_url = os.environ["DATABASE_OWNER_URL"]
        with (
            psycopg.connect(owner_url, autocommit=True) as owner,
            tempfile.TemporaryDirectory(prefix="jiebang-season-") as folder,
        ):
            owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            try:
                self.run_inside(surroundings(name, Path(folder)), Path(folder))
            finally:
                drop = sql.SQL("DROP DATABASE {}").format(sql.Identifier(name))
                owner.execute(drop)

    def run_inside(self, env: dict[str, str], folder: Path) -> None:
        manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
        for command in (["migrate", "--database", "owner", "-v", "0"], ["load_reference"]):
            subprocess.run([*manage, *command], env=env, check=True)
        # The opener has the identity that the season changes to while the bids wait.
        changed = {"OPENER_RECIPIENT": master.made(folder / master.NEW)}
        opener_env = env | changed | {"OPENER_IDENTITY_FILE": str(folder / master.NEW)}
        with (folder / "opener.log").open("wb") as log:
            opener = subprocess.Popen(
                [*manage, "run_opener"], env=opener_env, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            inside = ["season", "--inside", str(folder)]
            done = subprocess.run([*manage, *inside], env=env, check=False)
        finally:
            opener.terminate()
            opener.wait(20)
        if done.returncode:
            log_text = (folder / "opener.log").read_text("utf-8", "replace")[-4000:]
            raise CommandError(f"The season failed.\nThe opener said:\n{log_text}")


def surroundings(name: str, folder: Path) -> dict[str, str]:
    """An environment whose database, storage and keys are the throwaway ones."""
    recipient = master.made(folder / master.OLD)
    signing = {use: Ed25519PrivateKey.generate() for use in ("receipt", "log")}
    for use, key in signing.items():
        (folder / f"{use}.pem").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
    (folder / "holders").write_bytes(secrets.token_bytes(32))
    public = signing["log"].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {
        **os.environ,
        "DATABASE_URL": renamed(os.environ["DATABASE_URL"], name),
        "DATABASE_OWNER_URL": renamed(os.environ["DATABASE_OWNER_URL"], name),
        "STORAGE_ROOT": str(folder / "storage"),
        "RECEIPT_KEY_FILE": str(folder / "receipt.pem"),
        "LOG_KEY_FILE": str(folder / "log.pem"),
        "LOG_ANCHOR_FILE": str(folder / "log" / "checkpoint"),
        "OPENER_LOG_VKEY": named(settings.LOG_ORIGIN, public).text(),
        "LOG_ORIGIN": settings.LOG_ORIGIN,
        "DEMO_HOLDER_KEYS_FILE": str(folder / "holders"),
        "OPENER_RECIPIENT": recipient,
        "DEMO": "1",
        "PYTHONUNBUFFERED": "1",
    }


def renamed(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
