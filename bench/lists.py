"""The list of demands: API and board."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

import psycopg

from bench.installation import Installation, installation, setup_django, web
from bench.measure import interleaved, tell
from bench.park import fill
from config.runtime.postgres import APP, DATABASE, SUPER

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

    def close(self) -> None:
        self.raw.close()

    def page(self, path: str, *, anew: bool = False) -> Callable[[], bytes]:
        """anew: as the first visitor after a change gets it."""
        from marketplace.web import kept

        def ask() -> bytes:
            if anew:
                kept.forget()
            answer = self.client.get(path)
            assert answer.status_code == 200, (path, answer.status_code)
            return answer.content

        return ask

    def sql(self, statement: str) -> Callable[[], list[Any]]:
        return lambda: self.raw.execute(statement, prepare=True).fetchall()


@contextmanager
def readers() -> Iterator[Installation]:
    """As in service: no demo, connections kept, and nobody refused for asking often."""
    with installation(
        throwaway=True, DEMO="0", INSECURE_HTTP="1", LOG_LEVEL="ERROR", DATABASE_POOL="1",
        API_LIMIT_FACTOR="1000000",
    ) as made:  # fmt: skip
        setup_django(made)
        yield made


def everything(given: argparse.Namespace) -> int:
    """All of them on the same rows."""
    with readers() as made:
        small = made.copy_of_database("small")
        fill(made.url(SUPER, small), few(given.rows))
        fill(made.url(SUPER), given.rows)
        sides = Sides(made.url(APP))
        compare(sides, given.rows, given.rounds)
        count_queries(sides)
        grow(sides, small, given.rows, given.rounds)
        show_demands(sides, (small, DATABASE), given.rows, given.rounds)
        serve(made, given)
    return 0


def in_process(given: argparse.Namespace) -> int:
    with readers() as made:
        fill(made.url(SUPER), given.rows)
        compare(Sides(made.url(APP)), given.rows, given.rounds)
    return 0


def compare(sides: Sides, rows: int, rounds: int, *, times: int = 30) -> None:
    found = interleaved(
        {
            "list by raw SQL": sides.sql(LIST),
            "API list": sides.page(API),
            "board by raw SQL": sides.sql(OPEN),
            "board": sides.page(BOARD),
            "board, made anew": sides.page(BOARD, anew=True),
            "trivial view": sides.page(CHEAP),
        },
        rounds=rounds,
        times=times,
    )
    print(f"{rows} rows, {rounds} rounds; a trivial view {found['trivial view']:.3f} ms")
    for name, against in (
        ("API list", "list by raw SQL"),
        ("board", "board by raw SQL"),
        ("board, made anew", "board by raw SQL"),
    ):
        tell(f"{name} : the same rows by SQL", found[name], found[against], floor="<= 6")


def few(rows: int) -> int:
    return max(100, rows // 100)


def growth(given: argparse.Namespace) -> int:
    with readers() as made:
        small = made.copy_of_database("small")
        fill(made.url(SUPER, small), few(given.rows))
        fill(made.url(SUPER), given.rows)
        grow(Sides(made.url(APP)), small, given.rows, given.rounds)
    return 0


def use(database: str) -> None:
    """From now on this process asks another database."""
    from django.db import connections

    connection = connections["default"]
    connection.close()
    connection.close_pool()
    connection.settings_dict["NAME"] = database


def grow(sides: Sides, small: str, rows: int, rounds: int) -> None:
    """The same process on two databases in turn. Every page is made anew."""
    paths = {"API list": API, "board": BOARD, "board, one filter": "/?state=done",
             "board, page 20": "/?page=20"}  # fmt: skip
    asked = {name: sides.page(path, anew=True) for name, path in paths.items()}
    totals: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for database in (small, DATABASE):
            use(database)
            for name, value in interleaved(asked, rounds=1, times=20).items():
                totals.setdefault((database, name), []).append(value)
    print(f"from {few(rows)} to {rows} rows, {rounds} rounds, pages made anew")
    for name in paths:
        many, little = (median(totals[database, name]) for database in (DATABASE, small))
        tell(f"{name} : of {few(rows)} rows", many, little, floor="<= 1.5")


def pages(given: argparse.Namespace) -> int:
    """The page of one demand."""
    with readers() as made:
        small = made.copy_of_database("small")
        fill(made.url(SUPER, small), few(given.rows))
        fill(made.url(SUPER), given.rows)
        show_demands(Sides(made.url(APP)), (small, DATABASE), given.rows, given.rounds)
    return 0


def show_demands(
    sides: Sides, databases: tuple[str, str], rows: int, rounds: int, *, shown: int = 40
) -> None:
    """Pages of demands that stand spread over the board, in few and in all rows by turns."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    small, whole = databases
    taken: dict[str, list[float]] = {database: [] for database in databases}
    counts: dict[str, set[int]] = {database: set() for database in databases}
    for _ in range(max(1, rounds)):
        for database in databases:
            use(database)
            for number, path in enumerate(spread(shown)):
                ask = sides.page(path, anew=True)
                if number == 0:
                    ask()
                began = time.perf_counter()
                ask()
                taken[database].append((time.perf_counter() - began) * 1000)
                with CaptureQueriesContext(connection) as seen:
                    ask()
                counts[database].add(len(seen))
    print(f"from {few(rows)} to {rows} rows, {rounds} rounds of {shown} pages of demands")
    for name, place in (("median", 9), ("p95", 18)):
        many, little = (quantiles(taken[one], n=20)[place] for one in (whole, small))
        tell(f"demand page, {name} : of {few(rows)} rows", many, little, floor="<= 1.5")
    for database in databases:
        print(f"{database:30} {min(counts[database])} to {max(counts[database])} queries")


def spread(number: int) -> list[str]:
    """Addresses of that many public demands, from the first to the last."""
    from marketplace.scenarios.models import Scenario

    newest = Scenario.objects.latest("pk").pk
    step = max(1, newest // number)
    found = Scenario.objects.public().filter(pk__in=range(newest, 0, -step))
    return [f"/scenarios/{row.address}/" for row in found[:number]]


def queries(given: argparse.Namespace) -> int:
    with readers() as made:
        fill(made.url(SUPER), min(given.rows, 10_000))
        count_queries(Sides(made.url(APP)))
    return 0


def count_queries(sides: Sides) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for path in (API, BOARD, "/?state=open&mode=race", "/?sort=new&page=3", "/?page=500"):
        sides.page(path)()
        with CaptureQueriesContext(connection) as seen:
            sides.page(path, anew=True)()
        print(f"{path:30} {len(seen)} queries  floor <= 8")


# -- A real server -------------------------------------------------------------------------------
def requests(given: argparse.Namespace) -> int:
    with readers() as made:
        fill(made.url(SUPER), given.rows)
        serve(made, given)
    return 0


def serve(made: Installation, given: argparse.Namespace) -> None:
    with web(made, LOG_LEVEL="ERROR"):
        rates: dict[str, list[float]] = {API: [], BOARD: [], CHEAP: []}
        for path in rates:
            rate(made.port, path, seconds=1)
        for _ in range(given.rounds):
            for path, found in rates.items():
                found.append(rate(made.port, path, seconds=given.seconds))
    middle = {path: median(found) for path, found in rates.items()}
    print(f"{given.rows} rows, {given.rounds} rounds of {given.seconds} s, 8 clients")
    for name, path in (("API list of 50", API), ("board of 20", BOARD)):
        tell(f"{name} : trivial view", middle[path], middle[CHEAP], floor=">= 0.20", unit="/s")


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
