"""Searching the board: p95 of pages made anew, against its first page without a search."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from statistics import quantiles
from urllib.parse import quote

from bench.installation import Installation
from bench.lists import Sides, readers
from bench.measure import tell
from bench.park import TOPICS, fill, topic
from config.runtime.postgres import APP, SUPER

FIRST = "first page, no search"
TIMES = 20


def asked() -> dict[str, Iterator[str]]:
    """{what: addresses, one after the other}. The searches for topics are all different."""
    numbers = itertools.count()

    def words(*typed: str, beside: str = "") -> Iterator[str]:
        return itertools.cycle([f"/?q={quote(one)}{beside}" for one in typed])

    return {
        FIRST: itertools.cycle(["/"]),
        "two characters": (f"/?q={quote(topic(next(numbers) * 7 % TOPICS))}" for _ in iter(int, 1)),
        "two characters, 20 rows": words("稀有"),
        "two characters, a quarter of all": words("跨境", "漏洞", "隐私", "日志"),
        "two characters, in all": words("能力", "验证"),
        "two words, both common": words("跨境 能力", "漏洞 验证"),
        "absent, Chinese": words("龘龘", "靐靐", "数龘"),
        "absent, English": words("zzyzx", "anomoly", "xylophone"),
        "one character": words("境", "漏"),
        "with two facets": words("跨境", "漏洞", beside="&domain=ai&state=open"),
        "by deadline": words("跨境", "漏洞", beside="&sort=closing"),
        "facets alone": itertools.cycle(
            ["/?technology=quantum&budget=to_500", "/?domain=ai&domain=data_compliance&mode=race"]
        ),
    }


def words(given: argparse.Namespace) -> int:
    with readers() as made:
        fill(made.url(SUPER), given.rows)
        compare(made, given.rows, given.rounds)
    return 0


def compare(made: Installation, rows: int, rounds: int, *, times: int = TIMES) -> dict[str, float]:
    """{what: p95 in ms}, each printed against that of the first page."""
    sides = Sides(made.url(APP))
    taken = measured(sides, rounds, times=times)
    sides.close()
    found = {name: quantiles(values, n=20)[-1] for name, values in taken.items()}
    print(f"{rows} rows, {rounds} rounds of {times} pages each, p95, pages made anew")
    for name, value in found.items():
        if name != FIRST:
            tell(f"{name} : {FIRST}", value, found[FIRST], floor="<= 3, goal 1.5")
    return found


def measured(sides: Sides, rounds: int, *, times: int) -> dict[str, list[float]]:
    """{what: milliseconds of each page}, the kinds in turn."""
    taken: dict[str, list[float]] = {}
    addresses = asked()
    for one in addresses.values():
        for _ in range(3):
            sides.page(next(one), anew=True)()
    for _ in range(max(1, rounds)):
        for name, one in addresses.items():
            for _ in range(times):
                began = time.perf_counter()
                sides.page(next(one), anew=True)()
                taken.setdefault(name, []).append((time.perf_counter() - began) * 1000)
    return taken
