"""The two statements of the deadline's transaction: lock and look, then write it all.

Raw SQL, since thirty-two bidders in the last minute wait for round trips and for little else. What
may be done is decided in between, by the rules of this room.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marketplace.accounts.pledges import OWED_KINDS, Owes
from marketplace.accounts.queries import related_sql
from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical
from marketplace.base.idempotency import Once
from marketplace.base.prepared import fetch_one
from marketplace.bidding.models import Bid, BidVersion, SealedPackage
from marketplace.bidding.rules import RELATED_VENDORS
from marketplace.bidding.sealing import SealedFile
from marketplace.ledger.models import Event, Receipt
from marketplace.scenarios.models import RuleProfile, Scenario

# FOR SHARE on the demand: bidders do not wait for one another, and closing waits for them all. The
# bid is locked by the upsert, whose row is the newest even where a twin was waited for; the key
# comes before it, so that twins queue there. The clock is read in the list of results, when every
# lock is held.
# Who is related and what is owed is asked in the same statement, by the words of the room of
# accounts, and as things stood when it began.
LOCK = f"""
WITH demand AS MATERIALIZED (
    SELECT id, uid, ref, state, suspended, deadline_at, organising_mode, organisation_id, profile_id
    FROM marketplace_scenario
    WHERE uid = %(scenario)s::uuid OR id = (
        SELECT scenario_id FROM marketplace_sealedpackage
        WHERE uid = %(package)s::uuid AND organisation_id = %(organisation)s::bigint
    )
    FOR SHARE
), claim AS (
    INSERT INTO marketplace_idempotencykey (owner, route, key, body_hash, result_uid)
    SELECT %(owner)s::text, %(route)s::text, %(key)s::text, %(body_hash)s::text, %(version)s::uuid
    FROM demand WHERE %(key)s::text <> ''
    ON CONFLICT ON CONSTRAINT idempotency_one_success_per_key DO NOTHING
    RETURNING id
), bid AS (
    INSERT INTO marketplace_bid
        (uid, scenario_id, organisation_id, state, versions_count, blind_code, void_reason,
         last_receipt_sha256)
    SELECT %(bid)s::uuid, demand.id, %(organisation)s::bigint, 'submitted', 0, '', '', ''
    FROM demand LEFT JOIN claim ON true
    ON CONFLICT ON CONSTRAINT bid_one_per_organisation DO UPDATE
        SET versions_count = marketplace_bid.versions_count
    RETURNING id, uid, state, versions_count, last_receipt_sha256
), package AS (
    SELECT package.id, package.version_id, package.envelopes
    FROM marketplace_sealedpackage package JOIN demand ON demand.id = package.scenario_id
    WHERE package.uid = %(package)s::uuid AND package.organisation_id = %(organisation)s::bigint
    FOR UPDATE OF package
)
SELECT demand.id, demand.uid, demand.ref, demand.organisation_id, demand.state, demand.suspended,
    demand.organising_mode, demand.deadline_at, demand.profile_id,
    profile.takes_bids, bid.id, bid.uid, bid.state, bid.versions_count, bid.last_receipt_sha256,
    (SELECT count(*) FROM claim), package.id, package.version_id, package.envelopes,
    ({related_sql("%(organisation)s::bigint", "demand.organisation_id")}),
    ARRAY({OWED_KINDS}),
    marketplace_now()
