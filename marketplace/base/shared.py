"""Whole numbers that all processes share through Redis. It may vanish: then nothing is known."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import structlog
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from redis import Redis, RedisError

log = structlog.get_logger()
T = TypeVar("T")
# After a failure it is left alone so long, so that pages do not wait for it one after another.
PAUSE_S = 5.0


class WholeNumbers:
    """In place of Django's pickles: what stands in Redis can be a number and nothing else."""

    def dumps(self, value: int) -> int:
        return int(value)

    def loads(self, data: bytes) -> int:
        return int(data)


# One round trip: the count, which forgets itself after a while.
COUNT = """
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
if count == tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count
"""


class _Away:
    until = 0.0


def _settings() -> dict[str, Any]:
    return cast("dict[str, Any]", settings.CACHES["shared"])


@cache
def _client(location: str) -> Redis:
    """Django's cache would ask three times for one count."""
    options = _settings()["OPTIONS"]
    waits = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout")}
    return Redis.from_url(location, **waits)


def count_up(key: str, keep_s: int, *, by: int = 1) -> int | None:
    """So many more under this key; how many there are now, or None where the memory is away."""

    def counted(memory: BaseCache) -> int:
        client = _client(_settings()["LOCATION"])
        found: int = client.eval(COUNT, 1, memory.make_key(key), keep_s, by)
        return found

    return ask(counted, None)


def ask(question: Callable[[BaseCache], T], otherwise: T) -> T:
    """The answer of the shared memory, or `otherwise` where it is away or holds no number."""
    if time.monotonic() < _Away.until:
        return otherwise
    try:
        return question(caches["shared"])
    except (RedisError, OSError):
        _Away.until = time.monotonic() + PAUSE_S
        log.warning("shared.away")
    except ValueError:
        log.warning("shared.no_number")
    return otherwise
