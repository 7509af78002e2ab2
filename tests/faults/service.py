"""The site as it runs in service: real processes on a database of the test's own."""

from __future__ import annotations

import os
import re
import resource
import sys
import time
import traceback
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import requests
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection, connections
from django.test import Client

from config.runtime.process import ROOT, Child
from config.runtime.state import free_port
from marketplace.base.actor import Actor
from marketplace.scenarios.models import Scenario
from tests import world
from tests.bidding.sealed_uploads import envelopes

PYTHON = sys.executable
CELERY = [PYTHON, "-m", "celery", "--quiet", "-A", "config"]
GRANIAN = [
    *(PYTHON, "-m", "granian", "--interface", "wsgi", "--no-ws", "--host", "127.0.0.1"),
    *("--blocking-threads", "4", "--workers-kill-timeout", "5"),
    *("--log-config", str(ROOT / "config" / "granian_logs.json")),
]


def wait_until(
    reached: Callable[[], Any], what: str | Callable[[], str], seconds: float = 60
) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := reached()):
        if time.monotonic() > deadline:
            raise AssertionError(
                f"not reached in {seconds} s: {what() if callable(what) else what}"
            )
        time.sleep(0.05)
    return found


def ticking(supervisor, reached, what, seconds=60):
    """Wait while the supervisor looks after its children."""

    def look():
        supervisor.tick()
        return reached()

    return wait_until(look, what, seconds)


