"""Bids of the small world: a complete one, and the way through an opening."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.bidding.actions import (
    confirm_opening,
    request_first_opening,
    request_price_opening,
    submit_bid,
)
from marketplace.bidding.challenges import opening_challenge
from marketplace.bidding.models import Bid, BidVersion, Opening, OpeningStage
from marketplace.bidding.opener import open_confirmed
from marketplace.ledger import actions as ledger
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions import close_scenario
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.queries import closes_at
from tests import world

__all__ = ["bid", "close", "forms", "identity", "open_first", "request_first_opening"]


def forms(**changes: Any) -> dict[str, dict[str, Any]]:
    """The three forms of a bid to `world.published_scenario`; `price__note="…"` changes one."""
    made: dict[str, dict[str, Any]] = {
        "business": {
            "legal_representative": "赵代一",
            "contact_name": "钱联一",
            "contact_phone": "021-00000701",
            "contact_email": "bid@test.invalid",
            "project_leader": "孙项一",
            "team": [{"name": "孙项一", "role": "项目负责人", "years": 9}],
            "consortium": [],
            "condition_statements": {"Q1": "三个同类项目。", "Q2": "承诺保密。"},
            "related_parties": "无利害关系。",
            "accepts_terms": True,
        },
        "technical": {
            "approach": "以被动方式采集，离线建模。",
            "commitments": {"M1": "99.2"},
            "plan": [{"month": 2, "result": "样机"}, {"month": 6, "result": "验收"}],
            "risks": "数据不足。",
            "resources": "六人。",
        },
        "price": {
            "total_cny": "900000.00",
            "tax_rate_percent": "6",
            "nodes": [
                {"name": "签约", "amount_cny": "270000.00"},
                {"name": "中期", "amount_cny": "360000.00"},
                {"name": "验收", "amount_cny": "270000.00"},
            ],
            "note": "",
        },
    }
    for path, value in changes.items():
        envelope, name = path.split("__", 1)
        made[envelope][name] = value
    return made


AGREEMENT = ("agreement.pdf", "联合体协议（虚构）".encode())
CONSORTIA = {"consortium_allowed": True, "consortium_members_max": 3}


def member(organisation: Any, share: str = "10") -> dict[str, str]:
    """A row of a consortium; `organisation` has a name and a code."""
    return {
        "name": organisation.name,
        "uscc": organisation.uscc,
        "work": "部件供货",
        "share_percent": share,
    }


def consortium(*members: dict[str, str], **changes: Any) -> dict[str, Any]:
    """What `forms` takes to make the bidder the lead of these members."""
    rest = 100 - sum(Decimal(row["share_percent"]) for row in members)
    return {
        "business__consortium": list(members),
        "business__lead_work": "总体方案与集成",
        "business__lead_share_percent": str(rest),
        "business__consortium_agreement": AGREEMENT[0],
        "business__joint_liability": True,
    } | {f"business__{name}": value for name, value in changes.items()}


def bid_with(scenario: Scenario, actor: Actor, *members: dict[str, str]) -> BidVersion:
    """The bid of a consortium with its agreement."""
    return bid(scenario, actor, {"business": [AGREEMENT]}, **consortium(*members))


def bid(
    scenario: Scenario, actor: Actor | None = None, files: Any = None, **changes: Any
) -> BidVersion:
    actor = actor or world.vendor()
    return submit_bid(
        actor=actor, scenario_uid=scenario.uid, forms=forms(**changes), files=files or {}
    )


def identity() -> str:
    return Path(settings.OPENER_IDENTITY_FILE).read_text().strip()


def pass_deadline(scenario: Scenario, site_clock: Any) -> None:
    site_clock.move(closes_at(scenario) - clock.now())


def close(scenario: Scenario, site_clock: Any) -> Opening | None:
    """Let the deadline pass and record it. Returns the opening that was asked for."""
    world.announce(scenario)
    pass_deadline(scenario, site_clock)
    close_scenario(scenario_uid=scenario.uid)
    scenario.refresh_from_db()
    return Opening.objects.standing().filter(scenario=scenario).first()


def confirm(scenario: Scenario, stage: str = OpeningStage.FIRST) -> Opening:
    for holder in world.key_holder_actors(scenario):
        given = answer(scenario, holder, stage)
        opening = confirm_opening(actor=holder, scenario_uid=scenario.uid, stage=stage, **given)
    return opening


def request_prices(scenario: Scenario, secretary: Actor) -> None:
    """As the committee does once every sheet is locked, which its log entry says."""
    with transaction.atomic():
        ledger.append(
            "panel.technical_locked",
            actor=secretary,
            subjects=[scenario.uid],
            audience=Audience.PUBLIC,
            data={"scenario": scenario.uid},
        )
        request_price_opening(scenario=scenario, actor=secretary)


def answer(scenario: Scenario, holder: Actor, stage: str = OpeningStage.FIRST) -> dict[str, Any]:
    """What the holder's key says to the opening that waits, with everything in the log."""
    world.announce(scenario)
    sequencer.seal_batch()
    asked = opening_challenge(Opening.objects.standing().get(scenario=scenario, stage=stage))
    assert asked is not None, "the closing is in the log"
    key = world.holder_key(holder.person)
    return {"tree_size": asked.tree_size, "assertion": key.answer(asked.challenge)}


def open_first(scenario: Scenario, site_clock: Any) -> list[Bid]:
    """Close, confirm and open. Returns the bids by id."""
    close(scenario, site_clock)
    confirm(scenario)
    assert open_confirmed(identity()) == 1
    scenario.refresh_from_db()
    return list(Bid.objects.filter(scenario=scenario).order_by("pk"))


def in_transaction(action: Any, **given: Any) -> Any:
    with transaction.atomic():
        return action(**given)


def waiting(site_clock):
    scenario = world.published_scenario()
    bid(scenario)
    close(scenario, site_clock)
    return scenario
