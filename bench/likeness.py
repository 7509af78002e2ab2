"""Which earlier demands a draft is like, from few to all rows: by the clock and by processor time."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import psycopg

from bench.lists import few, readers, use
from bench.measure import tell
from bench.park import WORDS, fill
from config.runtime.postgres import DATABASE, SUPER

# Of the rows one in four is said in one of 35 ways; the others share no words with anything.
SAID_AGAIN = 4
NEAR = 20
ASKED = 3
# A draft of its own kind, which NEAR others copy; and one that is said like many.
OWN = "园区低空物流航线围栏与干扰识别，飞控链路的异常在两秒内告警，误报率每百架次不高于一次。"
SKETCHED = """
INSERT INTO marketplace_likeness (scenario_id, bands, signs)
SELECT s.id,
    CASE WHEN s.id %% %(again)s = 0 THEN ARRAY(SELECT unnest((%(bands)s::int[][])
            [1 + s.id %% 35 : 1 + s.id %% 35][:]))
        ELSE ARRAY(SELECT (random() * 2147483647)::int FROM generate_series(1, %(number)s)
            WHERE s.id = s.id) END,
    CASE WHEN s.id %% %(again)s = 0 THEN ARRAY(SELECT unnest((%(signs)s::int[][])
            [1 + s.id %% 35 : 1 + s.id %% 35][:]))
        ELSE ARRAY(SELECT (random() * 2147483647)::int FROM generate_series(1, %(length)s)
            WHERE s.id = s.id) END
FROM marketplace_scenario s
"""


def compared(given: argparse.Namespace) -> int:
    with readers() as made:
        small = made.copy_of_database("small")
        for database, rows in ((small, few(given.rows)), (DATABASE, given.rows)):
            fill(made.url(SUPER, database), rows)
            sketch(made.url(SUPER, database))
        ask(small, given.rows, given.rounds)
    return 0


def ways() -> list[str]:
    """How those are said that are said again, without their numbers."""
    return [
        f"{first}能力验证与{second}，{first}的要求与指标由第三方按同一办法测量，"
        f"{second}的结果逐项记录并可复核"
        for first in WORDS
        for second in WORDS[:5]
    ]


def sketch(url: str) -> None:
    """url: of the superuser, who leaves the triggers out."""
    from marketplace.scenarios.likeness.sketch import bands, shingles, signature, signed

    signs = [signature(shingles(text)) for text in ways()]
    own = signature(shingles(OWN))
    values = {
        "again": SAID_AGAIN,
        "bands": [bands(one) for one in signs],
        "signs": [signed(one) for one in signs],
        "number": len(bands(own)),
        "length": len(signed(own)),
    }
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(SKETCHED, values)
        owner.execute(
            "UPDATE marketplace_scenario SET need = %s WHERE id %% %s = 0 AND id %% 35 = %s",
            [ways()[ASKED], SAID_AGAIN, ASKED],
        )
        owner.execute(
            "WITH near AS (SELECT id FROM marketplace_scenario WHERE id %% %s <> 0"
            " AND published_at IS NOT NULL ORDER BY id LIMIT %s)"
            ", said AS (UPDATE marketplace_scenario SET need = %s WHERE id IN (SELECT id FROM near))"
            " UPDATE marketplace_likeness SET bands = %s, signs = %s"
            " WHERE scenario_id IN (SELECT id FROM near)",
            [SAID_AGAIN, NEAR, OWN, bands(own), signed(own)],
        )
        owner.execute("VACUUM ANALYZE marketplace_likeness, marketplace_scenario")


def ask(small: str, rows: int, rounds: int, *, times: int = 10) -> None:
    from marketplace.base.actor import Actor, Role
    from marketplace.scenarios.content import Content
    from marketplace.scenarios.likeness.queries import likes
    from marketplace.scenarios.models import Scenario

    taken: dict[tuple[str, str], list[float]] = {}
    named: dict[tuple[str, str], int] = {}
    for _ in range(max(1, rounds)):
        for database in (small, DATABASE):
            use(database)
            draft = Scenario.objects.filter(state="draft").order_by("-pk")[0]
            owner = Actor(Role.OWNER, draft.author, draft.organisation)
            for what, text in (("few are like it", OWN), ("one in 140 is like it", ways()[ASKED])):
                content = Content({"need": text}, {})
                sides: Callable[[], Any] = lambda c=content, a=owner, d=draft: likes(a, d, c)  # noqa: E731
                named[database, what] = len(sides())
                for _time in range(times):
                    began = time.perf_counter()
                    sides()
                    taken.setdefault((database, what), []).append(
                        (time.perf_counter() - began) * 1000
                    )
    print(f"from {few(rows)} to {rows} rows, {rounds} rounds of {times}")
    for what in dict.fromkeys(name for _database, name in taken):
        many, little = (median(taken[one, what]) for one in (DATABASE, small))
        tell(f"likeness, {what} : of {few(rows)} rows", many, little, floor="<= 1.5")
        print(f"    named {named[DATABASE, what]}, {named[small, what]}")
