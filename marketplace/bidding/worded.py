"""What the receipt of a bid says and what its event says, and both with holes for the database.

The deadline's function fills the holes: number, time and the receipt before it are known only
there, when the locks are held. So the words stand here, once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from marketplace.base.canonical import canonical
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.models import BidState, VersionKind
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience, Event
from marketplace.ledger.receipts import receipt_hash, worded

STATEMENT = {
    "zh": "本回执证明收到的内容和时间，不证明该揭榜文件能够被打开。",
    "en": "This receipt proves what was received and when. "
    "It does not prove that the bid can be opened.",
}
SUBMITTED = f"bid-{VersionKind.SUBMITTED}"


def statement(
    *,
    scenario: UUID | str,
    scenario_ref: str | None,
    organisation: UUID | str,
    bid: UUID | str,
    version: int | str,
    received_at: datetime | str,
    envelopes: list[dict[str, Any]] | str,
    previous: str | None,
    commitment: dict[str, Any] | str | None = None,
) -> dict[str, Any]:
    """What the receipt of a bid's version states; it names the receipt before it (hex, or None).

    commitment: by which the bytes were taken after the deadline.
    """
    return ({"commitment": commitment} if commitment else {}) | {
        "scenario": scenario,
        "scenario_ref": scenario_ref,
        "organisation": organisation,
        "bid": bid,
        "version": version,
        "received_at": received_at,
        "envelopes": envelopes,
        "previous_receipt_sha256": previous,
        "statement": STATEMENT,
    }


def commitment_named(commitment: BidCommitment) -> dict[str, Any]:
    return {
        "uid": commitment.uid,
        "committed_at": commitment.committed_at,
        "receipt_sha256": receipt_hash(commitment.receipt),
    }


# -- The same with holes ---------------------------------------------------------------------------
# In the order in which the function `marketplace_receive_bid` fills them.
OF_RECEIPT = ["bid", "commitment", "envelopes", "organisation", "previous", "received_at"]
OF_RECEIPT += ["scenario", "scenario_ref", "version", "leaf"]
OF_EVENT = ["uid", "kind", "at", "actor", "organisation", "role", "scenario", "bid", "left"]
OF_EVENT += ["input"]
# A hole within quotes, or one for a whole value: a number, a list, a text that brings its quotes.
HOLE = re.compile(r'"<=(\w+)>"|<(\w+)>', re.ASCII)


class Words(NamedTuple):
    """Three texts for PostgreSQL's `format`: what is stated, the event, the receipt."""

    said: str
    event: str
    receipt: str


@cache
def words(_promise: tuple[object, ...], *, committed: bool) -> Words:
    """_promise: the settings that a receipt's promise names, so that others give other words."""
    said = statement(
        scenario="<scenario>",
        scenario_ref="<=scenario_ref>",
        organisation="<organisation>",
        bid="<bid>",
        version="<=version>",
        received_at="<received_at>",
        envelopes=["<=envelopes>"],  # type: ignore[list-item]
        previous="<=previous>",
        commitment="<=commitment>" if committed else None,
    )
    event: Any = Event(
        kind="<kind>",
        role="<role>",
        audience=str(Audience.PARTIES),
        from_state="<left>",
        to_state=str(BidState.SUBMITTED),
        input_hash="<input>",
        data={},
    )
    event.uid, event.at, event.subjects = "<uid>", "<at>", ["<scenario>", "<bid>"]
    event.actor_uid, event.organisation_uid = "<actor>", "<organisation>"
    return Words(
        holed(said, OF_RECEIPT),
        holed(ledger.leaf(event), OF_EVENT),
        holed(worded(SUBMITTED, said, "<leaf>"), OF_RECEIPT),
    )


def holed(value: dict[str, Any], names: Sequence[str]) -> str:
    text = canonical(value).decode().replace("%", "%%")
    return HOLE.sub(lambda found: f"%{names.index(found[1] or found[2]) + 1}$s", text)
