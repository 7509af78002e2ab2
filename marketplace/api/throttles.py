"""How often the API may be asked: one count per token, signed-in person or address.

The numbers are `settings.API_LIMITS`. All processes count together in Redis (`Share`); while it is away
each counts for itself, so that nobody is refused for it and nobody is let through without end. The
address is the peer's, or the one that our own proxy added: a header of the caller changes nothing.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from allauth.core.internal.httpkit import get_client_ip
from allauth.core.internal.ratelimit import truncate_ip
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from marketplace.accounts.models import User
from marketplace.accounts.tokens.models import ApiToken
from marketplace.base import shared

if TYPE_CHECKING:
    # Only a name: the settings of views lead here while views are being imported.
    from rest_framework.views import APIView

VISITOR, SESSION, TOKEN = "visitor", "session", "token"
KEPT = "rate_count"


@dataclass(frozen=True)
class Count:
    """One request counted, and how its window stands."""

    policy: str
    limit: int
    window_s: int
    used: int
    reset_s: int

    @property
    def remaining(self) -> int:
        return max(self.limit - self.used, 0)

    @property
    def exceeded(self) -> bool:
        return self.used > self.limit

    @property
    def headers(self) -> dict[str, str]:
        """draft-ietf-httpapi-ratelimit-headers: the quota, and what is left of it."""
        found = {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={self.window_s}',
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.reset_s}',
        }
        return found | ({"Retry-After": str(self.reset_s)} if self.exceeded else {})


class Local:
    """The counts of this process while Redis is away."""

    MOST = 10_000

    def __init__(self) -> None:
        self.guard, self.counts, self.window = threading.Lock(), dict[str, int](), -1

    def add_one(self, key: str, window: int) -> int:
        with self.guard:
            if window > self.window or len(self.counts) >= self.MOST:
                self.counts.clear()
                self.window = window
            self.counts[key] = self.counts.get(key, 0) + 1
            return self.counts[key]


class Share:
    """Numbers that this process has taken from the common count and not given out yet.

    A caller who is far from its limit would otherwise cost a trip to Redis with every request. All
    processes together give out each number once, so nobody asks more often than the limit says; one
    who asks several processes may be refused by what the others still hold, a `PART` each.
    """

    PART = 64
    MOST = 10_000

    def __init__(self) -> None:
        self.guard, self.window = threading.Lock(), -1
        # key -> the last number heard of, and spans of numbers, from and to
        self.held: dict[str, tuple[int, list[tuple[int, int]]]] = {}

    def number(self, key: str, window: int, limit: int, keep_s: int) -> int | None:
        """The next number of this caller, from 1; None where Redis is away."""
        some = 1
        with self.guard:
            if window > self.window or len(self.held) >= self.MOST:
                self.held.clear()
                self.window = window
            if key in self.held:
                heard, spans = self.held[key]
                if spans:
                    first, last = spans.pop()
                    if first < last:
                        spans.append((first + 1, last))
                    return first
                # The nearer to the limit, the fewer; and whoever asks once takes one.
                some = max(1, (limit - heard) // self.PART)
        last_taken = shared.count_up(key, keep_s, by=some)
        if last_taken is None:
            return None
        with self.guard:
            _heard, spans = self.held.get(key, (0, []))
            if some > 1:
                spans.append((last_taken - some + 2, last_taken))
            self.held[key] = last_taken, spans
        return last_taken - some + 1


share: dict[str, Share] = {name: Share() for name in (VISITOR, SESSION, TOKEN)}
local: dict[str, Local] = {name: Local() for name in (VISITOR, SESSION, TOKEN)}


def count(request: HttpRequest, policy: str, subject: str) -> Count:
    """Count this request, once: a second call returns the first one's count."""
    kept: Count | None = vars(request).get(KEPT)
    if kept is None:
        kept = vars(request)[KEPT] = counted(policy, subject)
    return kept


def counted(policy: str, subject: str) -> Count:
    """One more of this subject's requests."""
    limit, window_s = settings.API_LIMITS[policy]
    # The web server's clock will do: no deadline hangs on it, and the database is spared.
    now = time.time()
    window = int(now // window_s)
    key = f"rate:{policy}:{window}:{hidden(subject)}"
    used = share[policy].number(key, window, limit, 2 * window_s)
    if used is None:
        used = local[policy].add_one(key, window)
    return Count(policy, limit, window_s, used, math.ceil((window + 1) * window_s - now))


@lru_cache(4096)
def hidden(subject: str) -> str:
    """Who asks stands in Redis as a keyed hash only."""
    return salted_hmac("jiebang.rate", subject, algorithm="sha256").hexdigest()[:32]


def address_of(request: HttpRequest) -> str:
    """The caller's address; of IPv6 the network that one household is given."""
    return truncate_ip(get_client_ip(request) or "unknown")


class ApiThrottle(BaseThrottle):
    """For every view of the API, whoever calls."""

    count: Count

    def allow_request(self, request: Request, view: APIView) -> bool:
        under: HttpRequest = request._request  # noqa: SLF001 - the framework has no public name
        token, user = request.auth, request.user
        if isinstance(token, ApiToken):
            self.count = count(under, TOKEN, str(token.uid))
        elif isinstance(user, User):
            self.count = count(under, SESSION, str(user.uid))
        else:
            self.count = count(under, VISITOR, address_of(under))
        return not self.count.exceeded

    def wait(self) -> float:
        return self.count.reset_s


class RateLimitMiddleware:
    """Tells every answer of the API how its caller's limit stands, refusals included."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        found: Count | None = vars(request).get(KEPT)
        for name, value in (found.headers if found else {}).items():
            response.headers[name] = value
        return response
