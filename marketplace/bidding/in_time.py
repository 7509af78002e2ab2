"""Whether a sealed envelope was received in time, by signed receipts and the log, not by rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.models import SealedEnvelope
from marketplace.bidding.replay import Announced, Replay
from marketplace.ledger import keys
from marketplace.ledger.log.models import Leaf
from marketplace.ledger.models import Event, Receipt
from marketplace.ledger.receipts import receipt_hash
from marketplace.ledger.verify import input_of, instant, unbase64
from marketplace.scenarios.models import Scenario

TAKEN = {"bid.submitted", "bid.revised"}
WITHDRAWN = {"bid.withdrawn"}
PROMISED = {"bid.committed"}
Said = dict[str, Any]
Doubt = Callable[[SealedEnvelope], str]


def doubts(replay: Replay, scenario: Scenario, closing_size: int) -> Doubt:
    """What speaks against opening an envelope: a reason of the opening record, or nothing ("").

    not_in_log: it is not the very one whose signed receipt was in the log when it closed.
    not_in_time: that receipt states a time at which it could not be taken any more.
    """
    told = replay.announced(scenario.uid)

    def doubt(sealed: SealedEnvelope) -> str:
        bid = sealed.version.bid
        said = stated(replay, sealed.version.receipt, closing_size, TAKEN)
        ours = {"scenario": scenario.uid, "organisation": bid.organisation.uid, "bid": bid.uid}
        if said is None or not is_newest(sealed.version.receipt, bid.uid, closing_size):
            return "not_in_log"
        if any(said[name] != str(uid) for name, uid in ours.items()):
            return "not_in_log"
        if hashes(said).get(sealed.envelope) != sealed.sha256:
            return "not_in_log"
        received = instant(said["received_at"])
        deadline = told.deadline_then(received)
        if told.stood_still(received):
            return "not_in_time"
        if received < deadline:
            return ""
        if received < deadline + told.grace and was_promised(replay, told, said, closing_size):
            return ""
        return "not_in_time"

    return doubt


def is_newest(receipt: Receipt, bid_uid: UUID, closing_size: int) -> bool:
    """Whether no later submission or withdrawal of the bid was in the log when it closed.

    Rows of versions can be taken away; their events stand in the log.
    """
    about = Event.objects.filter(subjects__contains=[bid_uid], kind__in=TAKEN | WITHDRAWN)
    leaves = Leaf.objects.filter(event_id__in=about.values("pk"), index__lt=closing_size)
    return (
        leaves.order_by("-event_id").values_list("event_id", flat=True).first() == receipt.event_id
    )


def was_promised(replay: Replay, told: Announced, said: Said, closing_size: int) -> bool:
    """Whether the bidder had committed to exactly these envelopes while the deadline stood."""
    named = said.get("commitment")
    if named is None:
        return False
    found = BidCommitment.objects.filter(uid=named["uid"]).select_related("receipt").first()
    if found is None or named["receipt_sha256"] != receipt_hash(found.receipt):
        return False
    promise = stated(replay, found.receipt, closing_size, PROMISED)
    if promise is None or any(promise[one] != said[one] for one in ("scenario", "organisation")):
        return False
    committed = instant(promise["committed_at"])
    in_time = committed < told.deadline_then(committed)
    return in_time and promise["envelopes"] == said["envelopes"]


def stated(replay: Replay, receipt: Receipt, size: int, kinds: set[str]) -> Said | None:
    """What a receipt states, if its signature holds and its event is among the first leaves."""
    event = Event.objects.filter(pk=receipt.event_id or 0).first()
    if event is None or not is_signed(replay, receipt) or not replay.covers(event, size):
        return None
    body, said = json.loads(bytes(event.body)), json.loads(bytes(receipt.body))
    for added in ("type", "log"):
        said.pop(added, None)
    if body["kind"] not in kinds or body["input"] != input_of(said, bytes(event.salt)):
        return None
    return dict(said)


def is_signed(replay: Replay, receipt: Receipt) -> bool:
    """By the present receipt key, or by one that the log published: the table is not asked."""
    ours = keys.receipt_key()
    public = {**replay.receipt_keys, ours.key_id: ours.public_text}.get(receipt.key_id, "")
    try:
        key = Ed25519PublicKey.from_public_bytes(unbase64(public))
        key.verify(bytes(receipt.signature), bytes(receipt.body))
    except (InvalidSignature, ValueError):
        return False
    return True


def hashes(said: Said) -> dict[str, str]:
    return {row["envelope"]: row["sha256"] for row in said["envelopes"]}
