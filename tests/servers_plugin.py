"""Gives every test run its own PostgreSQL and Valkey, before the settings are read.

Loaded by `-p tests.servers_plugin`, since a conftest comes too late for the settings. The first
process starts the servers and fills a template database while the tests are being collected;
xdist's workers are told where the servers are and clone the template. A DATABASE_URL that
happens to be set is ignored: tests always use a database of their own.
"""

import gc
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from config.runtime import schema
from config.runtime.environment import environment, opener_identity_file
from config.runtime.postgres import (
    APP,
    DATABASE,
    OWNER,
    clone_database,
    close_to_strangers,
)
from config.runtime.process import ROOT, CannotStart, Child
from config.runtime.servers import Servers

HANDED_OVER = "JIEBANG_TEST_SERVERS"
BINARIES = "JIEBANG_TEST_POSTGRES"
PREFIX = "jiebang-test-"
TEMPLATE_SECONDS = 180


class Run:
    """The servers of one test run, as every process of the run sees them."""

    def __init__(self, folder: str, owner_url: str, app_url: str, redis_url: str) -> None:
        self.folder = Path(folder)
        # Each ends in a slash; a database's name (for Valkey: number) follows.
        self.owner_url, self.app_url, self.redis_url = owner_url, app_url, redis_url

    @property
    def facts(self) -> dict[str, str]:
        return {
            "folder": str(self.folder),
            "owner_url": self.owner_url,
            "app_url": self.app_url,
            "redis_url": self.redis_url,
        }

    def clone(self, name: str) -> None:
        clone_database(f"{self.owner_url}postgres", DATABASE, name)

    def await_template(self) -> None:
        """Wait until the template is filled; end the run with the reason when it cannot be."""
        deadline = time.monotonic() + TEMPLATE_SECONDS
        while not (self.folder / "template.ready").exists():
            failed = self.folder / "template.failed"
            if failed.exists() or time.monotonic() > deadline:
                log = (self.folder / "logs" / "template.log").read_text(errors="replace")
                pytest.exit(f"The test database could not be made:\n{log[-6000:]}", returncode=3)
            time.sleep(0.05)


run: Run
# In the process that started them only.
started: dict[str, Any] = {}


def worker_id() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None]:
    """Wraps pytest-django's own hook of this name, which reads the settings."""
    global run  # noqa: PLW0603 - the one thing that this module hands out
    if HANDED_OVER in os.environ:
        run = Run(**json.loads(os.environ[HANDED_OVER]))
        _point_environment_at(f"test_{worker_id()}")
    else:
        try:
            _start()
        except CannotStart as refusal:
            pytest.exit(str(refusal), returncode=3)
    return (yield)


def _start() -> None:
    global run  # noqa: PLW0603 - the one thing that this module hands out
    _remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    servers = started["servers"] = Servers(folder, throwaway=True)
    servers.start()
    postgres, valkey = servers.postgres, servers.valkey
    run = Run(str(folder), postgres.url(OWNER, ""), postgres.url(APP, ""), valkey.url().rstrip("0"))
    os.environ[HANDED_OVER] = json.dumps(run.facts)
    _point_environment_at(f"test_{worker_id()}")
    template = started["template"] = Child(
        name="template",
        argv=[sys.executable, "-W", "ignore", "-m", "tests.servers_plugin"],
        env={
            **os.environ,
            "DATABASE_URL": f"{run.app_url}{DATABASE}",
            "DATABASE_OWNER_URL": f"{run.owner_url}{DATABASE}",
            BINARIES: str(postgres.binaries),
        },
        log=folder / "logs" / "template.log",
    )
    template.start()


def _point_environment_at(database: str) -> None:
    """Everything that the settings read. Processes started by a test inherit it."""
    number = worker_id().removeprefix("gw")
    os.environ.pop("DATABASE_POOL", None)
    folder = run.folder / worker_id()
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ.update(
        environment(
            folder,
            database_url=f"{run.app_url}{database}",
            owner_url=f"{run.owner_url}{database}",
            redis_url=f"{run.redis_url}{int(number) + 1 if number.isdigit() else 0}",
        )
    )
    # As in production, but for the clock, which tests move, and for plain HTTP.
    os.environ.update(DEMO="0", INSECURE_HTTP="1", CLOCK_MAY_BE_REPLACED="1")
    # Tests of the limits set their own; all others ask as fast as they can.
    os.environ["API_LIMIT_FACTOR"] = "1000"
    # Playwright leaves an event loop running in the main thread, beside which Django refuses.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    os.environ["OPENER_IDENTITY_FILE"] = str(opener_identity_file(folder))


def _remove_leftovers() -> None:
    """Folders of runs that were killed: their process is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    # WhiteNoise would look through every static folder again for each test client.
    settings.WHITENOISE_USE_FINDERS = False
    # One argon2 hash takes longer than most tests.
    fast = "django.contrib.auth.hashers.MD5PasswordHasher"
    settings.PASSWORD_HASHERS = [fast, *settings.PASSWORD_HASHERS]


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Tests are collected by now; xdist has handed out none yet."""
    # As config/wsgi.py does: what is loaded stays, and a search for garbage need not come by it.
    gc.collect()
    gc.freeze()
    if "template" in started:
        run.await_template()


def pytest_unconfigure(config: pytest.Config) -> None:
    if template := started.pop("template", None):
        template.stop()
    if servers := started.pop("servers", None):
        servers.stop()
        for folder in {servers.folder, servers.postgres.home}:
            shutil.rmtree(folder, ignore_errors=True)


# -- Filling the template: this module run as a program --------------------------------------------
TEST_CLOCK = f"""
CREATE TABLE test_clock (
    frozen timestamptz,
    offset_interval interval NOT NULL DEFAULT '0'
);
CREATE UNIQUE INDEX test_clock_has_one_row ON test_clock ((true));
INSERT INTO test_clock DEFAULT VALUES;
GRANT SELECT, UPDATE ON test_clock TO {APP};
CREATE OR REPLACE FUNCTION marketplace_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT coalesce(frozen, clock_timestamp()) + offset_interval FROM test_clock';
"""


def fill_template() -> None:
    """Migrate as the owner, load the reference data as the application, replace the clock."""
    django.setup()
    schema.migrate_or_load(
        Path(os.environ[BINARIES]),
        os.environ["DATABASE_OWNER_URL"],
        lambda: call_command("migrate", database="owner", verbosity=0, interactive=False),
    )
    call_command("load_reference")
    with connections["owner"].cursor() as cursor:
        cursor.execute(TEST_CLOCK)
    close_to_strangers(connections["owner"].connection, DATABASE)
    connections.close_all()


if __name__ == "__main__":
    os.chdir(ROOT)
    outcome = "failed"
    folder = Path(json.loads(os.environ[HANDED_OVER])["folder"])
    try:
        fill_template()
        outcome = "ready"
    finally:
        (folder / f"template.{outcome}").touch()
