"""How many there are of each choice: exact where it is kept, capped where it would cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from marketplace.scenarios.search.asked import Asked, entry_condition
from marketplace.scenarios.search.facts import DEADLINES, DONE, PUBLISHED, REVIEW, STATES
from marketplace.scenarios.search.words import Query

# What is counted and ranked of one search; from here on it is "1,000+".
COUNTED_MOST = 1_000
NOW = "(SELECT marketplace_now() AS now) n"
# The facts of a row as the clock stands, instead of what is stored of its state.
SEEN = f"""array_remove(array_remove(array_remove(e.facts, {PUBLISHED}), {REVIEW}), {DONE})
    || CASE
        WHEN e.facts @> '{{{{{DONE}}}}}' THEN ARRAY[{DONE}]
        WHEN e.facts @> '{{{{{PUBLISHED}}}}}' AND e.deadline_at > n.now THEN ARRAY[{STATES["open"]},
            CASE WHEN e.deadline_at <= n.now + interval '{DEADLINES["week"][2]} days'
                THEN {DEADLINES["week"][0]}
            WHEN e.deadline_at <= n.now + interval '{DEADLINES["month"][2]} days'
                THEN {DEADLINES["month"][0]}
            ELSE {DEADLINES["later"][0]} END]
        ELSE ARRAY[{REVIEW}] END"""
_RUNNING = """UNION ALL SELECT {number}, count(*) FROM (
    SELECT FROM marketplace_scenario WHERE state = 'published'
    AND deadline_at > (SELECT marketplace_now()) + interval '{first} days'
    AND deadline_at <= {last} LIMIT {most}) x"""
RUNNING = "\n".join(
    _RUNNING.format(
        number=number,
        first=first,
        last="'infinity'"
        if last is None
        else f"(SELECT marketplace_now()) + interval '{last} days'",
        most=COUNTED_MOST + 1,
    )
    for number, first, last in DEADLINES.values()
)
# Of each fact of all that is posted; those of the deadline up to one above the cap.
KEPT = f"SELECT fact, rows FROM marketplace_facttally {RUNNING}"  # noqa: S608

# Names of facets and conditions of `entry_condition` alone go into these.
SET = (
    f"set_{{name}} AS MATERIALIZED (SELECT {SEEN} AS facts FROM marketplace_searchentry e"  # noqa: S608
    f" CROSS JOIN {NOW} WHERE {{condition}} LIMIT {COUNTED_MOST + 1})"
)
TOTAL = "SELECT '{name}', NULL::int, count(*) FROM set_{name}"
SAID = (
    "SELECT '{name}', NULL::int, count(*) FROM set_{name}"
    " UNION ALL SELECT '{name}', f, count(*) FROM set_{name}, unnest(facts) f GROUP BY f"
)


@dataclass
class Counted:
    """Rows of one set and of each fact among them; lower bounds where the set was cut short."""

    total: int = 0
    facts: Counter[int] = field(default_factory=Counter)

    @property
    def capped(self) -> bool:
        return self.total > COUNTED_MOST


def counted(
    asked: Asked, numbers: Mapping[str, Mapping[str, int]], *, apart: Iterable[str] = ()
) -> dict[str, Counted]:
    """{"": what fits all, facet: what fits all but this one, "q" and "fits": all but these}.

    apart: which of these besides the first. One query.
    """
    sets = {"": asked} | {name: asked.without(name) for name in apart}
    parts: list[str] = []
    given: list[Any] = []
    for name, one in sets.items():
        condition, values = entry_condition(one, numbers)
        parts.append(SET.format(name=name or "all", condition=condition))
        given += values
    # What is left without the words, or of what does not fit, is a number alone.
    told = [(TOTAL if name in {"q", "fits"} else SAID).format(name=name or "all") for name in sets]
    found = {name: Counted() for name in sets}
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(parts)} {' UNION ALL '.join(told)}", given)
        for place, fact, rows in cursor.fetchall():
            name = "" if place == "all" else place
            if fact is None:
                found[name].total = rows
            else:
                found[name].facts[fact] = rows
    return found


def hits(asked: Asked, numbers: Mapping[str, Mapping[str, int]]) -> list[int]:
    """The ids of what fits, COUNTED_MOST at most. One query."""
    condition, given = entry_condition(asked, numbers)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT e.scenario_id FROM marketplace_searchentry e CROSS JOIN {NOW}"  # noqa: S608
            f" WHERE {condition} LIMIT {COUNTED_MOST}",
            given,
        )
        return [row[0] for row in cursor.fetchall()]


# D, C, B, A: metrics and others, need and pain, summaries, title.
WEIGHTS = "'{{0.08, 0.2, 0.45, 1.0}}'"
# Where more fit than are counted, the newest of the newest rows are looked at as well, so that the
# planner has no choice between an index and a million rows.
NEWEST = 50_000
_FITTING = f"SELECT e.scenario_id FROM marketplace_searchentry e CROSS JOIN {NOW}"  # noqa: S608
FEW = f"{_FITTING} WHERE {{condition}} LIMIT {COUNTED_MOST}"
MANY = (
    f"(SELECT e.scenario_id FROM (SELECT * FROM marketplace_searchentry"  # noqa: S608
    f" ORDER BY scenario_id DESC LIMIT {NEWEST}) e CROSS JOIN {NOW}"
    f" WHERE {{condition}} LIMIT {COUNTED_MOST}) UNION ({FEW})"
)
RANKED = f"""
    SELECT e.scenario_id FROM marketplace_searchentry e
    WHERE e.scenario_id IN ({{fitting}})
    ORDER BY ts_rank({WEIGHTS}, e.tokens, %s::tsquery, 1) DESC, e.scenario_id DESC
    LIMIT %s OFFSET %s
"""  # noqa: S608 - no value of anybody
# Words that are there count by the weight of where they stand; each of them once.
NEAR = f"""
    SELECT e.scenario_id
    FROM (SELECT e.scenario_id, e.tokens FROM marketplace_searchentry e CROSS JOIN {NOW}
        WHERE {{condition}} AND e.tokens @@ %s::tsquery AND e.scenario_id <> ALL(%s)
        LIMIT {COUNTED_MOST}) e
    ORDER BY (SELECT count(*) FROM unnest(%s::tsquery[]) w WHERE e.tokens @@ w) DESC,
        ts_rank({WEIGHTS}, e.tokens, %s::tsquery, 1) DESC, e.scenario_id DESC
    LIMIT %s
"""  # noqa: S608 - no value of anybody


def nearest(
    condition: str, given: list[Any], query: Query, *, but: list[int], most: int
) -> list[int]:
    """Ids of what holds at least two of the words, or either of two. One query.

    condition, given: of everything that is asked besides the words. but: left out.
    """
    each = [word.tsquery for word in query.words]
    values = [*given, query.most_tsquery, but, each, query.any_tsquery, most]
    with connection.cursor() as cursor:
        cursor.execute(NEAR.format(condition=condition), values)
        return [row[0] for row in cursor.fetchall()]


def ranked(
    condition: str, given: list[Any], query: Query, *, start: int, stop: int, few: bool
) -> list[int]:
    """Ids from `start` to `stop` of what fits, the best match first.

    condition, given: as of `entry_condition`. few: no more than COUNTED_MOST fit; else as many of
    the newest and as many others are ranked. One query.
    """
    fitting = (FEW if few else MANY).format(condition=condition)
    values = [*given, *([] if few else given), query.any_tsquery, stop - start, start]
    with connection.cursor() as cursor:
        cursor.execute(RANKED.format(fitting=fitting), values)
        return [row[0] for row in cursor.fetchall()]
