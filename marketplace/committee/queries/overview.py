"""All points of a finished review on one page, by one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.base.rules import require_confidentiality
from marketplace.committee.models import Report
from marketplace.scenarios.models import Scenario

# Of standing sheets alone: a recused judge's are void. Every judge has scored every bid by now, so
# the arrays stand in the order of the judges. Figures come as text, as they are shown.
SCORES = """
WITH judges AS (
    SELECT m.id, m.code FROM marketplace_panelmember m
    JOIN marketplace_panel p ON p.id = m.panel_id
    WHERE p.scenario_id = %(scenario)s AND m.state <> 'recused'
), cells AS (
    SELECT sheet.bid_id, j.id AS judge, c.position, c.code, c.name, c.name_en, c.weight,
           score.points, score.veto
    FROM judges j
    JOIN marketplace_sheet sheet ON sheet.member_id = j.id AND sheet.state = 'locked'
    JOIN marketplace_score score ON score.sheet_id = sheet.id
    JOIN marketplace_criterion c ON c.id = score.criterion_id
), by_criterion AS (
    SELECT bid_id, position, code, name, name_en, weight, round(avg(points), 2) AS mean,
           array_agg(points::text ORDER BY judge) AS points, count(*) FILTER (WHERE veto) AS vetoes
    FROM cells GROUP BY bid_id, position, code, name, name_en, weight
), sums AS (
    SELECT bid_id, judge, sum(points) AS total FROM cells GROUP BY bid_id, judge
), totals AS (
    SELECT bid_id, array_agg(total::text ORDER BY judge) AS totals,
           max(total) - min(total) AS spread
    FROM sums GROUP BY bid_id
)
SELECT (SELECT array_agg(code ORDER BY id) FROM judges), bid.blind_code, o.name, o.name_en,
       r.place, r.technical::text, r.team::text, r.price::text, r.total::text, t.totals,
       t.spread::text,
       (SELECT json_agg(json_build_array(c.code, c.name, c.name_en, c.weight::text, c.points,
                                         c.mean::text, c.vetoes) ORDER BY c.position)
        FROM by_criterion c WHERE c.bid_id = bid.id)
FROM marketplace_ranking r
JOIN marketplace_report report ON report.id = r.report_id AND report.scenario_id = %(scenario)s
JOIN marketplace_bid bid ON bid.id = r.bid_id
JOIN marketplace_organisation o ON o.id = bid.organisation_id
LEFT JOIN totals t ON t.bid_id = bid.id
ORDER BY r.place NULLS LAST, r.total DESC, bid.blind_code
"""


@dataclass(frozen=True)
class CriterionScores:
    """`points` in the order of the judges."""

    code: str
    name: str
    name_en: str
    weight: str
    points: list[str]
    mean: str
    vetoes: int


@dataclass(frozen=True)
class BidScores:
    """`totals` over all criteria in the order of the judges; `spread` between the two furthest."""

    blind_code: str
    name: str
    name_en: str
    place: int | None
    technical: str
    team: str
    price: str
    total: str
    totals: list[str]
    spread: str
    criteria: list[CriterionScores]


@dataclass(frozen=True)
class Scores:
    judges: list[str]
    bids: list[BidScores]


def score_overview(actor: Actor, scenario: Scenario) -> Scores:
    """For who reads the report. Raises NotFound, ReadingNeedsPledge."""
    if not Report.objects.visible_to(actor).filter(scenario=scenario).exists():
        raise NotFound
    require_confidentiality(actor)
    with connection.cursor() as cursor:
        cursor.execute(SCORES, {"scenario": scenario.pk})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    bids = [_bid(*row[1:]) for row in rows]
    return Scores((rows[0][0] if rows else None) or [], bids)


def _bid(*row: Any) -> BidScores:
    """A row without its judges. A bid that nobody scored has no totals."""
    *named, totals, spread, cells = row
    criteria = [CriterionScores(*cell) for cell in cells or []]
    given: list[Any] = [*named, totals or [], spread or "0.00", criteria]
    return BidScores(*given)
