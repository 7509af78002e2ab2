"""Whole numbers that all processes share through Redis. It may vanish: then nothing is known."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from redis import RedisError

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


class _Away:
    until = 0.0


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
