"""The list of demands: API and board."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import psycopg

from bench import park
from bench.measure import interleaved, tell
from config.runtime.postgres import APP, DATABASE, OWNER
from config.runtime.process import ROOT, Child
from config.runtime.state import free_port

API, BOARD, CHEAP = "/api/v1/scenarios/", "/", "/health/live"
BEFORE = "('draft','submitted','demonstrating','returned','rejected','demonstrated')"
COLUMNS = """
    s.id, s.uid, s.ref, s.state, s.title, s.title_en, s.language, s.summary, s.summary_en,
    s.organising_mode, s.race_entrants, s.budget_cny, s.duration_months, s.award_mode,
    s.published_at, s.deadline_at, s.closed_at, s.ended_at, s.failure,
    o.uid, o.name, o.name_en, d.code, c.code, a.code, f.code, p.code, p.version
"""
TABLES = """
    FROM marketplace_scenario s
    JOIN marketplace_organisation o ON o.id = s.organisation_id
    LEFT JOIN marketplace_term d ON d.id = s.domain_id
    LEFT JOIN marketplace_term c ON c.id = s.carrier_id
    LEFT JOIN marketplace_term a ON a.id = s.area_id
    LEFT JOIN marketplace_term f ON f.id = s.focus_id
    LEFT JOIN marketplace_ruleprofile p ON p.id = s.profile_id
"""
LIST = f"SELECT {COLUMNS} {TABLES} WHERE s.state NOT IN {BEFORE} ORDER BY s.id DESC LIMIT 50"
OPEN = f"""
    SELECT {COLUMNS} {TABLES} WHERE s.state = 'published' AND s.deadline_at > now()
    ORDER BY s.deadline_at, s.deadline_at DESC, s.id DESC LIMIT 20
"""


class Sides:
    """The site in this process, and the bare database beside it."""

    def __init__(self, url: str) -> None:
        from django.test import Client

        self.client = Client(headers={"Host": "localhost"})
        self.raw = psycopg.connect(url, autocommit=True)

    def page(self, path: str) -> Callable[[], bytes]:
        def ask() -> bytes:
            answer = self.client.get(path)
            assert answer.status_code == 200, (path, answer.status_code)
            return answer.content

        return ask

    def sql(self, statement: str) -> Callable[[], list[Any]]:
        return lambda: self.raw.execute(statement, prepare=True).fetchall()


def in_process(rows: int, rounds: int) -> None:
    with park.park() as made:
        park.fill(made.url(OWNER), rows)
        sides = Sides(made.url(APP))
        found = interleaved(
            {
                "list by raw SQL": sides.sql(LIST),
                "API list of 50": sides.page(API),
                "board by raw SQL": sides.sql(OPEN),
                "board, 20 entries": sides.page(BOARD),
                "trivial view": sides.page(CHEAP),
            },
            rounds=rounds,
        )
        print(f"{rows} rows, {rounds} rounds; a trivial view {found['trivial view']:.3f} ms")
        tell("API list of 50 : the same rows by SQL", found["API list of 50"],
             found["list by raw SQL"], floor="<= 6")  # fmt: skip
        tell("board of 20 : the same rows by SQL", found["board, 20 entries"],
             found["board by raw SQL"], floor="<= 6")  # fmt: skip


def growth(rows: int, rounds: int) -> None:
    """The same process on two databases in turn: a hundredth of the rows, and all of them."""
    from django.db import connections

    with park.park() as made:
        small = park.copy_of(made, "small")
        park.fill(made.url(OWNER, small), max(100, rows // 100))
        park.fill(made.url(OWNER), rows)
        sides = Sides(made.url(APP))

        @contextmanager
        def on(database: str):
            connection = connections["default"]
            if connection.settings_dict["NAME"] != database:
                connection.close()
                connection.close_pool()
                connection.settings_dict["NAME"] = database
            yield

        paths = {"API list": API, "board": BOARD, "board, one filter": "/?state=done",
                 "board, page 20": "/?page=20"}  # fmt: skip
        totals: dict[str, list[float]] = {}
        for _ in range(rounds):
            for database in (small, DATABASE):
                with on(database):
                    found = interleaved(
                        {name: sides.page(path) for name, path in paths.items()},
                        rounds=1, times=20,
                    )  # fmt: skip
                for name, value in found.items():
                    totals.setdefault(f"{database} {name}", []).append(value)
        from statistics import median

        print(f"from {max(100, rows // 100)} to {rows} rows, {rounds} rounds")
        for name in paths:
            large, little = totals[f"{DATABASE} {name}"], totals[f"{small} {name}"]
            tell(f"{name}: all rows : a hundredth", median(large), median(little), floor="<= 1.5")


def queries(rows: int, rounds: int) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with park.park() as made:
        park.fill(made.url(OWNER), min(rows, 10_000))
        sides = Sides(made.url(APP))
        for path in (API, BOARD, "/?state=open&mode=race", "/?sort=new&page=3"):
            sides.page(path)()
            with CaptureQueriesContext(connection) as seen:
                sides.page(path)()
            print(f"{path:30} {len(seen)} queries  floor <= 8")


# -- A real server -------------------------------------------------------------------------------
def requests(rows: int, rounds: int) -> None:
    with park.park() as made:
        park.fill(made.url(OWNER), rows)
        port = free_port()
        web = Child(
            name="web",
            argv=[
                *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
                *("--host", "127.0.0.1", "--port", str(port), "--workers", "2"),
                *("--blocking-threads", "8", "--log-level", "error", "config.wsgi:application"),
            ],
            env=made.env,
            log=made.folder / "web.log",
            cwd=ROOT,
        )
        web.start()
        try:
            wait_for(port)
            rates: dict[str, list[float]] = {API: [], BOARD: [], CHEAP: []}
            for path in rates:
                rate(port, path, seconds=1)
            for _ in range(rounds):
                for path, found in rates.items():
                    found.append(rate(port, path, seconds=3))
        finally:
            web.stop()
        middle = {path: sorted(found)[len(found) // 2] for path, found in rates.items()}
        print(f"{rows} rows, {rounds} rounds of 3 s, 8 clients")
        for name, path in (("API list of 50", API), ("board of 20", BOARD)):
            tell(f"{name} : trivial view", middle[path], middle[CHEAP], floor=">= 0.20",
                 unit="/s")  # fmt: skip


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", CHEAP)
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


# In processes of their own, so that the clients do not share the server's interpreter or ours.
CLIENT = """
import sys, time
from http.client import HTTPConnection
port, path, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
connection = HTTPConnection("127.0.0.1", port, timeout=30)
done, end = 0, time.monotonic() + seconds
while time.monotonic() < end:
    connection.request("GET", path, headers={"Host": "localhost"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    done += 1
print(done)
"""


def rate(port: int, path: str, *, seconds: float, clients: int = 8) -> float:
    """Answers a second over kept connections."""
    counts: list[int] = []

    def one() -> None:
        done = subprocess.run(
            [sys.executable, "-c", CLIENT, str(port), path, str(seconds)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        counts.append(int(re.findall(r"\d+", done.stdout)[-1]))

    threads = [threading.Thread(target=one) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds
