from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marketplace.base.actor import Actor, Role
from marketplace.base.errors import NotFound
from marketplace.bidding.models import Bid, BidVersion
from marketplace.committee.defence.models import DefenceOrder, DefenceSlot, PanelQuestion
from marketplace.committee.models import Panel, PanelState, Sheet, SheetStage
from marketplace.committee.queries.panels import scored_bids
from marketplace.ledger import leaves
from marketplace.ledger.models import Event

# A question, and a defence, belong to this stage alone.
STAGE = PanelState.NAMED


@dataclass(frozen=True)
class Asked:
    """A question as one reader sees it. asker: empty for bidders and for fellow judges."""

    uid: UUID
    number: int
    text: str
    asked_at: datetime
    answer_by: datetime
    answer: str
    answered_at: datetime | None
    set_aside_reason: str
    set_aside_at: datetime | None
    asker: str
    own: bool
    code: str
    waits: bool


def asked(row: PanelQuestion, actor: Actor, now: datetime) -> Asked:
    """row: with its member and bid."""
    own = row.member.user_id == actor.user_id and actor.role == Role.EXPERT
    told = own or actor.is_office or actor.role == Role.INSPECTOR
    return Asked(
        row.uid,
        row.number,
        row.text,
        row.asked_at,
        row.answer_by,
        row.answer,
        row.answered_at,
        row.set_aside_reason,
        row.set_aside_at,
        row.member.code if told else "",
        own,
        # A bidder learns its own code with its result.
        "" if actor.organisation_id and not actor.is_office else row.bid.blind_code,
        row.answered_at is None and now < row.answer_by,
    )


def questions_of(actor: Actor, bids: list[Bid], now: datetime) -> list[Asked]:
    rows = PanelQuestion.objects.visible_to(actor).filter(bid__in=bids)
    found = rows.select_related("member", "bid").order_by("bid__blind_code", "number")
    return [asked(row, actor, now) for row in found]


def slots_of(actor: Actor, panel: Panel) -> list[DefenceSlot]:
    """Those that the actor sees, in their order."""
    rows = DefenceSlot.objects.visible_to(actor).filter(panel=panel)
    return list(rows.select_related("bid__organisation").order_by("starts_at", "position"))


def own_bid(actor: Actor, bid_uid: UUID) -> Bid:
    """The actor's own organisation's bid. Raises NotFound, also before anybody may be asked."""
    rows = Bid.objects.visible_to(actor).filter(uid=bid_uid, organisation=actor.organisation_id)
    bid = rows.select_related("scenario__profile").first() if actor.organisation_id else None
    if bid is None:
        raise NotFound
    return bid


def waits_for_bidder(sheet: Sheet, now: datetime) -> bool:
    """A question of this bid still has time to be answered, or its defence is not recorded."""
    if sheet.stage != SheetStage.NAMED:
        return False
    asked_now = PanelQuestion.objects.unanswered().filter(bid=sheet.bid_id, answer_by__gt=now)
    return asked_now.exists() or (
        DefenceSlot.objects.filter(bid=sheet.bid_id, recorded_at=None).exists()
    )


def in_order(panel: Panel, order: str) -> list[Bid]:
    """The bids that are scored, in the order of their defences.

    By lot: by SHA-256(the leaf that says that the blind stage is locked ‖ the bid's uid), which
    nobody could choose and everybody who knows the uids can compute anew.
    """
    bids = list(scored_bids(panel.scenario))
    if order == DefenceOrder.LOT:
        locked = Event.objects.filter(
            kind="panel.technical_locked", subjects__contains=[panel.uid]
        ).latest("pk")
        leaf = leaves.leaf_data(locked)
        return sorted(bids, key=lambda bid: hashlib.sha256(leaf + bid.uid.bytes).digest())
    rows = BidVersion.objects.filter(bid__in=bids).order_by("number")
    received = {row.bid_id: (row.received_at, row.pk) for row in rows}
    return sorted(bids, key=lambda bid: received[bid.pk])


def asks_bidder(bid: Bid) -> bool:
    """Whether there is anything for this bidder to read. For its own page."""
    if not bid.blind_code:  # not opened yet, so no panel knows of it
        return False
    slots = DefenceSlot.objects.filter(bid=bid)
    return slots.exists() or PanelQuestion.objects.filter(bid=bid).exists()


def unanswered_by(actor: Actor, now: datetime) -> list[PanelQuestion]:
    """For a bidder's desk, the nearest end first."""
    if not actor.writes or actor.is_office:
        return []
    rows = PanelQuestion.objects.visible_to(actor).unanswered().filter(answer_by__gt=now)
    open_now = rows.filter(member__panel__state=STAGE)
    parts = ("member__panel__scenario__organisation", "bid")
    return list(open_now.select_related(*parts).order_by("answer_by", "pk"))


def own_slot(actor: Actor, bid: Bid) -> DefenceSlot | None:
    return DefenceSlot.objects.visible_to(actor).filter(bid=bid).first()