def assert_dies(work: Callable[[], Any]) -> None:
    """Do it in a process forked from this one, where it ends by `os._exit(9)` and nothing else."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    _pid, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 9


def waiting_for_locks():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
            " AND (database IS NULL OR database = (SELECT oid FROM pg_database"
            " WHERE datname = current_database()))"
            " AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
        )
        return cursor.fetchone()[0]


class Service:
    """Starts the programs of an installation as the demo does, each with a log of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("logs", "storage", "tmp"):
            (folder / name).mkdir()
        self.children: dict[str, Child] = {}
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """What every program is given; the opener alone gets its identity beside this."""
        common = {name: value for name, value in os.environ.items() if "COV" not in name}
        common.pop("OPENER_IDENTITY_FILE", None)
        return common | {
            "DATABASE_POOL": "1",
            "STATIC_FROM_SOURCE": "1",
            "STORAGE_ROOT": str(self.folder / "storage"),
            "TMPDIR": str(self.folder / "tmp"),
            "SWEEP_SECONDS": "0.5",
        }

    def start(self, name: str, argv: list[str], **more: str) -> Child:
        log = self.folder / "logs" / f"{name}.log"
        child = Child(name=name, argv=argv, env=self.env | more, log=log)
        child.start()
        self.children[name] = child
        return child

    def start_web(self, *, processes: int = 1, **more: str) -> Child:
        number = ("--workers", str(processes), "--port", str(self.port))
        web = self.start("web", [*GRANIAN, *number, "config.wsgi:application"], **more)
        wait_until(lambda: self.status("/health/live") == 200, lambda: web.last_words(20))
        return web

    def start_worker(self) -> Child:
        # The name keeps workers of other tests on this Valkey apart.
        return self.start("worker", [*CELERY, "worker", "-P", "solo", "--loglevel=INFO"])

    def start_beat(self) -> Child:
        schedule = str(self.folder / "beat")
        return self.start("beat", [*CELERY, "beat", "--schedule", schedule, "--pidfile="])

    def start_opener(self, *arguments: str) -> Child:
        command = [PYTHON, "manage.py", "run_opener", *arguments]
        return self.start(
            "opener", command, OPENER_IDENTITY_FILE=os.environ["OPENER_IDENTITY_FILE"]
        )

    def start_monitor(self) -> Child:
        return self.start(
            "monitor",
            [PYTHON, "manage.py", "run_monitor"],
            MONITOR_URL=f"{self.address}/health/ready",
            MONITOR_FILE=str(self.folder / "monitor.json"),
            MONITOR_SECONDS="0.2",
            MONITOR_PIECE_SECONDS="0.5",
        )

    def stop(self) -> None:
        for child in self.children.values():
            child.ask_to_stop()
        for child in self.children.values():
            child.wait_stopped(10)

    def status(self, path: str) -> int:
        try:
            return requests.get(self.address + path, timeout=15).status_code
        except requests.ConnectionError:
            return 0

    # -- People --
    def visitor(self) -> requests.Session:
        """Without language of its own, so that pages are Chinese."""
        return requests.Session()

    def signed_in(self, actor: Actor) -> requests.Session:
        """A session made in the database; for sign-in itself see `sign_in`."""
        client = Client()
        client.force_login(actor.user)
        session = self.visitor()
        name = settings.SESSION_COOKIE_NAME
        session.cookies.set(name, client.cookies[name].value, domain="127.0.0.1")
        return session

    def sign_in(self, actor: Actor) -> requests.Session:
        """Through the page, with the password."""
        actor.person.password = make_password(world.PASSWORD, hasher="argon2")
        actor.person.save()
        session = self.visitor()
        page = session.get(f"{self.address}/accounts/login/", timeout=15)
        answer = session.post(
            f"{self.address}/accounts/login/",
            data={
                "login": actor.person.email,
                "password": world.PASSWORD,
                "csrfmiddlewaretoken": hidden(page.text, "csrfmiddlewaretoken"),
            },
            allow_redirects=False,
            timeout=15,
        )
        assert answer.status_code == 302, answer.text
        return session

    def submit_bid(
        self,
        session: requests.Session,
        scenario: Scenario,
        forms: Any = None,
        files: dict[str, dict[str, bytes]] | None = None,
    ) -> requests.Response:
        """Sealed here, uploaded, assembled, submitted, as a browser does; the last answer.

        Ends at the first refusal, whose answer it returns.
        """
        about = f"{self.address}/api/v1/scenarios/{scenario.uid}"
        page = session.get(f"{self.address}/scenarios/{scenario.address}/bid/", timeout=15)
        assert page.status_code == 200, page.text
        sheet = session.get(f"{about}/sealing/", timeout=15).json()
        csrf = {"X-CSRFToken": session.cookies["csrftoken"]}
        uploads = {}
        for envelope, sealed in envelopes(sheet, forms, files).items():
            answer = self.upload(session, f"{envelope}.age", sealed, csrf)
            if not answer.ok:
                return answer
            uploads[envelope] = answer.url.rstrip("/").rsplit("/", 1)[1]
        made = session.post(f"{about}/packages/", json={"uploads": uploads}, headers=csrf)
        if not made.ok:
            return made
        package = f"{self.address}/api/v1/packages/{made.json()['uid']}/submit/"
        return session.post(package, headers=csrf | {"Idempotency-Key": uuid4().hex}, timeout=30)

    def upload(
        self, session: requests.Session, name: str, body: bytes, csrf: dict[str, str]
    ) -> requests.Response:
        """By tus, in chunks of 8 MiB."""
        told = {"filename": name, "purpose": "sealed"}
        pairs = [f"{key} {b64encode(text.encode()).decode()}" for key, text in told.items()]
        headers = csrf | {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(body))}
        answer = session.post(
            f"{self.address}/api/v1/uploads/",
            headers=headers | {"Upload-Metadata": ",".join(pairs)},
            timeout=30,
        )
        at = 0
        while answer.ok and at < len(body):
            chunk = body[at : at + 8 * 1024 * 1024]
            place = answer.headers.get("Location") or answer.url
            answer = session.patch(
                urljoin(self.address, place),
                data=chunk,
                headers=headers
                | {"Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"},
                timeout=60,
            )
            at += len(chunk)
        return answer


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found, f"no {name} on the page"
    return found[1]


def small_files(limit: int) -> None:
    """For a program that is to find its disk full: no file may grow beyond so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
