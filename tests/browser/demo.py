"""The demo as `make demo` fills it, once for a whole module, served by a thread."""

from __future__ import annotations

import os
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
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.test.testcases import LiveServerThread

from config.runtime.postgres import drop_database
from marketplace.accounts.models import User
from marketplace.base import queue
from marketplace.scenarios import sweeps
from tests import servers_plugin

BACKEND = f"{AuthenticationBackend.__module__}.{AuthenticationBackend.__name__}"


@dataclass(frozen=True)
class Demo:
    site: str

    def user(self, who: str) -> User:
        return User.objects.get(email=f"{who}@demo.invalid")

    def client(self, who: str) -> Client:
        """Signed in as this account; "" is a visitor."""
        client = Client()
        if who:
            client.force_login(self.user(who), backend=BACKEND)
        return client

    def session(self, who: str) -> str:
        return self.client(who).cookies[settings.SESSION_COOKIE_NAME].value


@contextmanager
def loaded(tmp_path: Path, blocker: pytest.MonkeyPatch) -> Iterator[Demo]:
    """Everything that commits goes to a database of this module's own."""
    run = servers_plugin.run
    name = f"test_{servers_plugin.worker_id()}_demo"
    run.clone(name)
    blocker.setenv("DATABASE_URL", f"{run.app_url}{name}")
    blocker.setenv("DATABASE_OWNER_URL", f"{run.owner_url}{name}")
    connections.close_all()
    for alias in connections:
        blocker.setitem(connections.settings[alias], "NAME", name)
    # As in the demo: the profile of seconds, and no second factor for who decides.
    for setting in ("DEMO", "MFA_OPTIONAL"):
        blocker.setattr(settings, setting, True)
    password = tmp_path / "password"
    password.write_text("correct horse battery staple")
    with _opener(), _sweeper(), open(os.devnull, "w") as quiet:  # noqa: PTH123 - no path
        call_command("load_demo", password_file=password, stdout=quiet)
    server = LiveServerThread("localhost", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    yield Demo(f"http://localhost:{server.port}")
    server.terminate()
    connections.close_all()
    drop_database(f"{run.owner_url}postgres", name)


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
        while not done.is_set():
            sweeps.close_due()
            queue.deliver_due()
            time.sleep(0.3)
        connections.close_all()

    thread = threading.Thread(target=sweep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(20)
