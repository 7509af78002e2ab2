"""How many tips may come, without a trace of where they come from.

Counted under a hash whose salt lives in this process only: nobody can recompute whose it was.
"""

from __future__ import annotations

import hashlib
import secrets

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from django.http import HttpRequest

SALT = secrets.token_hex(16)


def within(request: HttpRequest, action: str) -> bool:
    """Whether this sender, and all senders together, stay within ACCOUNT_RATE_LIMITS."""
    address = get_adapter().get_client_ip(request)
    key = hashlib.sha256(f"{SALT}{address}".encode()).hexdigest()
    return ratelimit.consume(request, action=action, key=key) and ratelimit.consume(
        request, action="tip_together", key=action
    )
