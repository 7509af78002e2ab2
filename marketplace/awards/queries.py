from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from marketplace.awards.models import Award, Decision, DecisionState, Publicity
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import NotFound
from marketplace.bidding.models import Bid, BidState
from marketplace.committee.models import Panel, PanelState, Ranking, Report
from marketplace.committee.queries import CriterionFeedback, feedback_of, opened_forms
from marketplace.races.queries import finalists
from marketplace.scenarios.models import Envelope, Scenario
from marketplace.scenarios.models import State as ScenarioState


@dataclass(frozen=True)
class Candidate:
    """One recommended bid beside the others, as the owner compares them."""

    bid: Bid
    ranking: Ranking
    technical: dict[str, Any]
    business: dict[str, Any]


def ranked(scenario: Scenario) -> QuerySet[Ranking]:
    rows = Ranking.objects.filter(report__scenario=scenario)
    return rows.select_related("bid__organisation").order_by(
        F("place").asc(nulls_last=True), "-total", "pk"
    )


def standing_candidates(scenario: Scenario) -> list[Ranking]:
    """Who can still be chosen, best first: those who refused are no candidates any more.

    After a race its winner, then its reserves; nobody whom it left behind.
    """
    left = list(ranked(scenario).filter(bid__state=BidState.CANDIDATE))
    order = finalists(scenario)
    if order is None:
        return left
    raced = [row for row in left if row.bid_id in order]
    return sorted(raced, key=lambda row: order.index(row.bid_id))


def candidates(actor: Actor, scenario: Scenario) -> list[Candidate]:
    """Side by side for the owner and the office, best first. Nothing for anybody else."""
    if actor.role == Role.EXPERT:
        return []  # who signs the report does not decide
    if not Report.objects.visible_to(actor).filter(scenario=scenario).exists():
        return []
    rows = [r for r in ranked(scenario) if r.place is not None]
    bids = Bid.objects.filter(pk__in=[row.bid_id for row in rows])
    technical = opened_forms(bids, Envelope.TECHNICAL)
    business = opened_forms(bids, Envelope.BUSINESS)
    return [
        Candidate(row.bid, row, technical.get(row.bid_id) or {}, business.get(row.bid_id) or {})
        for row in rows
        if row.bid.state != BidState.LOST
    ]


def standing_decision(actor: Actor, scenario: Scenario) -> Decision | None:
    """The one decision that was not refused, if this actor may know of it."""
    rows = Decision.objects.visible_to(actor).filter(scenario=scenario)
    rows = rows.exclude(state=DecisionState.REFUSED)
    return rows.select_related("bid__organisation", "scenario", "decided_by").first()


def notices(scenario: Scenario) -> list[Publicity]:
    """Every publicity of a scenario, the newest first. Public."""
    rows = Publicity.objects.filter(decision__scenario=scenario)
    return list(rows.select_related("decision").order_by("-starts_at", "-pk"))


def body_of(publicity: Publicity) -> dict[str, Any]:
    """What the notice says, from the frozen text."""
    return json.loads(bytes(publicity.body))


def award_of(scenario: Scenario) -> Award | None:
    return Award.objects.filter(scenario=scenario).order_by("-pk").first()


@dataclass(frozen=True)
class OwnResult:
    """What a bidder learns of his own bid from publicity on."""

    state: str
    place: int | None
    technical: Decimal | None
    team: Decimal | None
    price: Decimal | None
    total: Decimal | None
    reasons: list[str]
    blind_code: str
    criteria: list[CriterionFeedback]


def own_result(actor: Actor, bid: Bid) -> OwnResult:
    """Place, scores and reasons of the actor's own bid.

    Raises NotFound for somebody else's, and before a notice is published (or the scenario has
    failed after its review).
    """
    if actor.organisation_id is None or bid.organisation_id != actor.organisation_id:
        raise NotFound
    scenario = bid.scenario
    published = Publicity.objects.filter(decision__scenario=scenario).exists()
    reported = Panel.objects.filter(scenario=scenario, state=PanelState.REPORTED).exists()
    if not published and not (scenario.state == ScenarioState.FAILED and reported):
        raise NotFound
    ranking = Ranking.objects.filter(bid=bid).select_related("report").first()
    body = json.loads(bytes(ranking.report.body)) if ranking else None
    return OwnResult(
        state=bid.state,
        place=ranking.place if ranking else None,
        technical=ranking.technical if ranking else None,
        team=ranking.team if ranking else None,
        price=ranking.price if ranking else None,
        total=ranking.total if ranking else None,
        reasons=_reasons(bid, body),
        blind_code=bid.blind_code if ranking else "",
        criteria=feedback_of(bid, body) if body else [],
    )


def _reasons(bid: Bid, body: dict[str, Any] | None) -> list[str]:
    if body is None:
        told = _("The bid was not scored: %(state)s.") % {"state": bid.get_state_display()}
        return [told, *filter(None, [bid.void_reason])]
    row = next(r for r in body["ranking"] if r["blind_code"] == bid.blind_code)
    if row["place"] is None:
        return [_why_unplaced(row, body)]
    place = _("Place %(place)s of %(count)s scored bids.") % {
        "place": row["place"],
        "count": len(body["ranking"]),
    }
    return [place, _what_followed(bid, row["place"], int(body["rules"]["recommend_max"]))]


def _why_unplaced(row: dict[str, Any], body: dict[str, Any]) -> str:
    comma = _(", ")
    if row["invalid"] == "vetoed":
        return _("Enough judges vetoed it over %(items)s.") % {"items": comma.join(row["vetoed"])}
    if row["invalid"] == "below_minimum":
        items = [_("the technical stage") if c == "technical" else c for c in row["below"]]
        return _("It stays below the minimum of %(items)s.") % {"items": comma.join(items)}
    if row["invalid"] == "no_price":
        return _("The price envelope held no readable price.")
    if row["invalid"] == "over_budget":
        return _("The price is above the challenge budget.")
    return _("The total is below the pass line of %(percent)s %%.") % {
        "percent": body["rules"]["pass_line_percent"]
    }


def _what_followed(bid: Bid, place: int, recommended: int) -> str:
    if place > recommended:
        return _("Not among the %(count)s that the panel may recommend.") % {"count": recommended}
    decision = Decision.objects.filter(bid=bid).order_by("-pk").first()
    if decision is None:
        if bid.scenario.state == ScenarioState.DECISION:
            return _("Recommended by the panel; the award is being decided.")
        return _("Recommended by the panel; another candidate was chosen.")
    return {
        DecisionState.PROPOSED: _("Recommended by the panel; the award is being decided."),
        DecisionState.PUBLICISED: _("Proposed for the award; it is in publicity."),
        DecisionState.CONFIRMED: _("The award is confirmed."),
        DecisionState.REFUSED: _("The award was offered and refused."),
        DecisionState.ANNULLED: _("The decision was annulled after a challenge."),
    }[DecisionState(decision.state)]
