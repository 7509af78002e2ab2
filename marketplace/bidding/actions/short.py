"""A package submitted with a token, where all is plain: two trips and nothing else.

The same statement and the same function as `submit_package`, with the token's bearer asked in the
statement too. Whatever is not a plain yes is left, with nothing written, to the ordinary way.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import cache
from uuid import uuid4

from django.conf import settings

from marketplace.accounts.tokens.models import Scope
from marketplace.accounts.tokens.queries import lent_for
from marketplace.base.prepared import borrowed
from marketplace.base.trips import Connection, exchange, made
from marketplace.bidding import deadline
from marketplace.bidding.worded import SUBMITTED
from marketplace.ledger import actions as ledger
from marketplace.ledger import keys

ROUTE = "package.submit"
KINDS = frozenset({"bid.submitted", "bid.revised"})
MORE = ["token", "token_uid", "use_is_due"]
AT = {name: place for place, name in enumerate([*deadline.COLUMNS, *MORE])}
NOTE_USE = """
UPDATE marketplace_apitoken SET last_used_at = marketplace_now() WHERE id = %(token)s::bigint
"""


class Submitted:
    """What the answer is made of: texts as they were kept."""

    __slots__ = ("event", "receipt", "salt", "signature")

    def __init__(self, event: bytes, receipt: bytes, salt: bytes, signature: bytes) -> None:
        self.event, self.receipt, self.salt, self.signature = event, receipt, salt, signature


def submit_plainly(
    *, digest: str, package: str, key: str, admits: Callable[[str], bool]
) -> Submitted | None:
    """Submit, or None with nothing done: then `submit_package` is to be asked.

    digest: of the token. package: its uid as text. admits: whether the token of this uid may ask now
    again. Raises psycopg's errors.
    """
    if not KINDS.isdisjoint(ledger.PROJECTIONS):
        return None  # which would have to write beside it
    with borrowed() as connection:
        if connection is None:
            return None
        try:
            done = received(connection, digest, package, key, admits)
        finally:
            # Nothing of a refusal stays.
            if not connection.closed:
                connection.rollback()
        return done


def received(
    connection: Connection, digest: str, package: str, key: str, admits: Callable[[str], bool]
) -> Submitted | None:
    salting = deadline.salting(salt := secrets.token_bytes(32))
    given = {name: b"\\x" + value.hex().encode() for name, value in salting.items()}
    given |= {
        "digest": digest.encode(),
        "package": package.encode(),
        "version": str(uuid4()).encode(),
        "route": ROUTE.encode(),
        "key": key.encode(),
    }
    receive = made(statement(settings.MFA_OPTIONAL, deadline.promise()))
    values = [given[name] for name in receive.names]
    found = exchange(connection, receive, values, begins=True, ends=False)
    if not found.ntuples or found.get_value(0, AT["taken"]) == b"t":
        return None
    if found.get_value(0, AT["looked"]) is not None:
        return None
    got = {name: found.get_value(0, place) or b"" for name, place in AT.items()}
    if not admits(got["token_uid"].decode()):
        return None
    if got["use_is_due"] == b"t":
        exchange(connection, made(NOTE_USE), [got["token"]], begins=True, ends=False)
    text = got["receipt_body"]
    signing = keys.receipt_key()
    signature = deadline.signature_of(text)
    keep = made(deadline.KEEP)
    given = {
        "id": got["receipt_pk"],
        "uid": got["receipt_uid"],
        "kind": SUBMITTED.encode(),
        "bid": got["bid_uid"],
        "body": text,
        "signature": b"\\x" + signature.hex().encode(),
        "key_id": signing.key_id.encode(),
        "algorithm": signing.algorithm.encode(),
        "event": got["event_pk"],
    }
    exchange(connection, keep, [given[name] for name in keep.names], begins=True, ends=True)
    return Submitted(got["event_body"], text, salt, signature)


@cache
def statement(mfa_optional: bool, promised: tuple[object, ...]) -> str:  # a key
    """The idempotency key's row as `Once` has it."""
    owner = "lent.organisation_uid::text || ':' || lent.person_uid::text"
    lent = lent_for(Scope.BIDS, second_factor=not mfa_optional)
    who = f"""
    SELECT lent.*, {owner} AS owner, encode(sha256(convert_to(
        {owner} || ':{ROUTE}:' || %(package)s::uuid::text, 'UTF8')), 'hex') AS body_hash
    FROM ({lent}) lent
    """  # noqa: S608  # texts of ours
    more = ", ".join(f"who.{name}" for name in MORE)
    return deadline.receiving(who, promised, packed=True, committed=False, more=more)
