"""The demo as `make demo` fills it, once for a whole run, served by a thread."""

from __future__ import annotations

import fcntl
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.flows import login
from allauth.account.internal.userkit import user_id_to_str
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.test.testcases import LiveServerThread
from django.urls import reverse

from config.runtime.postgres import DATABASE, clone_database, drop_database
from marketplace.accounts.models import User
from marketplace.base import queue
from marketplace.ledger.log import sequencer
from marketplace.management.season.content import Content
from marketplace.scenarios import sweeps
from tests import servers_plugin
from tests.browser.following import follow
from tests.browser.furnishing import furnish

TEMPLATE = "test_demo"
PASSWORD = "correct horse battery staple"
BACKEND = f"{AuthenticationBackend.__module__}.{AuthenticationBackend.__name__}"


@dataclass(frozen=True)
class Demo:
    site: str

    def user(self, who: str) -> User:
        return User.objects.get(email=f"{who}@demo.invalid")

    def client(self, who: str) -> Client:
        """Signed in as this account, with a proof of just now; "" is a visitor."""
        client = Client()
        if who:
            user = self.user(who)
            client.force_login(user, backend=BACKEND)
            session = client.session
            proof = {"method": "mfa", "at": time.time(), "reauthenticated": True}
            session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [proof]
            session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = user_id_to_str(user)
            session.save()
        return client

    def session(self, who: str, *, half: bool = False) -> str:
        """The value of the cookie; `half` way, the password is right and the factor not yet told."""
        if half:
            client = Client()
            typed = {"login": self.user(who).email, "password": PASSWORD}
            answer = client.post(reverse("account_login"), typed)
            assert answer.status_code == 302, answer.content.decode()
        else:
            client = self.client(who)
        return client.cookies[settings.SESSION_COOKIE_NAME].value


@contextmanager
def loaded(tmp_path: Path, blocker: pytest.MonkeyPatch) -> Iterator[Demo]:
    """Everything that commits goes to a database of this module's own, cloned from the one demo."""
    run = servers_plugin.run
    # As in the demo: the profile of seconds, and no second factor for who decides.
    for setting in ("DEMO", "MFA_OPTIONAL"):
        blocker.setattr(settings, setting, True)
    blocker.setattr(settings, "ACCOUNT_REAUTHENTICATION_TIMEOUT", 3600)
    holders = run.folder / "demo.holders"
    blocker.setattr(settings, "DEMO_HOLDER_KEYS_FILE", holders)
    made, secret = run.folder / "demo.ready", run.folder / "demo.secret"
    with (run.folder / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            drop_database(f"{run.owner_url}postgres", TEMPLATE)
            holders.write_bytes(secrets.token_bytes(32))
            with _database(TEMPLATE, DATABASE, blocker):
                _fill(tmp_path)
            secret.write_text(f"{settings.SECRET_KEY}\n{settings.STORAGE_ROOT}")
            made.touch()
    # Each worker has its own; the demo's tips and files are those of who filled it.
    key, storage = secret.read_text().split("\n")
    blocker.setattr(settings, "SECRET_KEY", key)
    blocker.setattr(settings, "STORAGE_ROOT", Path(storage))
    blocker.setattr(settings, "SPOOL_ROOT", Path(storage, "spool"))
    name = f"test_{servers_plugin.worker_id()}_demo"
    with _database(name, TEMPLATE, blocker):
        furnish(Content())
        follow(Content())
        server = LiveServerThread("localhost", StaticFilesHandler)
        server.daemon = True
        server.start()
        server.is_ready.wait()
        if server.error:
            raise server.error
        yield Demo(f"http://localhost:{server.port}")
        server.terminate()
    drop_database(f"{run.owner_url}postgres", name)


@contextmanager
def _database(name: str, template: str, blocker: pytest.MonkeyPatch) -> Iterator[None]:
    """All connections, and those of processes started meanwhile, lead to this clone."""
    run = servers_plugin.run
    clone_database(f"{run.owner_url}postgres", template, name)
    blocker.setenv("DATABASE_URL", f"{run.app_url}{name}")
    blocker.setenv("DATABASE_OWNER_URL", f"{run.owner_url}{name}")
    connections.close_all()
    for alias in connections:
        blocker.setitem(connections.settings[alias], "NAME", name)
    yield
    connections.close_all()


def _fill(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    with _opener(), _sweeper(), open(os.devnull, "w") as quiet:  # noqa: PTH123 - no path
        call_command("load_demo", password_file=password, stdout=quiet)


@contextmanager
def _opener() -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_opener"],
        cwd=servers_plugin.ROOT,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def _sweeper() -> Iterator[None]:
    """What worker and beat do meanwhile."""
    done = threading.Event()

    def sweep() -> None:
        try:
            while not done.wait(0.3):
                sweeps.close_due()
                queue.deliver_due()
                sequencer.seal_batch()
        finally:
            connections.close_all()

    thread = threading.Thread(target=sweep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(20)
