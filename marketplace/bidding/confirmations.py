"""What key holders sign when they say: open. The page asks, the opener checks, by one rule.

A confirmation is a WebAuthn assertion over scenario, stage, deadline and the size of the log; only
the credentials that the publication's leaf names count. Pure but for its types.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from fido2.utils import websafe_decode

from marketplace.base.assertions import NotConfirmed, check_assertion
from marketplace.base.canonical import canonical, stamp


def challenge(
    *, scenario_uid: UUID, stage: str, deadline_at: datetime | str, tree_size: int
) -> bytes:
    """The 32 bytes that a key signs. deadline_at: the latest one announced, as the log says it."""
    at = stamp(deadline_at) if isinstance(deadline_at, datetime) else deadline_at
    return hashlib.sha256(
        canonical(
            {
                "type": "jiebang-opening/1",
                "scenario": scenario_uid,
                "stage": str(stage),
                "deadline_at": at,
                "tree_size": tree_size,
            }
        )
    ).digest()


def holder_of(
    assertion: Mapping[str, Any], keys: Sequence[Mapping[str, Any]], *, challenge: bytes
) -> int:
    """The number of the holder whose announced key signed the challenge. Raises NotConfirmed."""
    named = [key for key in keys if key["id"] == assertion.get("id")]
    if not named:
        raise NotConfirmed("unknown_key")
    public_key = websafe_decode(named[0]["public_key"])
    check_assertion(assertion, public_key=public_key, challenge=challenge)
    return int(named[0]["holder"])
