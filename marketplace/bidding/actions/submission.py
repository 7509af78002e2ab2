"""Submitting, revising and withdrawing: what happens strictly before the deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
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
from marketplace.base.states import can_move, move
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.deadline import lock_for_submission, write_version
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
from marketplace.ledger import actions as ledger
from marketplace.ledger import receipts
from marketplace.ledger.models import Audience
from marketplace.ledger.receipts import receipt_hash
from marketplace.scenarios.models import BEFORE_PUBLICATION, Envelope, Scenario, State

VERSIONS_MAX = 50
ENVELOPES = Envelope.values
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


class KeyTaken(Exception):
    """The idempotency key is there already: used before, or expired."""


def receive(
    *,
    actor: Actor,
    once: Once | None,
    ends: bool,
    scenario_uid: UUID | None = None,
    sealed: Sequence[SealedFile] = (),
    package_uid: UUID | None = None,
) -> BidVersion:
    """Lock, ask, write: `sealed` for a demand, or a package, which names its own.

    ends: the caller's transaction ends with this. Raises KeyTaken before anything else if the key of
    `once` is taken.
    """
    if actor.organisation_id is None:
        refuse_without_organisation(actor, scenario_uid)
    version_uid = uuid4()
    locked = lock_for_submission(
        actor=actor,
        scenario_uid=scenario_uid,
        bid_uid=uuid4(),
        version_uid=version_uid,
        package_uid=package_uid,
        once=once,
    )
    if locked is None:
        raise NotFound
    if once and not locked.claimed:
        raise KeyTaken
    scenario, bid = locked.scenario, locked.bid
    if scenario.state in BEFORE_PUBLICATION:
        require_visible(actor, scenario)
    require(can_bid, actor, scenario)
    if package_uid:
        sealed = sealed_files(locked.package)
    if sorted(file.envelope for file in sealed) != sorted(ENVELOPES):
        raise Invalid(_("A bid is exactly three sealed envelopes."), code="bid.envelopes")
    commitment = require_taken(scenario, actor.party.pk, locked.now, sealed)
    if locked.package and locked.package.version_id:
        raise StateConflict(
            _("These sealed envelopes were submitted before."), code="package.submitted"
        )
    if bid.versions_count >= VERSIONS_MAX:
        raise TooMany(
            _("A bid may be submitted %(most)s times, and this one was."),
            code="bid.versions_limit",
            most=VERSIONS_MAX,
        )
    again = not locked.fresh and bid.state == BidState.SUBMITTED
    left = "" if locked.fresh else bid.state
    if left and not again and not can_move(bid, BidState.SUBMITTED):
        raise StateConflict(code="bid.state")
    bid.state, bid.organisation = BidState.SUBMITTED, actor.party
    in_order = sorted(sealed, key=lambda file: ENVELOPES.index(file.envelope))
    said = statement(
        scenario=scenario,
        bid=bid,
        received_at=locked.now,
        envelopes=[
            {"envelope": file.envelope, "sha256": file.sha256, "size": file.size}
            for file in in_order
        ],
        commitment=commitment,
    )
    event = ledger.compose(
        "bid.revised" if again else "bid.submitted",
        at=locked.now,
        actor=actor,
        subjects=[scenario.uid, bid.uid],
        audience=Audience.PARTIES,
        from_state=left,
        to_state=bid.state,
        inputs=said,
    )
    receipt = receipts.sign(
        f"bid-{VersionKind.SUBMITTED}", subject_uid=bid.uid, body=said, event=event
    )
    bid.versions_count += 1
    bid.last_receipt_sha256 = receipt_hash(receipt)
    version = BidVersion(
        uid=version_uid,
        bid=bid,
        number=bid.versions_count,
        kind=VersionKind.SUBMITTED,
        received_at=locked.now,
        user=actor.person,
    )
    # A projection of this event would still have to write.
    ends = ends and not ledger.PROJECTIONS.get(event.kind)
    write_version(locked, version, receipt=receipt, sealed=in_order, event=event, ends=ends)
    ledger.run_projections(event)
    return version


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
    said = statement(scenario=scenario, bid=bid, received_at=now, envelopes=[])
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


def statement(
    *,
    scenario: Scenario,
    bid: Bid,
    received_at: datetime,
    envelopes: list[dict[str, Any]],
    commitment: BidCommitment | None = None,
) -> dict[str, Any]:
    """What the receipt of the bid's next version states; it names the receipt before it.

    commitment: by which the bytes were taken after the deadline.
    """
    by_commitment = (
        {
            "commitment": {
                "uid": commitment.uid,
                "committed_at": commitment.committed_at,
                "receipt_sha256": receipt_hash(commitment.receipt),
            }
        }
        if commitment
        else {}
    )
    return by_commitment | {
        "scenario": scenario.uid,
        "scenario_ref": scenario.ref,
        "organisation": bid.organisation.uid,
        "bid": bid.uid,
        "version": bid.versions_count + 1,
        "received_at": received_at,
        "envelopes": envelopes,
        "previous_receipt_sha256": bid.last_receipt_sha256 or None,
        "statement": STATEMENT,
    }