FROM demand CROSS JOIN bid LEFT JOIN package ON true
LEFT JOIN marketplace_ruleprofile profile ON profile.id = demand.profile_id
"""  # noqa: S608  # statements of ours, without a value in them

WRITE = """
WITH event AS (
    INSERT INTO marketplace_event
        (uid, kind, schema_version, at, actor_uid, organisation_uid, role, subjects, audience,
         from_state, to_state, reason_hash, profile_version, input_hash, data, salt, body)
    VALUES (%(event)s::uuid, %(event_kind)s::text, %(schema_version)s::smallint,
        %(received_at)s::timestamptz, %(actor)s::uuid, %(acting_for)s::uuid, %(role)s::text,
        %(subjects)s::uuid[], %(audience)s::text, %(from_state)s::text, %(to_state)s::text, '', '',
        %(input_hash)s::text, %(data)s::jsonb, %(salt)s::bytea, %(event_body)s::bytea)
    RETURNING id
), pending AS (
    INSERT INTO marketplace_pendingevent (event_id) SELECT id FROM event
), receipt AS (
    INSERT INTO marketplace_receipt
        (uid, kind, subject_uid, body, signature, key_id, algorithm, event_id)
    SELECT %(receipt)s::uuid, %(kind)s::text, %(bid_uid)s::uuid, %(receipt_body)s::bytea,
        %(signature)s::bytea, %(key_id)s::text, %(algorithm)s::text, event.id
    FROM event
    RETURNING id
), version AS (
    INSERT INTO marketplace_bidversion (uid, bid_id, number, kind, received_at, user_id, receipt_id)
    SELECT %(version)s::uuid, %(bid)s::bigint, %(number)s::smallint, 'submitted',
        %(received_at)s::timestamptz, %(user)s::bigint, receipt.id
    FROM receipt
    RETURNING id
), envelopes AS (
    INSERT INTO marketplace_sealedenvelope
        (uid, version_id, envelope, stored_name, sha256, size, recipient)
    SELECT gen_random_uuid(), version.id, sealed.envelope, sealed.stored_name, sealed.sha256,
        sealed.size, envelope_key.recipient
    FROM version, marketplace_envelopekey envelope_key, unnest(
        %(envelopes)s::text[], %(stored_names)s::text[], %(hashes)s::text[], %(sizes)s::bigint[]
    ) AS sealed (envelope, stored_name, sha256, size)
    WHERE envelope_key.scenario_id = %(demand)s::bigint AND envelope_key.envelope = sealed.envelope
), bid AS (
    UPDATE marketplace_bid SET state = 'submitted', versions_count = %(number)s::smallint,
        last_receipt_sha256 = %(receipt_sha256)s::text
    WHERE id = %(bid)s::bigint
), package AS (
    UPDATE marketplace_sealedpackage SET version_id = version.id FROM version
    WHERE marketplace_sealedpackage.id = %(package)s::bigint
)
SELECT version.id, receipt.id, event.id FROM version, receipt, event
"""

# In the order of the model, which `from_db` asks for.
DEMAND = ["id", "uid", "ref", "organisation_id", "state", "suspended"]
DEMAND += ["organising_mode", "deadline_at", "profile_id"]


@dataclass(frozen=True)
class Locked:
    """What stands while the locks are held, and the instant at which they all were."""

    scenario: Scenario
    bid: Bid
    fresh: bool
    claimed: bool
    package: SealedPackage | None
    now: datetime


def lock_for_submission(
    *,
    actor: Actor,
    scenario_uid: UUID | None,
    bid_uid: UUID,
    version_uid: UUID,
    package_uid: UUID | None,
    once: Once | None,
) -> Locked | None:
    """Lock demand (shared) and bid (exclusive), creating the bid; None if there is no demand.

    The demand is named by its uid, or by the package of this organisation: one of the two.

    What the statement found about the actor is told to those whom the rules ask. `claimed` is whether the idempotency key was free and is now ours. The caller's refusal rolls
    everything back.
    """
    organisation_id = actor.party.pk
    row = fetch_one(
        LOCK,
        {
            "scenario": scenario_uid,
            "organisation": organisation_id,
            "user": actor.user_id,
            "role": str(actor.role),
            "bid": bid_uid,
            "version": version_uid,
            "package": package_uid,
            "owner": once.owner if once else "",
            "route": once.route if once else "",
            "key": once.key if once else "",
            "body_hash": once.body_hash if once else "",
        },
    )
    if row is None:
        return None
    demand, takes_bids, (bid_id, uid, state, count, receipt_sha256) = row[:9], row[9], row[10:15]
    scenario = Scenario.from_db(None, DEMAND, demand)
    if takes_bids is not None:
        scenario.profile = RuleProfile(pk=scenario.profile_id, takes_bids=takes_bids)
    bid = Bid(
        pk=bid_id,
        uid=uid,
        scenario_id=scenario.pk,
        organisation_id=organisation_id,
        state=state,
        versions_count=count,
        last_receipt_sha256=receipt_sha256,
    )
    package_id, version_id, envelopes, related, owed, now = row[16:]
    vars(scenario)[RELATED_VENDORS] = {organisation_id: related}
    if isinstance(actor.owes, Owes):
        actor.owes.learn(owed)
    package = None
    if package_id is not None:
        package = SealedPackage(
            pk=package_id, version_id=version_id, envelopes=json.loads(envelopes)
        )
    return Locked(scenario, bid, fresh=count == 0, claimed=row[15] == 1, package=package, now=now)


def write_version(
    locked: Locked,
    version: BidVersion,
    *,
    receipt: Receipt,
    sealed: Sequence[SealedFile],
    event: Event,
    ends: bool,
) -> None:
    """Receipt, version, envelopes, bid, package and event in one statement; sets the new ids.

    ends: nothing comes after it in the transaction, which is committed at once.
    """
    ids = fetch_one(
        WRITE,
        {
            "demand": locked.scenario.pk,
            "bid": locked.bid.pk,
            "bid_uid": locked.bid.uid,
            "version": version.uid,
            "number": version.number,
            "received_at": version.received_at,
            "user": version.user_id,
            "receipt": receipt.uid,
            "kind": receipt.kind,
            "receipt_body": bytes(receipt.body),
            "receipt_sha256": locked.bid.last_receipt_sha256,
            "signature": bytes(receipt.signature),
            "key_id": receipt.key_id,
            "algorithm": receipt.algorithm,
            "envelopes": [file.envelope for file in sealed],
            "stored_names": [file.stored_name for file in sealed],
            "hashes": [file.sha256 for file in sealed],
            "sizes": [file.size for file in sealed],
            "package": locked.package.pk if locked.package else None,
            "event": event.uid,
            "event_kind": event.kind,
            "schema_version": event.schema_version,
            "actor": event.actor_uid,
            "acting_for": event.organisation_uid,
            "role": event.role,
            "subjects": event.subjects,
            "audience": event.audience,
            "from_state": event.from_state,
            "to_state": event.to_state,
            "input_hash": event.input_hash,
            "data": canonical(event.data).decode(),
            "salt": bytes(event.salt),
            "event_body": bytes(event.body),
        },
        ends=ends,
    )
    assert ids is not None, "one row of new ids"
    version.pk, receipt.pk, event.pk = ids
    receipt.event_id = event.pk
    version.receipt = receipt
