"""The steps of an award, in one line each."""

from __future__ import annotations

from typing import Any

from marketplace.awards import actions
from marketplace.awards.models import Decision
from marketplace.base.actor import Actor
from marketplace.bidding.models import Bid
from marketplace.scenarios.models import AwardMode, Scenario
from tests import world
from tests.committee import factories


def owner_of(scenario: Scenario) -> Actor:
    return world.member(scenario.organisation)


def choose(scenario: Scenario, code: str, reason: str = "", actor: Actor | None = None) -> Decision:
    return actions.choose_winner(
        actor=actor or owner_of(scenario),
        scenario_uid=scenario.uid,
        bid_uid=Bid.objects.get(scenario=scenario, blind_code=code).uid,
        reason=reason,
    )


def minutes(
    scenario: Scenario, code: str, number: str = "纪〔2026〕3号", actor: Actor | None = None
) -> Decision:
    return actions.decide_by_minutes(
        actor=actor or world.officer(),
        scenario_uid=scenario.uid,
        bid_uid=Bid.objects.get(scenario=scenario, blind_code=code).uid,
        minutes_number=number,
    )


def decided(bids: int = 1, **fields: Any) -> Decision:
    """B1 decided, in the scenario's own way."""
    scenario = factories.reported(bids, **fields)
    way = minutes if scenario.award_mode == AwardMode.COLLECTIVE else choose
    return way(scenario, "B1")


def publicised(bids: int = 1, **fields: Any) -> Decision:
    decision = decided(bids, **fields)
    actions.publicise(actor=world.officer(), decision_uid=decision.uid)
    decision.refresh_from_db()
    return decision
