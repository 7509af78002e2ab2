"""What a bidder learns once the result is out: its own points, and the file to recompute them by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any

from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical
from marketplace.base.errors import NotFound
from marketplace.bidding.models import Bid
from marketplace.committee import arithmetic
from marketplace.committee.models import Panel, PanelState, Report, Score, SheetState
from marketplace.committee.queries.documents import blinded
from marketplace.committee.queries.panels import names_are_public
from marketplace.scenarios.models import Scenario, State


@dataclass(frozen=True)
class CriterionFeedback:
    """One criterion of the own bid: mean and median of the judges' points, and their reasons."""

    code: str
    name: str
    weight: str
    points: Decimal
    median: Decimal
    reasons: list[str]
    vetoes: int


def result_is_out(scenario: Scenario) -> bool:
    """From the publicity on, or once the demand failed after its review."""
    if scenario.state == State.FAILED:
        return Panel.objects.filter(scenario=scenario, state=PanelState.REPORTED).exists()
    return names_are_public(scenario)


def feedback_of(bid: Bid, body: Mapping[str, Any]) -> list[CriterionFeedback]:
    """Of the bid that the caller may see; empty for one that was not scored.

    Reasons come without who wrote them, in an order that does not tell it either.
    """
    row = next((r for r in body["bids"] if r["blind_code"] == bid.blind_code), None)
    if row is None or not row["points"]:
        return []
    reasons = _reasons(bid)
    found = []
    for criterion in body["criteria"]:
        code = criterion["code"]
        given = [Decimal(points[code]) for points in row["points"].values() if code in points]
        if given:
            found.append(
                CriterionFeedback(
                    code=code,
                    name=criterion["name"],
                    weight=criterion["weight"],
                    points=arithmetic.mean(given),
                    median=arithmetic.half_up(median(given)),
                    reasons=reasons.get(code, []),
                    vetoes=len(row.get("vetoes", {}).get(code, {})),
                )
            )
    return found


def _reasons(bid: Bid) -> dict[str, list[str]]:
    rows = Score.objects.filter(sheet__bid=bid, sheet__state=SheetState.LOCKED).exclude(comment="")
    found: dict[str, list[str]] = {}
    for code, comment in rows.order_by("comment", "pk").values_list("criterion__code", "comment"):
        found.setdefault(code, []).append(comment)
    return found


def score_file(actor: Actor, scenario: Scenario) -> bytes:
    """The blinded score file, for who reads the report and, with the result, for each bidder.

    Raises NotFound for everybody else, and for bidders before the result is out.
    """
    report = Report.objects.visible_to(actor).filter(scenario=scenario).first()
    if report is None and actor.organisation_id and result_is_out(scenario):
        took_part = Bid.objects.filter(
            scenario=scenario, organisation=actor.organisation_id, ranking__isnull=False
        )
        if took_part.exists():
            report = Report.objects.filter(scenario=scenario).first()
    if report is None:
        raise NotFound
    return canonical(blinded(json.loads(bytes(report.body))))
