"""Rows of the race room, for tests that begin in the middle of one."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from decimal import Decimal
from typing import Any

from marketplace.base import clock
from marketplace.base.canonical import canonical
from marketplace.bidding.models import Bid, BidState
from marketplace.races.design.freezing import document
from marketplace.races.models import Entrant, Heat, HeatEntry, Race, RaceDesign, ShortlistNotice
from marketplace.scenarios.models import Scenario, State
from tests import world


def measure(code: str = "recall", **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": "检出率",
        "name_en": "Detection rate",
        "kind": "automatic",
        "metric": "classification.macro_f1",
        "unit": "%",
        "direction": "higher",
        "target": "0.95",
        "pass_line": "0.8",
        "critical": True,
        "weight": 100,
    } | more


def heat(**more: Any) -> dict[str, Any]:
    return {
        "name": "初赛",
        "name_en": "First heat",
        "days": 14,
        "grant_cny": "100000.00",
        "keep": 2,
        "pass_score": "60.00",
        "objection_days": 3,
        "tester": "第三方检测机构",
        "evaluator": "classification",
        "settings": {"labels": ["normal", "attack"]},
        "attempts_day": 3,
        "attempts_total": 20,
        "public_percent": 30,
        "rounding": 2,
        "choice": "last",
        "measures": [measure()],
    } | more


def content(*heats: dict[str, Any], **more: Any) -> dict[str, Any]:
    rows = heats or (heat(), heat(name="决赛", name_en="Final", keep=1))
    return {
        "entrants": 3,
        "names": "codes",
        "tie": ["critical", "price", "receipt"],
        "heats": list(rows),
    } | more


def design(scenario: Scenario, plan: dict[str, Any] | None = None) -> RaceDesign:
    """Frozen, as a publication leaves it."""
    plan = plan or content()
    now = clock.now()
    body = canonical(document(scenario, plan))
    return RaceDesign.objects.create(
        scenario=scenario,
        content=plan,
        saved_by=scenario.author,
        saved_at=now,
        frozen_at=now,
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
    )


def race(entrants: int = 3, plan: dict[str, Any] | None = None, *, state: str = "racing") -> Race:
    """Of a demand in decision; everybody has agreed, the first heat is open for its days."""
    scenario = world.published_scenario(
        organising_mode="race", race_entrants=3, state=State.DECISION
    )
    made = RaceDesign.objects.filter(scenario=scenario).first() or design(scenario, plan)
    now = clock.now()
    began = {"agree_by": now} if state in {"agreeing", "racing"} else {}
    began |= {"started_at": now} if state == "racing" else {}
    row = Race.objects.create(
        scenario=scenario,
        design=made,
        state=state,
        shortlisted_by=scenario.author,
        shortlisted_at=now,
        **began,
    )
    ShortlistNotice.objects.create(
        race=row,
        body=b"{}",
        sha256=hashlib.sha256(b"{}").hexdigest(),
        starts_at=now,
        ends_at=now + timedelta(days=3),
        published_by=scenario.published_by,
    )
    starts = now
    for number, planned in enumerate(made.content["heats"], start=1):
        ends = starts + timedelta(days=planned["days"])
        Heat.objects.create(
            race=row,
            number=number,
            starts_at=starts,
            ends_at=ends,
            state="open" if number == 1 else "planned",
        )
        starts = ends
    first = row.heats.get(number=1)
    for number in range(1, entrants + 1):
        vendor = world.vendor()
        bid = Bid.objects.create(
            scenario=scenario,
            organisation=vendor.organisation,
            state=BidState.CANDIDATE,
            blind_code=f"B{number}",
            price_cny=Decimal(1_000_000 + number),
            price_opened_at=now,
        )
        entrant = Entrant.objects.create(
            race=row,
            bid=bid,
            organisation=bid.organisation,
            code=f"R{number}",
            place=number,
            state="racing",
            agreed_at=now,
        )
        HeatEntry.objects.create(
            heat=first, entrant=entrant, grant_cny=Decimal(made.content["heats"][0]["grant_cny"])
        )
    return row
