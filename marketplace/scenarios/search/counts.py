"""How many there are of each choice: exact where it is kept, capped where it would cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from marketplace.scenarios.search.asked import Asked, entry_condition
from marketplace.scenarios.search.facts import DEADLINES, PUBLISHED, REVIEW, STATES
from marketplace.scenarios.search.words import Query

# What is counted and ranked of one search; from here on it is "1,000+".
COUNTED_MOST = 1_000
NOW = "(SELECT marketplace_now() AS now) n"
# What the clock says of the published ones of a set: open by its deadline, or over it.
_CLOCK = f"""CASE
            WHEN s.deadline_at <= n.now THEN {REVIEW}
            WHEN s.deadline_at <= n.now + interval '{DEADLINES["week"][2]} days'
                THEN {DEADLINES["week"][0]}
            WHEN s.deadline_at <= n.now + interval '{DEADLINES["month"][2]} days'
                THEN {DEADLINES["month"][0]}
            ELSE {DEADLINES["later"][0]} END"""
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
    "set_{name} AS MATERIALIZED (SELECT e.scenario_id AS id, e.facts, e.deadline_at"  # noqa: S608
    f" FROM marketplace_searchentry e CROSS JOIN {NOW} WHERE {{condition}} LIMIT {COUNTED_MOST + 1})"
)
# An index finds all that fit before it gives the first. What many of the newest fit reaches the cap
# by walking back through them, and then the index is left alone: a few of the newest tell whether.
SAMPLE = 1_000
# As many as it is worth walking: words are dearer to look for in a row than facets.
WALKED_MOST = {"words": 10_000, "facets": 40_000}
# More than so many hits in the sample foretell, since they are not spread evenly.
MARGIN = 1.3
_NEWEST = "(SELECT * FROM marketplace_searchentry ORDER BY scenario_id DESC LIMIT {rows}) e"
_REACH = int((COUNTED_MOST + 1) * SAMPLE * MARGIN)
_ROWS = (
    f"(SELECT CASE WHEN hits * {{most}} >= {_REACH} THEN {_REACH} / hits ELSE 0 END"  # noqa: S608
    " FROM sample_{name})"
)
WALKED_SET = f"""sample_{{name}} AS MATERIALIZED (
    SELECT count(*) AS hits FROM {_NEWEST.format(rows=SAMPLE)} CROSS JOIN {NOW} WHERE {{condition}}
), new_{{name}} AS MATERIALIZED (
    SELECT e.scenario_id AS id, e.facts, e.deadline_at
    FROM {_NEWEST.format(rows=_ROWS)} CROSS JOIN {NOW}
    WHERE {{condition}} LIMIT {COUNTED_MOST + 1}
), set_{{name}} AS MATERIALIZED (
    SELECT id, facts, deadline_at FROM new_{{name}}
    WHERE (SELECT count(*) FROM new_{{name}}) > {COUNTED_MOST}
    UNION ALL (
        SELECT e.scenario_id, e.facts, e.deadline_at
        FROM marketplace_searchentry e CROSS JOIN {NOW}
        WHERE (SELECT count(*) FROM new_{{name}}) <= {COUNTED_MOST} AND {{condition}}
        LIMIT {COUNTED_MOST + 1}
    )
)"""  # noqa: S608
# What is left without the words is told only where nothing holds them.
NOTHING = "NOT EXISTS (SELECT FROM set_all)"
TOTAL = "SELECT '{name}', NULL::bigint, count(*) FROM set_{name}"
# As stored, and then the published ones once more by the clock, under `name!`.
SAID = f"""
    SELECT '{{name}}', NULL::bigint, count(*) FROM set_{{name}}
    UNION ALL SELECT '{{name}}', f, count(*) FROM set_{{name}}, unnest(facts) f GROUP BY f
    UNION ALL SELECT '{{name}}!', {_CLOCK}, count(*) FROM set_{{name}} s, {NOW}
    WHERE s.facts @> '{{{{{PUBLISHED}}}}}' GROUP BY 2
