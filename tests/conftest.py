"""Fixtures for everybody. See tests/servers_plugin.py for where the servers come from.

A test that only asks and writes uses `db` (rolled back). A test whose code commits, runs in
several connections or is served to a browser uses `committing_db`: a database of its own, cloned
from the template and dropped afterwards. Never Django's flush: append-only tables refuse it.
"""

import importlib
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connection, connections
from django.test.testcases import LiveServerThread
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import expect

from config.runtime.postgres import DATABASE, clone_database, drop_database
from tests import servers_plugin

# The shell without windows opens a page in half the time.
CHROMIUM = (
    *("/usr/bin/chromium-headless-shell", "/usr/bin/chromium", "/usr/bin/chromium-browser"),
    "/usr/bin/google-chrome",
)
NUMBERS = itertools.count(1)
# What is fast on an idle machine may be slow on a busy one, and is as right there.
expect.set_options(timeout=30_000)
hypothesis_settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("unhurried")


# -- The order of the tests, and a second run of some ------------------------------------------------
def pytest_sessionstart(session: pytest.Session) -> None:
    """In a new clone no test is compiled yet: each worker begins with its share of the files.

    All collect everything; whom they meet in the list of another is compiled by then.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if not worker:
        return
    workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    folders = [Path(argument) for argument in session.config.args if Path(argument).is_dir()]
    files = sorted(file for folder in folders for file in folder.rglob("test_*.py"))
    for file in files[int(worker) :: workers]:
        name = ".".join(file.resolve().relative_to(session.config.rootpath).with_suffix("").parts)
        # What is wrong with it, or that it is to be skipped, is told when it is collected.
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker begins with its share of the long ones, so that none of them ends the run alone.

    xdist hands out the list in as many pieces as there are workers; later they take over from one
    another. A test that drives a browser may fail once: docs/decisions.md says why.
    """
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if not item.get_closest_marker("long")]
    size = -(-len(short) // workers)
    items[:] = [
        item
        for place in range(workers)
        for item in (*long[place::workers], *short[place * size : (place + 1) * size])
    ]


# -- Databases -------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None) -> Iterator[None]:
    """This worker's clone of the template, instead of pytest-django's own database."""
    run = servers_plugin.run
    name = f"test_{servers_plugin.worker_id()}"
    run.clone(name)
    yield
    connections.close_all()
    drop_database(f"{run.owner_url}postgres", name)


def anchor_file(name: str) -> Path:
    """Where the log of one database, or of one test, keeps its last checkpoint."""
    return Path(settings.LOG_ANCHOR_FILE).parent / name / "checkpoint"


@pytest.fixture(autouse=True)
def own_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins a log of its own, and so do the processes that it starts."""
    file = anchor_file(f"{servers_plugin.worker_id()}_{next(NUMBERS)}")
    monkeypatch.setattr(settings, "LOG_ANCHOR_FILE", file)
    monkeypatch.setenv("LOG_ANCHOR_FILE", str(file))


@pytest.fixture
def demo_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys that a demonstration keeps for those who confirm openings."""
    (tmp_path / "holders").write_bytes(b"kept by the demonstration")
    monkeypatch.setattr(settings, "DEMO_HOLDER_KEYS_FILE", tmp_path / "holders")


@dataclass(frozen=True)
class CommittingDatabase:
    name: str
    url: str
    owner_url: str


@pytest.fixture
def committing_db(
    request: pytest.FixtureRequest,
    django_db_blocker: Any,
    monkeypatch: pytest.MonkeyPatch,
    filled: str,
) -> Iterator[CommittingDatabase]:
    """A database of this test's own, as committed as in service, like the one that is `filled`.

    Both aliases point at it, and so does the environment, for processes that the test starts.
    """
    if {"db", "transactional_db"} & set(request.fixturenames):
        raise pytest.UsageError("Use either db or committing_db in one test, not both.")
    request.getfixturevalue("django_test_environment")
    run = servers_plugin.run
    name = f"test_{servers_plugin.worker_id()}_{next(NUMBERS)}"
    clone_database(f"{run.owner_url}postgres", filled, name)
    made = CommittingDatabase(name, f"{run.app_url}{name}", f"{run.owner_url}{name}")
    monkeypatch.setenv("DATABASE_URL", made.url)
    monkeypatch.setenv("DATABASE_OWNER_URL", made.owner_url)
    # Each database has a log of its own, which its opener remembers.
    folder = str(Path(os.environ["STORAGE_ROOT"]) / f"opener-{name}")
    monkeypatch.setenv("OPENER_FOLDER", folder)
    with django_db_blocker.unblock():
        connections.close_all()
        for alias in connections:
            # The very dictionary from which every thread makes its connection.
            monkeypatch.setitem(connections.settings[alias], "NAME", name)
        yield made
        connections.close_all()
    drop_database(f"{run.owner_url}postgres", name)


@contextmanager
def filled_once(module: str, fill: Callable[[], Any]) -> Iterator[str]:
    """The name of a database that a module fills once, for its fixture `filled` to yield."""
    run = servers_plugin.run
    name = f"test_{servers_plugin.worker_id()}_{module}"
    run.clone(name)
    with pytest.MonkeyPatch.context() as patch:
        connections.close_all()
        for alias in connections:
            patch.setitem(connections.settings[alias], "NAME", name)
        fill()
        connections.close_all()
    yield name
    drop_database(f"{run.owner_url}postgres", name)


@pytest.fixture(scope="session")
def filled() -> str:
    """Of which database `committing_db` is a copy; a module may fill one of its own."""
    return DATABASE


# -- Time ------------------------------------------------------------------------------------------
class Clock:
    """Moves `marketplace_now()` of the current test's database."""

    def _write(self, statement: str, *values: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE test_clock SET {statement}", values)

    def freeze(self, at: datetime) -> None:
        """Stand still at an instant (with time zone)."""
        assert at.tzinfo is not None, "an instant needs a time zone"
        self._write("frozen = %s, offset_interval = '0'", at)

    def move(self, by: timedelta) -> None:
        """Go forward (or back), whether frozen or running."""
        self._write("offset_interval = offset_interval + %s", by)

    def run(self) -> None:
        """Back to the real time."""
        self._write("frozen = NULL, offset_interval = '0'")

    def now(self) -> datetime:
        with connection.cursor() as cursor:
            cursor.execute("SELECT marketplace_now()")
            instant: datetime = cursor.fetchone()[0]
        return instant


@pytest.fixture
def clock() -> Clock:
    """To be used beside `db` or `committing_db`."""
    return Clock()


# -- Two at once -----------------------------------------------------------------------------------
def run_at_once(*functions: Callable[[], Any]) -> list[Any]:
    """Run each in a thread with its own connection, released together.

    Returns the results in the order of the functions; an exception stands for its result.
    """
    barrier = threading.Barrier(len(functions))
    results: list[Any] = [None] * len(functions)

    def run(place: int, function: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(30)
            results[place] = function()
        except BaseException as raised:
            results[place] = raised
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(place, function), daemon=True)
        for place, function in enumerate(functions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "the two are waiting for each other"
    return results


@pytest.fixture
def two_at_once(
    committing_db: CommittingDatabase,
) -> Callable[[Callable[[], Any], Callable[[], Any]], list[Any]]:
    """`two_at_once(fn_a, fn_b)` returns `[result or exception, result or exception]`."""
    return run_at_once


# -- Queries ---------------------------------------------------------------------------------------
@pytest.fixture
def count_queries() -> Callable[[], CaptureQueriesContext]:
    """`with count_queries() as queries: …` and then `len(queries)`."""
    return lambda: CaptureQueriesContext(connection)


@pytest.fixture
def assert_max_queries() -> Callable[[int], AbstractContextManager[CaptureQueriesContext]]:
    """`with assert_max_queries(12): …` fails with the statements when there are more."""

    @contextmanager
    def at_most(limit: int) -> Iterator[CaptureQueriesContext]:
        with CaptureQueriesContext(connection) as queries:
            yield queries
        if len(queries) > limit:
            listing = "\n".join(query["sql"] for query in queries.captured_queries)
            pytest.fail(f"{len(queries)} queries, at most {limit} expected:\n{listing}")

    return at_most


# -- The site in service ---------------------------------------------------------------------------
@pytest.fixture
def site(committing_db: CommittingDatabase) -> Iterator[str]:
    """The address of a server thread on `committing_db`, without a slash at the end."""
    server = LiveServerThread("localhost", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    yield f"http://localhost:{server.port}"
    server.terminate()


@pytest.fixture
def worker(committing_db: CommittingDatabase, tmp_path: Path) -> Iterator[subprocess.Popen]:
    """A Celery worker process on `committing_db` and the run's Valkey."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "config", "worker", "-P", "solo", "-l", "INFO"],
            cwd=servers_plugin.ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 60
        while " ready." not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(20)


# -- The browser -----------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """Debian's chromium. Without one, browser tests are skipped, except in CI."""
    chromium = next((path for path in CHROMIUM if Path(path).exists()), None)
    if chromium is None:
        message = "chromium is not installed (apt-get install chromium): browser tests not run"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    flags = "no-sandbox disable-gpu no-first-run disable-background-networking"
    return {
        **browser_type_launch_args,
        "executable_path": chromium,
        "args": [
            f"--{flag}" for flag in (*flags.split(), "disable-component-update", "disable-sync")
        ],
    }


@pytest.fixture(autouse=True)
def default_language() -> Iterator[None]:
    """A request in English leaves its language in the thread; the next test starts without it."""
    translation.deactivate()
    yield
    translation.deactivate()
