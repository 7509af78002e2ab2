"""Deciding on other members of a consortium, with a new check for conflicts."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.consortia.actions import REASON_MAX, require_changeable
from marketplace.bidding.consortia.models import ChangeState, ConsortiumChange, ConsortiumMember
from marketplace.bidding.consortia.opening import generation
from marketplace.bidding.models import Bid
from marketplace.bidding.rules import can_decide_consortium_change
from marketplace.committee import queries
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import Scenario


@transaction.atomic
def decide_consortium_change(
    *, actor: Actor, bid_uid: UUID, change_uid: UUID, approve: bool, reason: str
) -> ConsortiumChange:
    """An officer decides, with a reason that the lead is told.

    Raises Invalid with every conflict of a new member where it would be approved, StateConflict
    once it is decided.
    """
    found = Bid.objects.visible_to(actor).filter(uid=bid_uid).values("scenario_id").first()
    if found is None:
        raise NotFound
    # For the whole row: no panel is appointed while its conflicts with new members are looked for.
    scenario = lock(Scenario, pk=found["scenario_id"])
    bid = lock(Bid, uid=bid_uid)
    require(can_decide_consortium_change, actor, bid)
    change = ConsortiumChange.objects.select_for_update().filter(bid=bid, uid=change_uid).first()
    if change is None or change.state != ChangeState.REQUESTED:
        raise StateConflict(_("No such change waits for a decision."), code="consortium.decided")
    require_changeable(scenario, bid)
    words = reason.strip()
    errors: dict[str, list[str]] = {}
    if not words or len(words) > REASON_MAX:
        errors["reason"] = [_("Give a reason of at most %(limit)s characters; the bidder is told.")]
        errors["reason"] = [told % {"limit": REASON_MAX} for told in errors["reason"]]
    conflicts = queries.conflicts_of_change(change) if approve else []
    if conflicts:
        errors["approve"] = conflicts
    if errors:
        raise Invalid(
            code="consortium.conflict" if conflicts else "consortium.invalid",
            errors={name: [*told] for name, told in errors.items()},
        )
    change.decided_by, change.decided_at, change.decision_reason = actor.user, clock.now(), words
    decided = ("decided_by", "decided_at", "decision_reason")
    left = move(change, ChangeState.APPROVED if approve else ChangeState.REFUSED, also=decided)
    if approve:
        rows = generation(bid, change.replaces + 1, change.members)
        ConsortiumMember.objects.bulk_create(rows)
    ledger.append(
        "consortium.changed" if approve else "consortium.change_refused",
        actor=actor,
        subjects=[scenario.uid, bid.uid, change.uid],
        audience=Audience.PARTIES,
        from_state=left,
        to_state=change.state,
        reason=words,
    )
    return change