"""  # noqa: S608 - no value of anybody
IDS = f"SELECT 'ids', id, 0 FROM (SELECT id FROM set_all LIMIT {COUNTED_MOST}) x"  # noqa: S608
ARE_NEWEST = (
    f"SELECT 'newest', NULL::bigint, count(*) FROM new_all HAVING count(*) > {COUNTED_MOST}"  # noqa: S608
)


@dataclass
class Counted:
    """Rows of one set and of each fact among them; lower bounds where the set was cut short."""

    total: int = 0
    facts: Counter[int] = field(default_factory=Counter)
    # Of what fits all: the first COUNTED_MOST, and whether they are the newest that fit.
    ids: list[int] = field(default_factory=list)
    newest: bool = False

    @property
    def capped(self) -> bool:
        return self.total > COUNTED_MOST


def counted(
    asked: Asked, numbers: Mapping[str, Mapping[str, int]], *, apart: Iterable[str] = ()
) -> dict[str, Counted]:
    """{"": what fits all, facet: what fits all but this one, "q" and "fits": all but these}.

    apart: which of these besides the first; "q" is counted only where nothing fits all. One query.
    """
    sets = {"": asked} | {name: asked.without(name) for name in apart}
    parts: list[str] = []
    given: list[Any] = []
    for name, one in sets.items():
        condition, values = entry_condition(one, numbers)
        if name == "q":
            condition = f"{NOTHING} AND {condition}"
        walked = name != "q" and _walked(one)
        most = WALKED_MOST["words" if one.query else "facets"]
        parts.append(
            (WALKED_SET if walked else SET).format(
                name=name or "all", condition=condition, most=most
            )
        )
        given += values * (3 if walked else 1)
    # What is left without the words, or of what does not fit, is a number alone.
    told = [(TOTAL if name in {"q", "fits"} else SAID).format(name=name or "all") for name in sets]
    told.append(IDS)
    if _walked(asked):
        told.append(ARE_NEWEST)
    found = {name: Counted() for name in sets}
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(parts)} {' UNION ALL '.join(told)}", given)
        for place, fact, rows in cursor.fetchall():
            name = "" if place == "all" else place
            if place == "ids":
                found[""].ids.append(fact)
            elif place == "newest":
                found[""].newest = True
            elif fact is None:
                found[name].total = rows
            elif name.endswith("!"):
                facts = found["" if name == "all!" else name[:-1]].facts
                facts[fact] += rows
                if fact != REVIEW:
                    facts[STATES["open"]] += rows
            else:
                found[name].facts[fact] += rows
    return found


def _walked(asked: Asked) -> bool:
    """What somebody declares is looked for by the index alone."""
    words = asked.query is None or bool(asked.query.words)
    return words and not asked.fits and bool(asked.query or asked.chosen)


# D, C, B, A: metrics and others, need and pain, summaries, title.
WEIGHTS = "'{{0.08, 0.2, 0.45, 1.0}}'"
# Where more fit than are counted, those among the newest rows are ranked as well.
NEWEST = 10_000
WALKED = f"""
    UNION SELECT id FROM (
        SELECT e.scenario_id AS id FROM {_NEWEST.format(rows=NEWEST)} CROSS JOIN {NOW}
        WHERE {{condition}} LIMIT {COUNTED_MOST}
    ) x
"""  # noqa: S608
RANKED = f"""
    SELECT e.scenario_id FROM marketplace_searchentry e
    WHERE e.scenario_id IN (SELECT unnest(%s::bigint[]) {{walked}})
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


SOONEST = f"""
    SELECT e.scenario_id FROM marketplace_searchentry e CROSS JOIN {NOW}
    WHERE e.facts @> '{{{{{PUBLISHED}}}}}' AND e.deadline_at > (SELECT marketplace_now())
    AND {{condition}}
    ORDER BY e.deadline_at, e.scenario_id DESC LIMIT %s OFFSET %s
"""  # noqa: S608 - no value of anybody


def soonest(beside: tuple[str, list[Any]], start: int, stop: int) -> list[int]:
    """Ids of the open ones that fit `entry_condition`, by deadline. One query."""
    condition, given = beside
    with connection.cursor() as cursor:
        cursor.execute(SOONEST.format(condition=condition), [*given, stop - start, start])
        return [row[0] for row in cursor.fetchall()]


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
    query: Query, ids: list[int], *, start: int, stop: int, beside: tuple[str, list[Any]] | None
) -> list[int]:
    """Of these ids, the best match first, those from `start` to `stop`. One query.

    beside: `entry_condition`, where what fits of the newest is to be ranked with them.
    """
    condition, given = beside or ("", [])
    walked = WALKED.format(condition=condition) if beside else ""
    with connection.cursor() as cursor:
        cursor.execute(
            RANKED.format(walked=walked), [ids, *given, query.any_tsquery, stop - start, start]
        )
        return [row[0] for row in cursor.fetchall()]
