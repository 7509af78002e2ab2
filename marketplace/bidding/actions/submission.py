"""Submitting, revising and withdrawing: what happens strictly before the deadline."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import digest
from marketplace.base.errors import (
    DomainError,
    Invalid,
    NotFound,
    StateConflict,
    TooMany,
)
from marketplace.base.idempotency import Once
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.forms_schema import File, Form
from marketplace.bidding.models import (
    Bid,
    BidState,
    BidVersion,
    SealedEnvelope,
    VersionKind,
)
from marketplace.bidding.rules import can_bid, can_withdraw_bid
from marketplace.bidding.sealing import SealedFile, check_stored, discard, seal_bid
from marketplace.bidding.windows import require_before_deadline, require_open
from marketplace.ledger import actions as ledger
from marketplace.ledger import receipts
from marketplace.ledger.models import Audience, Receipt
from marketplace.scenarios.models import Envelope, EnvelopeKey, Scenario, State

VERSIONS_MAX = 50
STATEMENT = {
    "zh": "本回执证明收到的内容和时间，不证明该揭榜文件能够被打开。",
    "en": "This receipt proves what was received and when. "
    "It does not prove that the bid can be opened.",
}


def submit_bid(
    *,
    actor: Actor,
    scenario_uid: UUID,
    forms: Mapping[str, Form],
    files: Mapping[str, Sequence[File]] | None = None,
    idempotency_key: str = "",
) -> BidVersion:
    """Seal on the server, then submit. Sealed files that no bid points to are removed.

    What cannot succeed anyway is refused before anything is sealed; the answer that counts is
    given under the lock by `submit_sealed_bid`.
    """
    scenario = Scenario.objects.visible_to(actor).filter(uid=scenario_uid).first()
    if scenario is None:
        raise NotFound
    require(can_bid, actor, scenario)
    if not idempotency_key:  # a repeated request is answered even after the deadline
        require_open(scenario, clock.now())
    assert actor.organisation is not None, "the rule asked for one"
    sealed = seal_bid(scenario=scenario, organisation=actor.organisation, forms=forms, files=files)
    try:
        version = submit_sealed_bid(
            actor=actor, scenario_uid=scenario_uid, sealed=sealed, idempotency_key=idempotency_key
        )
    except DomainError:
        # Only a refusal is sure to have left nothing; a lost connection may hide a commit.
        discard(sealed)
        raise
    kept = set(version.envelopes.values_list("stored_name", flat=True))
    discard(file for file in sealed if file.stored_name not in kept)
    return version


@transaction.atomic
def submit_sealed_bid(
    *,
    actor: Actor,
    scenario_uid: UUID,
    sealed: Sequence[SealedFile],
    idempotency_key: str = "",
) -> BidVersion:
    """The deadline's transaction: create, revise or resubmit the organisation's bid.

    The clock is read when scenario (shared) and bid (exclusive) are locked, so neither a slow
    upload nor a wait for the lock gains time. Raises DeadlinePassed, StateConflict, TooMany,
    Invalid (not three envelopes, or not sealed) and KeyReused.
    """
    if not Scenario.objects.visible_to(actor).filter(uid=scenario_uid).exists():
        raise NotFound
    once = None
    if idempotency_key:
        content = digest({file.envelope: file.content_mark or file.sha256 for file in sealed})
        once = Once(
            actor=actor,
            route=f"bid.submit:{scenario_uid}",
            key=idempotency_key,
            body=content.hex(),
        )
        earlier = once.begin()
        if earlier is not None:
            return BidVersion.objects.select_related("receipt", "bid").get(uid=earlier)
    if sorted(file.envelope for file in sealed) != sorted(Envelope.values):
        raise Invalid(_("A bid is exactly three sealed envelopes."), code="bid.envelopes")
    check_stored(sealed)

    scenario = lock_shared(Scenario, uid=scenario_uid)
    require(can_bid, actor, scenario)
    bid, fresh = Bid.objects.select_for_update().get_or_create(
        scenario=scenario, organisation=actor.organisation
    )
    now = clock.now()
    require_open(scenario, now)
    if bid.versions_count >= VERSIONS_MAX:
        raise TooMany(
            _("A bid may be submitted %(most)s times, and this one was."),
            code="bid.versions_limit",
            most=VERSIONS_MAX,
        )
    again = not fresh and bid.state == BidState.SUBMITTED
    left = "" if fresh else bid.state
    if not fresh and not again:
        move(bid, BidState.SUBMITTED)
    version = add_version(
        actor=actor,
        scenario=scenario,
        bid=bid,
        kind=VersionKind.SUBMITTED,
        received_at=now,
        envelopes=[
            {"envelope": file.envelope, "sha256": file.sha256, "size": file.size}
            for file in sorted(sealed, key=lambda file: Envelope.values.index(file.envelope))
        ],
    )
    recipients = dict(
        EnvelopeKey.objects.filter(scenario=scenario).values_list("envelope", "recipient")
    )
    SealedEnvelope.objects.bulk_create(
        SealedEnvelope(
            version=version,
            envelope=file.envelope,
            stored_name=file.stored_name,
            sha256=file.sha256,
            size=file.size,
            recipient=recipients[file.envelope],
        )
        for file in sealed
    )
    ledger.append(
        "bid.revised" if again else "bid.submitted",
        actor=actor,
        subjects=[scenario.uid, bid.uid],
        audience=Audience.PARTIES,
        from_state=left,
        to_state=bid.state,
        inputs=bytes(version.receipt.body),
    )
    if once:
        once.done(version.uid)
    return version


@transaction.atomic
def withdraw_bid(*, actor: Actor, bid_uid: UUID) -> BidVersion:
    """A signed tombstone, strictly before the deadline. The bid is never opened.

    It may be submitted again while the scenario is open. Raises DeadlinePassed, StateConflict.
    """
    found = Bid.objects.visible_to(actor).filter(uid=bid_uid).values("scenario_id").first()
    if found is None:
        raise NotFound
    scenario = lock_shared(Scenario, pk=found["scenario_id"])
    bid = lock(Bid, uid=bid_uid)
    require(can_withdraw_bid, actor, bid)
    now = clock.now()
    require_before_deadline(scenario, now)
    if scenario.state != State.PUBLISHED:
        raise StateConflict(code="scenario.state")
    left = move(bid, BidState.WITHDRAWN)
    version = add_version(
        actor=actor,
        scenario=scenario,
        bid=bid,
        kind=VersionKind.WITHDRAWN,
        received_at=now,
        envelopes=[],
    )
    ledger.append(
        "bid.withdrawn",
        actor=actor,
        subjects=[scenario.uid, bid.uid],
        audience=Audience.PARTIES,
        from_state=left,
        to_state=bid.state,
        inputs=bytes(version.receipt.body),
    )
    return version


def add_version(
    *,
    actor: Actor,
    scenario: Scenario,
    bid: Bid,
    kind: VersionKind,
    received_at: datetime,
    envelopes: list[dict[str, Any]],
) -> BidVersion:
    """The next version with its signed receipt, which names the receipt before it."""
    assert actor.user is not None, "the rule asked for a person"
    previous = Receipt.objects.filter(subject_uid=bid.uid).order_by("-pk").first()
    number = bid.versions_count + 1
    receipt = receipts.issue(
        f"bid-{kind}",
        subject_uid=bid.uid,
        body={
            "scenario": scenario.uid,
            "scenario_ref": scenario.ref,
            "organisation": bid.organisation.uid,
            "bid": bid.uid,
            "version": number,
            "received_at": received_at,
            "envelopes": envelopes,
            "previous_receipt_sha256": receipt_hash(previous) if previous else None,
            "statement": STATEMENT,
        },
    )
    bid.versions_count = number
    bid.save(update_fields=["versions_count"])
    return BidVersion.objects.create(
        bid=bid,
        number=number,
        kind=kind,
        received_at=received_at,
        user=actor.user,
        receipt=receipt,
    )


def receipt_hash(receipt: Receipt) -> str:
    return hashlib.sha256(bytes(receipt.body)).hexdigest()
