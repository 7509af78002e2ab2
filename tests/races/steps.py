"""The steps of an entry, in one line each."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.bidding.models import Bid, BidState
from marketplace.committee.models import Panel, PanelState, Ranking, Report
from marketplace.races.entry import actions
from marketplace.races.models import Entrant, Race, RaceAgreement
from marketplace.scenarios.models import AwardMode, Scenario, State
from tests import world
from tests.races import factories


def to_be_decided(bids: int = 3, plan: dict[str, Any] | None = None, **fields: Any) -> Scenario:
    """A race demand with a report, so many candidates and its frozen design, written directly."""
    fields = {"organising_mode": "race", "race_entrants": 3} | fields
    scenario = reported(bids, **fields)
    factories.design(scenario, plan)
    return scenario


def reported(bids: int, **fields: Any) -> Scenario:
    """B1 is the best. The review itself is the committee's matter and left out."""
    fields = {"profile": world.profile("D"), "state": State.DECISION} | fields
    scenario = world.published_scenario(**fields)
    body = b"{}"
    secretary = world.secretary().user
    Panel.objects.create(scenario=scenario, state=PanelState.REPORTED, appointed_by=secretary)
    report = Report.objects.create(
        scenario=scenario,
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        made_by=secretary,
    )
    now = clock.now()
    for place in range(1, bids + 1):
        bid = Bid.objects.create(
            scenario=scenario,
            organisation=world.vendor().organisation,
            state=BidState.CANDIDATE,
            blind_code=f"B{place}",
            price_cny=Decimal(800_000 + 10_000 * place),
            price_opened_at=now,
        )
        points = Decimal(90 - 5 * place)
        Ranking.objects.create(
            report=report, bid=bid, place=place, technical=points, team=0, price=0, total=points
        )
    return scenario


def decider(scenario: Scenario) -> Actor:
    if scenario.award_mode == AwardMode.COLLECTIVE:
        return world.officer()
    return world.member(scenario.organisation)


def shortlisted(bids: int = 3, **fields: Any) -> Race:
    scenario = to_be_decided(bids, **fields)
    return actions.shortlist(
        actor=decider(scenario), scenario_uid=scenario.uid, minutes_number="纪〔2026〕5号"
    )


def publicised(bids: int = 3, **fields: Any) -> Race:
    race = shortlisted(bids, **fields)
    actions.publicise_shortlist(actor=world.officer(), race_uid=race.uid)
    return Race.objects.get(pk=race.pk)


def agreeing(clock_: Any, bids: int = 3, **fields: Any) -> Race:
    race = publicised(bids, **fields)
    clock_.move(race.notice.ends_at - clock.now())
    actions.offer_agreements(actor=world.officer(), race_uid=race.uid)
    return Race.objects.get(pk=race.pk)


def agreement_of(race: Race, place: int) -> RaceAgreement:
    return RaceAgreement.objects.get(entrant__race=race, entrant__place=place)


def vendor_of(race: Race, place: int) -> Actor:
    return world.member(Entrant.objects.get(race=race, place=place).organisation)


def accept(race: Race, place: int, *sides: str) -> None:
    row = agreement_of(race, place)
    for side in sides or ("vendor", "owner"):
        owner = side == "owner"
        actor = world.member(race.scenario.organisation) if owner else vendor_of(race, place)
        actions.accept_agreement(actor=actor, agreement_uid=row.uid, sha256=row.sha256)


def racing(clock_: Any, bids: int = 3, **fields: Any) -> Race:
    race = agreeing(clock_, bids, **fields)
    for place in range(1, bids + 1):
        accept(race, place)
    actions.start_race(actor=world.officer(), race_uid=race.uid)
    return Race.objects.get(pk=race.pk)
