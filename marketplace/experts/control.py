"""Which parties stand behind an organisation: controllers, what they control, common heads.

A step up leads to a controller, a step down to what a party controls, a tie to one under the same
head or management. From an organisation one goes up as far as it goes, then down: whatever stands
under a common controller is found, but not what another controller of a joint venture owns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from marketplace.accounts.organisations.models import RELATING

# So many steps from the organisation. A circle of controllers ends there too.
STEPS_MOST = 6

# Rows repeat only with their depth, so circles cost at most STEPS_MOST rounds.
WALK = """
WITH RECURSIVE edge AS MATERIALIZED (
    SELECT o.uscc AS one, c.controller_code AS other, 'up' AS step, c.controller_name AS name
    FROM marketplace_control c JOIN marketplace_organisation o ON o.id = c.organisation_id
    WHERE NOT c.statement_waits AND (c.from_date IS NULL OR c.from_date <= %(day)s)
        AND (c.until_date IS NULL OR c.until_date > %(day)s OR c.end_waits)
    UNION ALL
    SELECT c.controller_code, o.uscc, 'down', o.name
    FROM marketplace_control c JOIN marketplace_organisation o ON o.id = c.organisation_id
    WHERE NOT c.statement_waits AND (c.from_date IS NULL OR c.from_date <= %(day)s)
        AND (c.until_date IS NULL OR c.until_date > %(day)s OR c.end_waits)
    UNION ALL
    SELECT side.one, side.other, 'tie', side.name
    FROM marketplace_organisationrelation r JOIN marketplace_organisation o
            ON o.id = r.organisation_id,
        LATERAL (VALUES (o.uscc, r.other_uscc, r.other_name), (r.other_uscc, o.uscc, o.name))
            AS side (one, other, name)
    WHERE r.kind = ANY(%(relating)s) AND NOT r.statement_waits
        AND (r.from_date IS NULL OR r.from_date <= %(day)s)
        AND (r.until_date IS NULL OR r.until_date > %(day)s OR r.end_waits)
), walk AS (
    SELECT code AS origin, 0 AS depth, code::varchar AS node, false AS falling,
        NULL::varchar AS via, false AS via_falling, '' AS step, ''::varchar AS name
    FROM unnest(%(codes)s::text[]) AS code
    UNION
    SELECT w.origin, w.depth + 1, e.other, w.falling OR e.step <> 'up', w.node, w.falling, e.step,
        e.name
    FROM walk w JOIN edge e ON e.one = w.node
    WHERE w.depth < %(most)s AND NOT (w.falling AND e.step = 'up')
)
SELECT w.origin, w.depth, w.node, w.falling, w.via, w.via_falling, w.step, w.name,
    o.name, o.name_en, o.id
FROM walk w LEFT JOIN marketplace_organisation o ON o.uscc = w.node
ORDER BY w.origin, w.depth, w.falling, w.node, w.via, w.step, w.name
"""


@dataclass(frozen=True)
class Party:
    """A knot of the graph. `code`: a social credit code, or the mark of a person."""

    code: str
    name: str
    name_en: str = ""
    organisation_id: int | None = None

    @property
    def is_person(self) -> bool:
        return self.code.startswith("person:")


@dataclass(frozen=True)
class Way:
    """From the organisation concerned (parties[0]) to a party near it; one step fewer than parties."""

    parties: tuple[Party, ...]
    steps: tuple[str, ...] = ()

    @property
    def end(self) -> Party:
        return self.parties[-1]


def ways_from(codes: Iterable[str], day: date) -> list[Way]:
    """The shortest way to every party near these organisations, themselves included. One query.

    codes: social credit codes. Only what the office has seen and what holds on that day counts.
    """
    wanted = sorted(set(codes))
    if not wanted:
        return []
    given: dict[str, Any] = {
        "codes": wanted,
        "day": day,
        "most": STEPS_MOST,
        "relating": [*map(str, RELATING)],
    }
    with connection.cursor() as cursor:
        cursor.execute(WALK, given)
        rows = cursor.fetchall()
    found: dict[tuple[str, str, bool], Way] = {}
    nearest: dict[tuple[str, str], Way] = {}
    for origin, _depth, node, falling, via, via_falling, step, told, name, name_en, pk in rows:
        key = (origin, node, falling)
        if key in found:
            continue
        party = Party(node, name or told, name_en or "", pk)
        before = found[origin, via, via_falling] if via is not None else Way(())
        steps = (*before.steps, step) if via is not None else ()
        found[key] = Way((*before.parties, party), steps)
        nearest.setdefault((origin, node), found[key])
    return list(nearest.values())
