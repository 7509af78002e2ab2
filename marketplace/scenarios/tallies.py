"""How many posted demands there are of each sort, kept by the transaction that changes one.

The board shows these numbers on every page; counting a million rows for each would take a second.
"""

from __future__ import annotations

import pgtrigger
from django.db import models

from marketplace.base.tallies import tally_triggers

# As `board.GROUPS`; what is published counts as open here, and the clock is asked when it is read.
OPEN, REVIEW, DONE = "open", "review", "done"
GROUP = """CASE
    WHEN {row}.state = 'published' THEN 'open'
    WHEN {row}.state IN ('awarded','implementing','accepted','withdrawn','failed','terminated')
        THEN 'done'
    WHEN {row}.state NOT IN
        ('draft','submitted','demonstrating','returned','rejected','demonstrated') THEN 'review'
    END"""
CELL = "{row}.domain_id, {row}.carrier_id, {row}.area_id, {row}.organising_mode"


class BoardTally(models.Model):
    """Rows of one cell: a group of states, the three terms by id, and the mode."""

    id = models.BigAutoField(primary_key=True)
    group = models.CharField(max_length=8)
    domain_id = models.BigIntegerField(null=True)
    carrier_id = models.BigIntegerField(null=True)
    area_id = models.BigIntegerField(null=True)
    organising_mode = models.CharField(max_length=4)
    rows = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="board_tally_once",
                fields=["group", "domain_id", "carrier_id", "area_id", "organising_mode"],
                nulls_distinct=False,
            )
        ]


def _step(row: str, by: int) -> str:
    """One row of the scenario's into or out of its cell, as SQL; nothing before publication."""
    return (
        f"SELECT {GROUP.format(row=row)}::varchar AS grp, {CELL.format(row=row)}, {by} AS by_rows"
    )


_CHANGE = """
    INSERT INTO marketplace_boardtally AS t
        ("group", domain_id, carrier_id, area_id, organising_mode, rows)
    SELECT grp, domain_id, carrier_id, area_id, organising_mode, sum(by_rows) FROM ({steps}) step
    WHERE grp IS NOT NULL GROUP BY 1, 2, 3, 4, 5 HAVING sum(by_rows) <> 0
    -- Always in one order, so that two that change the same cells do not wait for each other.
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT ("group", domain_id, carrier_id, area_id, organising_mode)
        DO UPDATE SET rows = t.rows + excluded.rows;
    RETURN NULL;
"""


def triggers() -> list[pgtrigger.Trigger]:
    """For the scenario: what it adds and takes away, at most two cells a change."""
    return tally_triggers("scenario_tallied_when", step=_step, change=_CHANGE)


RECOUNT = f"""
    DELETE FROM marketplace_boardtally;
    INSERT INTO marketplace_boardtally
        ("group", domain_id, carrier_id, area_id, organising_mode, rows)
    SELECT {GROUP.format(row="s")}, {CELL.format(row="s")}, count(*) FROM marketplace_scenario s
    WHERE {GROUP.format(row="s")} IS NOT NULL GROUP BY 1, 2, 3, 4, 5;
"""  # noqa: S608 - no value of anybody
