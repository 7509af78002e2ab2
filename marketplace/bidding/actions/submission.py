"""Submitting, revising and withdrawing: what happens strictly before the deadline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import digest
from marketplace.base.errors import (
    DomainError,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
    TooMany,
)
from marketplace.base.idempotency import Once
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.deadline import (
    FROM_STATES,
    VERSIONS_MAX,
    KeyTaken,
    Looked,
    Received,
    keep_receipt,
    receive_bid,
)
from marketplace.bidding.forms_schema import File, Form
from marketplace.bidding.grace import require_taken
from marketplace.bidding.models import (
    Bid,
    BidState,
    BidVersion,
    SealedPackage,
    VersionKind,
)
from marketplace.bidding.rules import can_bid, can_withdraw_bid
from marketplace.bidding.sealing import SealedFile, check_stored, discard, seal_bid
from marketplace.bidding.windows import require_before_deadline, require_open
from marketplace.bidding.worded import SUBMITTED, commitment_named, statement
from marketplace.ledger import actions as ledger
from marketplace.ledger import receipts
from marketplace.ledger.models import Audience, Event
from marketplace.ledger.receipts import receipt_hash
from marketplace.scenarios.models import BEFORE_PUBLICATION, Envelope, Scenario, State

ENVELOPES = Envelope.values


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
    check_stored(sealed)
    content = digest({file.envelope: file.content_mark or file.sha256 for file in sealed})
    return receive_once(
        Once(
            actor=actor,
            route=f"bid.submit:{scenario_uid}",
            key=idempotency_key,
            body=content.hex(),
        ),
        actor=actor,
        scenario_uid=scenario_uid,
        sealed=sealed,
    )


def submit_package(*, actor: Actor, package_uid: UUID, idempotency_key: str = "") -> BidVersion:
    """The same for what was sealed, read back and kept before, once.

    Raises as `submit_sealed_bid`, NotFound for a package that is not the bidder's own, and
    StateConflict for one that was submitted.
    """
    return receive_once(
        Once(actor=actor, route="package.submit", key=idempotency_key, body=str(package_uid)),
        actor=actor,
        package_uid=package_uid,
    )


def receive_once(once: Once, **given: Any) -> BidVersion:
    """Receive a bid, or answer with the version that the same key stands for already."""
    if not once.key:
        with transaction.atomic():
            return receive(once=None, ends=True, **given)
    try:
        with transaction.atomic():
            return receive(once=once, ends=True, **given)
    except KeyTaken:
        pass
    with transaction.atomic():
        earlier = once.begin()
        if earlier is not None:
            return BidVersion.objects.select_related("receipt", "bid").get(uid=earlier)
        version = receive(once=None, ends=False, **given)
        once.done(version.uid)
        return version


def receive(
    *,
    actor: Actor,
    once: Once | None,
    ends: bool,
    scenario_uid: UUID | None = None,
    sealed: Sequence[SealedFile] = (),
    package_uid: UUID | None = None,
) -> BidVersion:
    """Lock, judge, write, sign: `sealed` for a demand, or a package, which names its own.

    ends: the caller's transaction ends with this. Raises KeyTaken before anything else if the key of
    `once` is taken.
    """
    if actor.organisation_id is None:
        refuse_without_organisation(actor, scenario_uid)
    given: dict[str, Any] = {
        "actor": actor,
        "version_uid": uuid4(),
        "scenario_uid": scenario_uid,
        "package_uid": package_uid,
        "sealed": [row_told(file) for file in sealed],
    }
    found = receive_bid(**given, once=once)
    if isinstance(found, Looked):
        commitment = require_receivable(actor, found, sealed, packed=package_uid is not None)
        named = commitment_named(commitment)
        found = receive_bid(**given, once=None, taken_at=found.now, commitment=named)
        assert not isinstance(found, Looked), "refused although a commitment lets it in"
    if found is None:
        raise NotFound
    return signed_version(found, actor=actor, ends=ends)


def require_receivable(
    actor: Actor, found: Looked, sealed: Sequence[SealedFile], *, packed: bool
) -> BidCommitment:
    """Why this was no plain yes; or the commitment by which the bytes are taken all the same."""
    scenario, bid = found.scenario, found.bid
    if scenario.state in BEFORE_PUBLICATION:
        require_visible(actor, scenario)
    require(can_bid, actor, scenario)
    if packed:
        sealed = sealed_files(found.package)
    if sorted(file.envelope for file in sealed) != sorted(ENVELOPES):
        raise Invalid(_("A bid is exactly three sealed envelopes."), code="bid.envelopes")
    commitment = require_taken(scenario, actor.party.pk, found.now, sealed)
    if found.package and found.package.version_id:
        raise StateConflict(
            _("These sealed envelopes were submitted before."), code="package.submitted"
        )
    if not found.fresh and bid.versions_count >= VERSIONS_MAX:
        raise TooMany(
            _("A bid may be submitted %(most)s times, and this one was."),
            code="bid.versions_limit",
            most=VERSIONS_MAX,
        )
    if not found.fresh and bid.state not in FROM_STATES:
        raise StateConflict(code="bid.state")
    assert commitment is not None, "the database refuses what the rules allow"
    return commitment


def signed_version(found: Received, *, actor: Actor, ends: bool) -> BidVersion:
    """Sign what was received, keep the receipt, and give the version as it stands now."""
    event = Event(
        pk=found.event_pk,
        uid=found.event_uid,
        kind=found.event_kind,
        at=found.received,
        actor_uid=actor.user_uid,
        organisation_uid=actor.organisation_uid,
        role=str(actor.role),
        audience=str(Audience.PARTIES),
        from_state=found.left_state,
        to_state=str(BidState.SUBMITTED),
        salt=found.salt,
        body=found.event_body.encode(),
    )
    body = json.loads(found.event_body)
    event.subjects, event.input_hash = [UUID(uid) for uid in body["subjects"]], body["input"]
    receipt = receipts.signed(
        SUBMITTED, subject_uid=found.bid_uid, text=found.receipt_body.encode(), event=event
    )
    # A projection of this event would still have to write.
    keep_receipt(found, receipt, ends=ends and not ledger.PROJECTIONS.get(event.kind))
    ledger.run_projections(event)
    bid = Bid(
        pk=found.bid_pk,
        uid=found.bid_uid,
        scenario_id=found.demand_pk,
        organisation=actor.party,
        state=BidState.SUBMITTED,
        versions_count=found.version_number,
        last_receipt_sha256=receipt_hash(receipt),
    )
    return BidVersion(
        pk=found.version_pk,
        uid=found.version_uid,
        bid=bid,
        number=found.version_number,
        kind=VersionKind.SUBMITTED,
        received_at=found.received,
        user=actor.person,
        receipt=receipt,
    )


def row_told(file: SealedFile) -> dict[str, Any]:
    names = ("envelope", "stored_name", "sha256", "size")
    return {name: getattr(file, name) for name in names}


def refuse_without_organisation(actor: Actor, scenario_uid: UUID | None) -> None:
    """Somebody who bids for nobody has no package; of the demand they learn what they may see."""
    rows = Scenario.objects.visible_to(actor)
    if scenario_uid is None or not rows.filter(uid=scenario_uid).exists():
        raise NotFound
    raise NotAllowed


def sealed_files(package: SealedPackage | None) -> list[SealedFile]:
    """What a package holds. Raises NotFound where there is none of the bidder's own."""
    if package is None:
        raise NotFound
    return [SealedFile(**row) for row in package.envelopes]


