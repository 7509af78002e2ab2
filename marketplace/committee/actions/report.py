from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical, plain
from marketplace.base.errors import StateConflict, TooEarly
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.actions.eligibility import require_running
from marketplace.bidding.models import Bid, BidState, BidVersion
from marketplace.committee import arithmetic, queries
from marketplace.committee.models import (
    MemberState,
    Panel,
    PanelMember,
    PanelState,
    Ranking,
    Report,
    Score,
    SheetState,
)
from marketplace.committee.rules import can_finish_review
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions import record_failure
from marketplace.scenarios.models import Criterion, Scenario
from marketplace.scenarios.models import State as ScenarioState

BODY_TYPE = "jiebang-report/1"


@transaction.atomic
def finish_review(*, actor: Actor, scenario_uid: UUID) -> Report:
    """Add up the locked sheets and the opened prices, once, by the frozen formula.

    Leaves the report, its ranking, candidates and losers; the scenario is to be decided, or has
    failed when nobody reaches the pass line. Raises TooEarly until the prices are opened.
    """
    scenario = lock(Scenario, uid=scenario_uid)
    require(can_finish_review, actor, scenario)
    require_running(scenario)
    if scenario.state != ScenarioState.REVIEW:
        raise StateConflict(_("This demand is not in review."), code="review.state")
    panel = lock(Panel, scenario=scenario)
    if panel.state != PanelState.PRICE:
        raise TooEarly(_("Not every sheet is locked yet."), code="review.sheets_open")
    if not queries.price_opening_finished(scenario):
        raise TooEarly(_("The price envelopes are not opened yet."), code="review.prices_closed")
    bids = list(
        Bid.objects.select_for_update(of=("self",))
        .filter(scenario=scenario, state=BidState.ELIGIBLE)
        .select_related("organisation")
        .order_by("pk")
    )
    document = plain(report_document(scenario, panel, bids))
    lines = arithmetic.recompute(document)
    document["ranking"] = [plain(as_row(line)) for line in lines]
    body = canonical(document)
    assert actor.user is not None, "a secretary is a person"
    report = Report.objects.create(
        scenario=scenario,
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        made_by=actor.user,
    )
    _keep_ranking(report, bids, lines)
    move(panel, PanelState.REPORTED)
    candidates = sum(line.candidate for line in lines)
    left = scenario.state
    if candidates:
        move(scenario, ScenarioState.DECISION)
    ledger.append(
        "review.finished",
        actor=actor,
        subjects=[panel.uid, report.uid, scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=scenario.state,
        profile_version=queries.rules_of(scenario).label,
        inputs=document,
        # Everybody may know that it ended and what was fixed; how many stood, only the report says.
        data={"sha256": report.sha256},
    )
    if not candidates:
        with override(settings.LANGUAGE_CODE):
            reason = str(_("No valid bid reached the pass line."))
        record_failure(scenario=scenario, actor=actor, failure="below_pass_line", reason=reason)
    return report


def report_document(scenario: Scenario, panel: Panel, bids: list[Bid]) -> dict[str, Any]:
    """Everything from which the ranking follows, as plain values. See arithmetic.recompute."""
    profile = queries.rules_of(scenario)
    assert scenario.budget_cny is not None, "a published scenario has a budget"
    criteria = Criterion.objects.filter(scenario=scenario).order_by("position", "pk")
    pass_line = scenario.pass_line_percent
    if pass_line is None:
        pass_line = profile.number("pass_line")
    received = _received(bids)
    arrival = sorted(bids, key=lambda bid: (received[bid.pk].received_at, received[bid.pk].pk))
    points = _points(panel)
    recused = PanelMember.objects.filter(panel=panel, state=MemberState.RECUSED).order_by("pk")
    return {
        "type": BODY_TYPE,
        "formula": arithmetic.FORMULA,
        "scenario": {"uid": scenario.uid, "ref": scenario.ref},
        "profile": profile.label,
        "rules": {
            "trim_extremes": profile.says("trim_extremes"),
            "trim_panel_min": profile.count("trim_panel_min"),
            "pass_line_percent": pass_line,
            "recommend_max": profile.count("recommend_max"),
            "budget_cny": scenario.budget_cny,
        },
        "criteria": [
            {"code": c.code, "name": c.name, "kind": c.kind, "weight": c.weight} for c in criteria
        ],
        "judges": list(queries.active(panel).values_list("code", flat=True)),
        "recused": list(recused.values_list("code", flat=True)),
        "bids": [
            {
                "uid": bid.uid,
                "blind_code": bid.blind_code,
                "organisation": bid.organisation.name,
                "price_cny": bid.price_cny,
                "received_at": received[bid.pk].received_at,
                "receipt_order": arrival.index(bid) + 1,
                "points": points.get(bid.pk, {}),
            }
            for bid in sorted(bids, key=lambda bid: bid.blind_code)
        ],
    }


def as_row(line: arithmetic.Line) -> dict[str, Any]:
    """A line of the ranking as it stands in the report's body."""
    return {
        "place": line.place,
        "candidate": line.candidate,
        "invalid": line.invalid,
        "blind_code": line.code,
        "technical": _stage(line.technical),
        "team": _stage(line.team),
        "price": line.price,
        "total": line.total,
    }


def _stage(stage: arithmetic.Stage) -> dict[str, Any]:
    return {
        "totals": stage.totals,
        "left_out": stage.left_out,
        "raw": stage.raw,
        "score": stage.score,
    }


def _received(bids: list[Bid]) -> dict[int, BidVersion]:
    """{bid id: its last version, the one that was opened}."""
    versions = BidVersion.objects.filter(bid__in=bids).order_by("number")
    return {version.bid_id: version for version in versions}


def _points(panel: Panel) -> dict[int, dict[str, dict[str, Decimal]]]:
    """{bid id: {judge code: {criterion code: points}}} of every standing sheet."""
    rows = Score.objects.filter(
        sheet__member__in=queries.active(panel), sheet__state=SheetState.LOCKED
    ).order_by("sheet__member_id", "criterion__position")
    found: dict[int, dict[str, dict[str, Decimal]]] = {}
    for bid, judge, code, points in rows.values_list(
        "sheet__bid_id", "sheet__member__code", "criterion__code", "points"
    ):
        assert points is not None, "a locked sheet has all its points"
        found.setdefault(bid, {}).setdefault(judge, {})[code] = points
    return found


def _keep_ranking(report: Report, bids: list[Bid], lines: list[arithmetic.Line]) -> None:
    by_code = {bid.blind_code: bid for bid in bids}
    Ranking.objects.bulk_create(
        Ranking(
            report=report,
            bid=by_code[line.code],
            place=line.place,
            technical=line.technical.score,
            team=line.team.score,
            price=line.price,
            total=line.total,
        )
        for line in lines
    )
    for line in lines:
        move(by_code[line.code], BidState.CANDIDATE if line.candidate else BidState.LOST)
