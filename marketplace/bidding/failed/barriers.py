"""Whether an opening could still happen, from what is known of it. Pure: no Django, no clock.

Nobody can prove that a key is lost. What can be held against such a claim is: a confirmation by a
holder who is said to have lost the key, as many holders left as are needed, an opener that could
unwrap the envelopes' identities a short while ago, and time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

MASTER = "master"
HOLDERS = "holders"
# The opener says at least so often that it could open what waits.
OPENER_SILENT = timedelta(hours=24)


@dataclass(frozen=True)
class Facts:
    """What is known when somebody says that an opening can never happen.

    holders: announced with the demand. lost: those said to have lost their keys. confirmed: those
    who have confirmed this opening. opener_at: when the opener last unwrapped its identities.
    """

    cause: str
    needed: int
    holders: frozenset[UUID]
    lost: frozenset[UUID]
    confirmed: frozenset[UUID]
    waits_until: datetime
    opener_at: datetime | None
    now: datetime


def barrier(facts: Facts) -> str:
    """Why it may not be declared now: a code, "" where nothing speaks against it."""
    if facts.now < facts.waits_until:
        return "too_early"
    if facts.cause == MASTER:
        said = facts.opener_at
        return "opener_able" if said is not None and facts.now < said + OPENER_SILENT else ""
    if not facts.lost <= facts.holders:
        return "unknown_holder"
    if facts.lost & facts.confirmed:
        return "holder_confirmed"
    if len(facts.holders - facts.lost) >= facts.needed:
        return "enough_left"
    return ""
