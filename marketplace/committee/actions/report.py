from __future__ import annotations

import hashlib
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical, plain
from marketplace.base.errors import StateConflict, TooEarly
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.actions.eligibility import require_running
from marketplace.bidding.models import Bid, BidState
from marketplace.committee import arithmetic, queries
from marketplace.committee.models import (
    REPORT_MADE,
    Panel,
    PanelState,
    Ranking,
    Report,
)
from marketplace.committee.rules import can_finish_review
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.models import State as ScenarioState


@transaction.atomic
def finish_review(*, actor: Actor, scenario_uid: UUID) -> Report:
    """Add up the locked sheets and the opened prices, once, by the frozen formula.

    Leaves the report and its ranking for the members to sign; what follows from it waits for
    their words (committee.signing). Raises TooEarly until the prices are opened.
    """
    scenario = lock(Scenario, uid=scenario_uid)
    require(can_finish_review, actor, scenario)
    require_running(scenario)
    if scenario.state != ScenarioState.REVIEW:
        raise StateConflict(_("This demand is not in review."), code="review.state")
    panel = lock(Panel, scenario=scenario)
    if panel.state in REPORT_MADE:
        raise StateConflict(_("The report is made already."), code="review.made")
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
    document = plain(queries.report_document(scenario, panel, bids))
    lines = arithmetic.recompute(document)
    document |= plain(queries.ranked(document, lines))
    body = canonical(document)
    assert actor.user is not None, "a secretary is a person"
    report = Report.objects.create(
        scenario=scenario,
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        made_by=actor.user,
    )
    _keep_ranking(report, bids, lines)
    left = move(panel, PanelState.SIGNING)
    ledger.append(
        "report.made",
        actor=actor,
        subjects=[scenario.uid, panel.uid, report.uid],
        audience=Audience.OFFICE,
        from_state=left,
        to_state=panel.state,
        profile_version=queries.rules_of(scenario).label,
        inputs=document,
        data={"sha256": report.sha256},
    )
    return report


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
