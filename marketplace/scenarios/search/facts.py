"""What a posted demand is, as numbers beside its words: one index answers words and facets.

A term is its id. What is no term has a number below zero. State and deadline follow the clock and
are judged when they are read.
"""

from __future__ import annotations

from decimal import Decimal

import pgtrigger
from django.db import models

from marketplace.base.tallies import tally_triggers

MODES = {"best": -1, "race": -2}
# As the sweep has recorded it; what is published and over its deadline is no longer open.
PUBLISHED, REVIEW, DONE = -11, -12, -13
STATES = {"open": -14, "review": REVIEW, "done": DONE}
# code -> (number, from, below) in yuan
BANDS: dict[str, tuple[int, Decimal, Decimal | None]] = {
    "to_50": (-21, Decimal(0), Decimal(500_000)),
    "to_100": (-22, Decimal(500_000), Decimal(1_000_000)),
    "to_200": (-23, Decimal(1_000_000), Decimal(2_000_000)),
    "to_500": (-24, Decimal(2_000_000), Decimal(5_000_000)),
    "above_500": (-25, Decimal(5_000_000), None),
}
# code -> (number, days from now, to)
DEADLINES: dict[str, tuple[int, int, int | None]] = {
    "week": (-31, 0, 7),
    "month": (-32, 7, 30),
    "later": (-33, 30, None),
}
BEFORE = "('draft','submitted','demonstrating','returned','rejected','demonstrated')"
ENDED = "('awarded','implementing','accepted','withdrawn','failed','terminated')"
_BAND = "\n".join(
    f"        WHEN {{row}}.budget_cny < {below} THEN {number}"
    for number, _least, below in BANDS.values()
    if below is not None
)
FACTS = f"""array_remove(ARRAY[
    {{row}}.domain_id, {{row}}.carrier_id, {{row}}.area_id, {{row}}.focus_id,
    CASE {{row}}.organising_mode WHEN 'race' THEN {MODES["race"]} ELSE {MODES["best"]} END,
    CASE WHEN {{row}}.state = 'published' THEN {PUBLISHED}
        WHEN {{row}}.state IN {ENDED} THEN {DONE} ELSE {REVIEW} END,
    CASE
        WHEN {{row}}.budget_cny IS NULL THEN NULL
{_BAND}
        ELSE {BANDS["above_500"][0]} END
    ]::int[]
    || ARRAY(SELECT term_id::int FROM marketplace_scenario_technologies
        WHERE scenario_id = {{row}}.id)
    || ARRAY(SELECT term_id::int FROM marketplace_scenario_platforms
        WHERE scenario_id = {{row}}.id), NULL)"""  # noqa: S608 - no value of anybody


class FactTally(models.Model):
    """How many posted demands have one fact, kept by the transaction that changes one."""

    fact = models.IntegerField(primary_key=True)
    rows = models.BigIntegerField()


_KEEP = f"""
    IF NEW.state NOT IN {BEFORE} THEN
        INSERT INTO marketplace_searchentry AS e (scenario_id, facts, deadline_at)
        VALUES (NEW.id, {FACTS.format(row="NEW")}, NEW.deadline_at)
        ON CONFLICT (scenario_id) DO UPDATE
            SET facts = excluded.facts, deadline_at = excluded.deadline_at
            WHERE (e.facts, e.deadline_at) IS DISTINCT FROM (excluded.facts, excluded.deadline_at);
    END IF;
    RETURN NULL;
"""  # noqa: S608 - no value of anybody


def keeping_triggers() -> list[pgtrigger.Trigger]:
    """For the scenario: what it is stands beside its words as soon as it is posted."""
    return [
        pgtrigger.Trigger(
            name="scenario_facts_kept",
            when=pgtrigger.After,
            operation=pgtrigger.Insert | pgtrigger.Update,
            func=_KEEP,
        )
    ]


def _step(row: str, by: int) -> str:
    return f"SELECT unnest({row}.facts) AS fact, {by} AS by_rows"


_CHANGE = """
    INSERT INTO marketplace_facttally AS t (fact, rows)
    SELECT fact, sum(by_rows) FROM ({steps}) step
    GROUP BY fact HAVING sum(by_rows) <> 0
    -- Always in one order, so that two that change the same facts do not wait for each other.
    ORDER BY fact
    ON CONFLICT (fact) DO UPDATE SET rows = t.rows + excluded.rows;
    RETURN NULL;
"""


def tally_of_facts() -> list[pgtrigger.Trigger]:
    """For the entry: each fact is counted."""
    return tally_triggers("entry_facts_when", step=_step, change=_CHANGE)


# The facts of ids from `low` to `high`; rows that are right already are not touched.
REFRESH = f"""
    INSERT INTO marketplace_searchentry AS e (scenario_id, facts, deadline_at)
    SELECT s.id, {FACTS.format(row="s")}, s.deadline_at FROM marketplace_scenario s
    WHERE s.state NOT IN {BEFORE} AND s.id BETWEEN %(low)s AND %(high)s
    ON CONFLICT (scenario_id) DO UPDATE
        SET facts = excluded.facts, deadline_at = excluded.deadline_at
        WHERE (e.facts, e.deadline_at) IS DISTINCT FROM (excluded.facts, excluded.deadline_at)
"""  # noqa: S608 - no value of anybody
RECOUNT = """
    DELETE FROM marketplace_facttally;
    INSERT INTO marketplace_facttally (fact, rows)
    SELECT fact, count(*) FROM marketplace_searchentry, unnest(facts) fact GROUP BY fact;
"""
