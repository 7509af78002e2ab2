"""The deadline's transaction: one trip that locks, judges and writes; one that keeps the receipt.

What is done stands in the function `marketplace_receive_bid` (its migration), which the database
parses and plans once per connection. It says yes only where everything is plain, and writes nothing
otherwise: then the rules of this room say why, by what it found under the locks, or that a
commitment made before the deadline still lets these bytes in.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings

from marketplace.accounts.pledges import Owes, owed_sql
from marketplace.accounts.queries import related_sql
from marketplace.base.actor import Actor, Role
from marketplace.base.canonical import canonical
from marketplace.base.idempotency import Once
from marketplace.base.prepared import fetch_one
from marketplace.bidding.models import Bid, BidState, SealedPackage
from marketplace.bidding.rules import RELATED_VENDORS
from marketplace.bidding.worded import SUBMITTED, words
from marketplace.ledger.keys import receipt_key
from marketplace.ledger.models import Receipt
from marketplace.scenarios.models import Envelope, RuleProfile, Scenario

VERSIONS_MAX = 50
# From where a bid comes to be submitted: again, or after it was withdrawn.
FROM_STATES: list[str] = [BidState.SUBMITTED]
FROM_STATES += [state for state, ways in Bid.MOVES.items() if BidState.SUBMITTED in ways]

# Who bids, for whom and as what, and how the idempotency key's row is told.
BY_ACTOR = """
    SELECT party.id AS organisation, party.uid AS organisation_uid, party.is_vendor,
        party.verified_at, person.id AS person, person.uid AS person_uid, %(role)s::text AS role,
        %(owner)s::text AS owner, %(body_hash)s::text AS body_hash
    FROM marketplace_organisation party, marketplace_user person
    WHERE party.id = %(organisation)s::bigint AND person.id = %(user)s::bigint
"""
# The demand, which a package names too; a package is nobody's but the bidder's.
BY_UID = "SELECT id, organisation_id FROM marketplace_scenario WHERE uid = %(scenario)s::uuid"
BY_PACKAGE = """
    SELECT demand.id, demand.organisation_id
    FROM marketplace_sealedpackage package
    JOIN marketplace_scenario demand ON demand.id = package.scenario_id
    WHERE package.uid = %(package)s::uuid AND package.organisation_id = who.organisation
"""
# Who is related and what is owed is asked by the words of the room of accounts, and as things stood
# when the statement began. What else `can_bid` asks is `may`.
RECEIVE = """
SELECT {columns}
FROM ({who}) who
CROSS JOIN LATERAL ({demand}) demand
CROSS JOIN LATERAL marketplace_receive_bid(
    p_demand => demand.id, p_package => {package}, p_sealed => {sealed},
    p_version => %(version)s::uuid, p_organisation => who.organisation,
    p_organisation_uid => who.organisation_uid, p_user => who.person,
    p_user_uid => who.person_uid, p_role => who.role,
    p_may => who.role IN ({writing}) AND who.is_vendor AND who.verified_at IS NOT NULL
        AND who.organisation <> demand.organisation_id,
    p_related => ({related}), p_owed => ARRAY({owed}),
    p_owner => who.owner, p_route => %(route)s::text, p_key => %(key)s::text,
    p_body_hash => who.body_hash,
    p_salt => %(salt)s::bytea, p_inner => %(inner)s::bytea, p_outer => %(outer)s::bytea,
    p_said => {said}, p_event => {event}, p_receipt => {receipt},
    p_envelopes => ARRAY[{envelopes}], p_states => ARRAY[{states}], p_most => {most}::smallint,
    p_taken_at => {taken_at}, p_commitment => {commitment}
) got
"""
COLUMNS = [
    "taken",
    "looked",
    "demand_pk",
    "received",
    "version_number",
    "version_pk",
    "bid_pk",
    "bid_uid",
]
COLUMNS += ["left_state", "event_pk", "event_uid", "event_kind", "event_body", "receipt_pk"]
COLUMNS += ["receipt_uid", "receipt_body"]

KEEP = """
INSERT INTO marketplace_receipt
    (id, uid, kind, subject_uid, body, signature, key_id, algorithm, event_id)
VALUES (%(id)s::bigint, %(uid)s::uuid, %(kind)s::text, %(bid)s::uuid,
    convert_to(%(body)s::text, 'UTF8'), %(signature)s::bytea, %(key_id)s::text,
    %(algorithm)s::text, %(event)s::bigint)
