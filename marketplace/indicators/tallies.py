"""How many demands count toward K4, kept by the transaction that changes one of their facts.

The board says the number on every page. `k4.count_k4` says which demands they are, and why; the
tests hold both against each other.
"""

from __future__ import annotations

import pgtrigger
from django.db import models

from marketplace.base.tallies import tally_triggers
from marketplace.indicators.k4 import DOMAINS, MODES


def _list(codes: frozenset[str]) -> str:
    return ", ".join(f"'{code}'" for code in sorted(codes))


COUNTS = "({row}.withdrawn_at IS NULL OR {row}.withdrawn_at >= {row}.deadline_at)"
CELL = f"""({{row}}.published_at AT TIME ZONE 'Asia/Shanghai')::date, {{row}}.summary_counts_at,
    {{row}}.counts_in_demo_only, {{row}}.owner_in_lingang
        AND {{row}}.domain_code IN ({_list(DOMAINS)})
        AND {{row}}.organising_mode IN ({_list(MODES)})"""
COLUMNS = "published_on, summary_counts_at, demo_only, strict"


class DemandTally(models.Model):
    """Demands of one cell that nobody took back before the deadline."""

    id = models.BigAutoField(primary_key=True)
    published_on = models.DateField()  # the day in Shanghai
    # Of one day's demands mostly the same midnight; a demo's run in seconds.
    summary_counts_at = models.DateTimeField()
    demo_only = models.BooleanField()
    strict = models.BooleanField()  # once the summary has been out long enough
    rows = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="demand_tally_once",
                fields=["published_on", "summary_counts_at", "demo_only", "strict"],
            )
        ]


def _step(row: str, by: int) -> str:
    """One fact into or out of its cell, as SQL."""
    return f"SELECT {CELL.format(row=row)}, {by} WHERE {COUNTS.format(row=row)}"


_CHANGE = f"""
    INSERT INTO marketplace_demandtally AS t ({COLUMNS}, rows)
    SELECT {COLUMNS}, sum(by_rows) FROM ({{steps}}) step ({COLUMNS}, by_rows)
    GROUP BY {COLUMNS} HAVING sum(by_rows) <> 0
    -- Always in one order, so that two that change the same cells do not wait for each other.
    ORDER BY {COLUMNS}
    ON CONFLICT ({COLUMNS}) DO UPDATE SET rows = t.rows + excluded.rows;
    RETURN NULL;
"""  # noqa: S608 - no value of anybody


def triggers() -> list[pgtrigger.Trigger]:
    """For the facts: what a change of one adds and takes away."""
    return tally_triggers("demand_tallied_when", step=_step, change=_CHANGE)


RECOUNT = f"""
    DELETE FROM marketplace_demandtally;
    INSERT INTO marketplace_demandtally ({COLUMNS}, rows)
    SELECT {CELL.format(row="d")}, count(*) FROM marketplace_opendemand d
    WHERE {COUNTS.format(row="d")} GROUP BY 1, 2, 3, 4;
"""  # noqa: S608 - no value of anybody
