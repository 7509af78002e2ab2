"""What of an event goes into the log: readable where it is public, a salted commitment where not."""

from __future__ import annotations

import secrets
from typing import Any

from marketplace.base.canonical import canonical
from marketplace.ledger.models import Audience, Event
from marketplace.ledger.verify import commitment

TYPE = "jiebang-event/1"
PREFIX = b"jiebang-leaf/1\n"  # of what a commitment hashes, as `verify.commitment` has it
OPAQUE = 32  # bytes of a commitment, and of padding, which nothing tells apart from one


def leaf_data(event: Event) -> bytes:
    if event.audience == Audience.PUBLIC:
        return canonical(readable(event))
    return event_commitment(event)


def event_commitment(event: Event) -> bytes:
    return commitment(bytes(event.body), bytes(event.salt))


def readable(event: Event) -> dict[str, Any]:
    """The public part: no person and no organisation that acted, so a hidden owner stays hidden.

    The commitment binds them, and whoever may see the event can show it.
    """
    return {
        "type": TYPE,
        "kind": event.kind,
        "at": event.at,
        "role": event.role,
        "subjects": event.subjects,
        "from": event.from_state,
        "to": event.to_state,
        "profile": event.profile_version,
        "data": event.data,
        "commitment": event_commitment(event),
    }


def padding() -> bytes:
    return secrets.token_bytes(OPAQUE)