"""
NAMED = f'"type":"jiebang-receipt/1/{SUBMITTED}"'.encode()
INNER, OUTER = (bytes(sign ^ pad for sign in range(256)) for pad in (0x36, 0x5C))


@dataclass(frozen=True)
class Received:
    """What was written, all but the receipt, which waits to be signed. The locks are held."""

    demand_pk: int
    received: datetime
    version_number: int
    version_pk: int
    bid_pk: int
    bid_uid: UUID
    left_state: str
    event_pk: int
    event_uid: UUID
    event_kind: str
    event_body: str
    receipt_pk: int
    receipt_uid: UUID
    receipt_body: str
    version_uid: UUID
    salt: bytes


@dataclass(frozen=True)
class Looked:
    """What stands while the locks are held, and the instant at which they all were."""

    scenario: Scenario
    bid: Bid
    fresh: bool
    package: SealedPackage | None
    now: datetime


class KeyTaken(Exception):
    """The idempotency key is there already: used before, or expired."""


def receive_bid(
    *,
    actor: Actor,
    version_uid: UUID,
    scenario_uid: UUID | None,
    package_uid: UUID | None,
    sealed: list[dict[str, Any]],
    once: Once | None,
    taken_at: datetime | None = None,
    commitment: Mapping[str, Any] | None = None,
) -> Received | Looked | None:
    """Lock demand (shared) and bid, judge, and write all but the receipt; None without a demand.

    The demand is named by its uid, and the bytes by `sealed`, or both by the package of this
    organisation. What the statement found about the actor is told to those whom the rules ask.
    taken_at, commitment: for a second call of the same transaction, which takes the bytes by that
    commitment at the instant that the first one found. Raises KeyTaken before anything else.
    """
    given: dict[str, Any] = {
        "role": str(actor.role),
        "organisation": actor.party.pk,
        "user": actor.user_id,
        "version": version_uid,
        "owner": once.owner if once else "",
        "route": once.route if once else "",
        "key": once.key if once else "",
        "body_hash": once.body_hash if once else "",
        **salting(salt := secrets.token_bytes(32)),
    }
    if package_uid is None:
        given |= {"scenario": scenario_uid, "sealed": canonical(sealed).decode()}
    else:
        given |= {"package": package_uid}
    if commitment is not None:
        given |= {"taken_at": taken_at, "commitment": canonical(commitment).decode()}
    text = receiving(
        BY_ACTOR, promise(), packed=package_uid is not None, committed=commitment is not None
    )
    row = fetch_one(text, given)
    if row is None:
        return None
    taken, looked, *made = row
    if taken:
        raise KeyTaken
    if looked is not None:
        return looked_at(actor, json.loads(looked))
    return Received(*[*made, version_uid, salt])


def salting(salt: bytes) -> dict[str, bytes]:
    """The salt, and what a keyed hash (RFC 2104) puts before the text in each of its two rounds."""
    key = salt.ljust(64, b"\0")
    return {"salt": salt, "inner": key.translate(INNER), "outer": key.translate(OUTER)}


def promise() -> tuple[object, ...]:
    return settings.LOG_ORIGIN, settings.LOG_MERGE_DELAY_SECONDS


@cache
def receiving(
    who: str, promised: tuple[object, ...], *, packed: bool, committed: bool, more: str = ""
) -> str:
    """The statement's text, with all in it that no request changes. more: further columns."""
    said, event, receipt = (literal(text) for text in words(promised, committed=committed))
    return RECEIVE.format(
        columns=", ".join([*(f"got.{name}" for name in COLUMNS), *([more] if more else [])]),
        who=who,
        demand=BY_PACKAGE if packed else BY_UID,
        package="%(package)s::uuid" if packed else "NULL",
        sealed="NULL" if packed else "%(sealed)s::jsonb",
        writing=", ".join(literal(role) for role in (Role.OWNER, Role.EDITOR)),
        related=related_sql("who.organisation", "demand.organisation_id"),
        owed=owed_sql("who.role", "who.person", "who.organisation"),
        said=said,
        event=event,
        receipt=receipt,
        envelopes=", ".join(literal(name) for name in Envelope.values),
        states=", ".join(literal(state) for state in FROM_STATES),
        most=VERSIONS_MAX,
        taken_at="%(taken_at)s::timestamptz" if committed else "NULL",
        commitment="%(commitment)s::text" if committed else "NULL",
    )


def literal(text: str) -> str:
    """A constant of ours within a statement whose `%(name)s` are parameters."""
    return "'" + str(text).replace("'", "''").replace("%", "%%") + "'"


def looked_at(actor: Actor, found: dict[str, Any]) -> Looked:
    """Rows of the models, with the fields that the rules ask."""
    demand, bid, package = found["demand"], found["bid"], found["package"]
    takes_bids = demand.pop("takes_bids")
    demand["uid"] = UUID(demand["uid"])
    if demand["deadline_at"]:
        demand["deadline_at"] = datetime.fromisoformat(demand["deadline_at"])
    names = [f.attname for f in Scenario._meta.concrete_fields if f.attname in demand]
    scenario = Scenario.from_db(None, names, [demand[name] for name in names])
    if takes_bids is not None:
        scenario.profile = RuleProfile(pk=scenario.profile_id, takes_bids=takes_bids)
    vars(scenario)[RELATED_VENDORS] = {actor.organisation_id: found["related"]}
    if isinstance(actor.owes, Owes):
        actor.owes.learn(found["owed"])
    fresh = bid["id"] is None
    kept = None
    if package and package["id"] is not None:
        kept = SealedPackage(
            pk=package["id"], version_id=package["version_id"], envelopes=package["envelopes"]
        )
    return Looked(
        scenario,
        Bid() if fresh else Bid(**bid),
        fresh=fresh,
        package=kept,
        now=datetime.fromisoformat(found["now"]),
    )


def signature_of(text: bytes) -> bytes:
    """Of the receipt that the function has put into words; of nothing else it could say."""
    assert NAMED in text, "the database gave something else to sign"
    return receipt_key().sign(text)


def keep_receipt(received: Received, receipt: Receipt, *, ends: bool) -> None:
    """Beside what was written. ends: the transaction has nothing more to do and is committed."""
    receipt.pk, receipt.uid, receipt.event_id = (
        received.receipt_pk,
        received.receipt_uid,
        received.event_pk,
    )
    fetch_one(
        KEEP,
        {
            "id": receipt.pk,
            "uid": receipt.uid,
            "kind": receipt.kind,
            "bid": received.bid_uid,
            "body": received.receipt_body,
            "signature": receipt.signature,
            "key_id": receipt.key_id,
            "algorithm": receipt.algorithm,
            "event": receipt.event_id,
        },
        ends=ends,
    )