def require_visible(actor: Actor, scenario: Scenario) -> None:
    """Before its publication a demand is there for few."""
    if not Scenario.objects.visible_to(actor).filter(pk=scenario.pk).exists():
        raise NotFound


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
    said = statement(
        scenario=scenario.uid,
        scenario_ref=scenario.ref,
        organisation=bid.organisation.uid,
        bid=bid.uid,
        version=bid.versions_count + 1,
        received_at=now,
        envelopes=[],
        previous=bid.last_receipt_sha256 or None,
    )
    event = ledger.append(
        "bid.withdrawn",
        actor=actor,
        subjects=[scenario.uid, bid.uid],
        audience=Audience.PARTIES,
        from_state=left,
        to_state=bid.state,
        inputs=said,
    )
    receipt = receipts.issue(
        f"bid-{VersionKind.WITHDRAWN}", subject_uid=bid.uid, body=said, event=event
    )
    bid.versions_count += 1
    bid.last_receipt_sha256 = receipt_hash(receipt)
    bid.save(update_fields=["versions_count", "last_receipt_sha256"])
    return BidVersion.objects.create(
        bid=bid,
        number=bid.versions_count,
        kind=VersionKind.WITHDRAWN,
        received_at=now,
        user=actor.person,
        receipt=receipt,
    )
