from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical, digest, plain, salted
from marketplace.base.prepared import fetch_all
from marketplace.ledger.models import Audience, Event

Projection = Callable[[Event], None]
PROJECTIONS: dict[str, list[Projection]] = {}

PLAIN = [
    *("uid", "kind", "schema_version", "at", "actor_uid", "organisation_uid", "role", "subjects"),
    *("audience", "from_state", "to_state", "reason_hash", "profile_version", "input_hash"),
]
WRITE = """
WITH event AS (
    INSERT INTO marketplace_event
        (uid, kind, schema_version, at, actor_uid, organisation_uid, role, subjects, audience,
         from_state, to_state, reason_hash, profile_version, input_hash, data, salt, body)
    VALUES (%(uid)s::uuid, %(kind)s::text, %(schema_version)s::smallint, %(at)s::timestamptz,
        %(actor_uid)s::uuid, %(organisation_uid)s::uuid, %(role)s::text, %(subjects)s::uuid[],
        %(audience)s::text, %(from_state)s::text, %(to_state)s::text, %(reason_hash)s::text,
        %(profile_version)s::text, %(input_hash)s::text, %(data)s::jsonb, %(salt)s::bytea,
        %(body)s::bytea)
    RETURNING id
), pending AS (
    INSERT INTO marketplace_pendingevent (event_id) SELECT id FROM event
)
SELECT id FROM event
"""


def project(kind: str) -> Callable[[Projection], Projection]:
    """Run a function inside the transaction that appends an event of this kind."""

    def register(projection: Projection) -> Projection:
        PROJECTIONS.setdefault(kind, []).append(projection)
        return projection

    return register


def append(
    kind: str,
    *,
    actor: Actor,
    subjects: Iterable[UUID],
    audience: str = Audience.PARTIES,
    from_state: str = "",
    to_state: str = "",
    reason: str = "",
    profile_version: str = "",
    inputs: Any = None,
    data: dict[str, Any] | None = None,
) -> Event:
    """Write what happened, in the caller's transaction.

    kind: "noun.past". subjects: uids of the rows concerned, the moved one last. reason: free text
    kept by the caller's room; only its salted hash comes here. inputs: what the deed was decided
    from; only its salted hash comes here. data: plain values that the audience may read.
    """
    assert transaction.get_connection().in_atomic_block, "events belong to a transaction"
    event = compose(
        kind,
        at=clock.now(),
        actor=actor,
        subjects=subjects,
        audience=audience,
        from_state=from_state,
        to_state=to_state,
        reason=reason,
        profile_version=profile_version,
        inputs=inputs,
        data=data,
    )
    write(event)
    run_projections(event)
    return event


def write(event: Event) -> None:
    """The event and its place among those that wait for a leaf, in one trip."""
    given = {name: getattr(event, name) for name in PLAIN}
    given |= {
        "data": canonical(event.data).decode(),
        "salt": bytes(event.salt),
        "body": bytes(event.body),
    }
    event.pk = fetch_all(WRITE, given)[0][0]


def compose(
    kind: str,
    *,
    at: datetime,
    actor: Actor,
    subjects: Iterable[UUID],
    audience: str = Audience.PARTIES,
    from_state: str = "",
    to_state: str = "",
    reason: str = "",
    profile_version: str = "",
    inputs: Any = None,
    data: dict[str, Any] | None = None,
) -> Event:
    """The event as `append` writes it, not yet written.

    For a caller who writes it in one statement with rows of its own, at the instant that the same
    transaction has read; it runs the projections afterwards.
    """
    salt = secrets.token_bytes(32)
    event = Event(
        uid=uuid4(),
        kind=kind,
        at=at,
        actor_uid=actor.user_uid,
        organisation_uid=actor.organisation_uid,
        role=str(actor.role),
        subjects=list(subjects),
        audience=str(audience),
        from_state=from_state,
        to_state=to_state,
        reason_hash=salted(reason, salt) if reason else "",
        profile_version=profile_version,
        input_hash=salted(digest(inputs).hex(), salt) if inputs is not None else "",
        data=plain(data or {}),
        salt=salt,
    )
    event.body = canonical(leaf(event))
    return event


def run_projections(event: Event) -> None:
    for projection in PROJECTIONS.get(event.kind, []):
        projection(event)


def leaf(event: Event) -> dict[str, Any]:
    """The event as the plain value whose canonical text is `body`."""
    return {
        "v": event.schema_version,
        "uid": event.uid,
        "kind": event.kind,
        "at": event.at,
        "actor": event.actor_uid,
        "organisation": event.organisation_uid,
        "role": event.role,
        "subjects": event.subjects,
        "audience": event.audience,
        "from": event.from_state,
        "to": event.to_state,
        "reason": event.reason_hash,
        "profile": event.profile_version,
        "input": event.input_hash,
        "data": event.data,
    }
