"""An opening that can never happen: one officer declares it with evidence, another agrees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict, Text
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.actions.eligibility import void_bid
from marketplace.bidding.actions.opening import STAGE_STATE
from marketplace.bidding.failed.barriers import HOLDERS, barrier
from marketplace.bidding.failed.models import (
    NUMBER_MOST,
    REASON_MOST,
    FailedOpening,
    FailureCause,
    FailureState,
)
from marketplace.bidding.failed.queries import facts
from marketplace.bidding.models import Bid, BidState, Opening, OpeningStage, OpeningState
from marketplace.bidding.record import making as record
from marketplace.bidding.rules import can_decide_failed_opening, can_declare_failed_opening
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions import record_failure
from marketplace.scenarios.models import Scenario

FAILURE = "opening_impossible"
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
BARRED = {
    "too_early": gettext_lazy(
        "The waiting time of the rules is not over: until then keys may still be found."
    ),
    "opener_able": gettext_lazy(
        "The opener has unwrapped the keys of these envelopes within the last 24 hours: its"
        " identity is not lost."
    ),
    "unknown_holder": gettext_lazy("Only holders announced with the demand can have lost a key."),
    "holder_confirmed": gettext_lazy(
        "A holder who is said to have lost the key has confirmed this opening with it."
    ),
    "enough_left": gettext_lazy(
        "As many holders as are needed are left: the opening can still be confirmed."
    ),
}
# What stood when the opening was given up; all else has ended already.
STANDING = (BidState.SUBMITTED, BidState.OPENED, BidState.ELIGIBLE)


@transaction.atomic
def declare_failed_opening(
    *,
    actor: Actor,
    opening_uid: UUID,
    cause: str,
    reason: str,
    evidence_number: str,
    evidence_sha256: str,
    lost: Sequence[UUID] = (),
) -> FailedOpening:
    """Say that it can never happen, with evidence; nothing ends before a second officer agrees.

    lost: the holders whose keys are lost, where that is the cause. Raises Invalid for what is
    missing, StateConflict where the opening is over, one is declared already, or where it could
    still happen (`opening.too_early`, `.opener_able`, `.holder_confirmed`, `.enough_left`).
    """
    opening = found(actor, opening_uid)
    require(can_declare_failed_opening, actor, opening.scenario)
    reason, number, sha256 = reason.strip(), evidence_number.strip(), evidence_sha256.strip()
    errors: dict[str, list[Text]] = {}
    if cause not in FailureCause.values:
        errors["cause"] = [_("Choose what was lost.")]
    if not reason or len(reason) > REASON_MOST or "\x00" in reason:
        errors["reason"] = [_("Write in 1 to 2000 characters what happened and what was tried.")]
    if not number or len(number) > NUMBER_MOST or "\x00" in number:
        errors["evidence_number"] = [_("Give the number of the document that shows it.")]
    if not SHA256.fullmatch(sha256):
        errors["evidence_sha256"] = [_("Give the SHA-256 of that document: 64 hex digits.")]
    if (cause == HOLDERS) != bool(lost):
        errors["lost"] = [_("Name the holders whose keys are lost, and only for that cause.")]
    if errors:
        raise Invalid(errors=errors)
    named = sorted(set(lost))
    if opening.failures.exclude(state=FailureState.DISMISSED).exists():
        raise StateConflict(_("This is declared already."), code="opening.declared")
    require_impossible(opening, cause=cause, lost=named, now=clock.now())
    row = FailedOpening.objects.create(
        opening=opening,
        cause=cause,
        lost=named,
        reason=reason,
        evidence_number=number,
        evidence_sha256=sha256,
        declared_by=actor.person,
    )
    ledger.append(
        "opening.failure_declared",
        actor=actor,
        subjects=[opening.scenario.uid, row.uid, opening.uid],
        audience=Audience.OFFICE,
        to_state=row.state,
        reason=reason,
        inputs={"evidence_number": number, "evidence_sha256": sha256, "lost": named},
        data={"stage": opening.stage, "cause": cause},
    )
    return row


@transaction.atomic
def confirm_failed_opening(*, actor: Actor, failure_uid: UUID) -> FailedOpening:
    """The second officer agrees: the demand fails and its bids are void, by no bidder's fault.

    What spoke against it is asked again: a holder who has confirmed meanwhile, or an opener that
    was heard of, keeps the opening alive.
    """
    row = decided(actor, failure_uid, FailureState.CONFIRMED)
    opening = row.opening
    scenario = opening.scenario
    now = row.decided_at
    assert now is not None, "it was just decided"
    require_impossible(opening, cause=row.cause, lost=row.lost, now=now)
    opening.finished_at = now
    left = move(opening, OpeningState.IMPOSSIBLE, also=("finished_at",))
    composed = record.compose(opening, None, failure=row)
    event = ledger.append(
        "opening.failed",
        actor=actor,
        subjects=[opening.uid, scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=opening.state,
        reason=row.reason,
        inputs=composed[0],
        data={
            "stage": opening.stage,
            "cause": row.cause,
            "confirmations_needed": opening.confirmations_needed,
            "keys_lost": len(row.lost),
            "evidence_sha256": row.evidence_sha256,
        },
    )
    record.keep(opening, composed, event)
    with override(settings.LANGUAGE_CODE):
        words = _("The opening can never happen. No bidder is at fault.")
    bids = Bid.objects.select_for_update().filter(scenario=scenario, state__in=STANDING)
    for bid in bids.order_by("pk"):
        void_bid(actor=actor, scenario=scenario, bid=bid, reason=words)
    record_failure(scenario=scenario, actor=actor, failure=FAILURE, reason=words)
    return row


@transaction.atomic
def dismiss_failed_opening(*, actor: Actor, failure_uid: UUID) -> FailedOpening:
    """The second officer does not agree; the opening waits on, and may be declared anew."""
    row = decided(actor, failure_uid, FailureState.DISMISSED)
    ledger.append(
        "opening.failure_dismissed",
        actor=actor,
        subjects=[row.opening.scenario.uid, row.uid, row.opening.uid],
        audience=Audience.OFFICE,
        from_state=FailureState.DECLARED,
        to_state=row.state,
    )
    return row


def found(actor: Actor, opening_uid: UUID) -> Opening:
    """The opening and its demand, both locked."""
    seen = Opening.objects.visible_to(actor).filter(uid=opening_uid).values("scenario_id").first()
    if seen is None:
        raise NotFound
    scenario = lock(Scenario, pk=seen["scenario_id"])
    opening = lock(Opening, uid=opening_uid)
    opening.scenario = scenario
    return opening


def decided(actor: Actor, failure_uid: UUID, to: FailureState) -> FailedOpening:
    seen = FailedOpening.objects.visible_to(actor).filter(uid=failure_uid)
    opening_uid = seen.values_list("opening__uid", flat=True).first()
    if opening_uid is None:
        raise NotFound
    opening = found(actor, opening_uid)
    row = lock(FailedOpening, uid=failure_uid)
    row.opening = opening
    require(can_decide_failed_opening, actor, row)
    row.decided_by, row.decided_at = actor.person, clock.now()
    move(row, to, also=("decided_by", "decided_at"))
    return row


def require_impossible(
    opening: Opening, *, cause: str, lost: Sequence[UUID], now: datetime
) -> None:
    """Raise StateConflict where the opening is over, or could still happen."""
    if opening.state not in {OpeningState.WAITING, OpeningState.CONFIRMED}:
        raise StateConflict(_("This opening has ended."), code="opening.state")
    if opening.scenario.state != STAGE_STATE[OpeningStage(opening.stage)]:
        raise StateConflict(code="scenario.state")
    if code := barrier(facts(opening, cause=cause, lost=lost, now=now)):
        raise StateConflict(BARRED[code], code=f"opening.{code}")
