"""Django's PostgreSQL, with a pool that looks at a connection before it asks the server about it."""

from __future__ import annotations

import select
import time
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

# A connection that was given out so recently is only looked at. A server that stops or is killed
# closes it, which can be seen from here; one that vanished with its network is found when asked.
TRUSTED_S = 1.0
_given_at: WeakKeyDictionary[psycopg.Connection[Any], float] = WeakKeyDictionary()


def still_there(connection: psycopg.Connection[Any]) -> None:
    """In place of a round trip for each request. Raises as psycopg's own check does."""
    now = time.monotonic()
    recent = now - _given_at.get(connection, -TRUSTED_S) < TRUSTED_S
    if not recent or connection.closed or has_something_to_say(connection):
        ConnectionPool.check_connection(connection)
    _given_at[connection] = now


def has_something_to_say(connection: psycopg.Connection[Any]) -> bool:
    """Unasked, a server speaks when it hangs up."""
    wire = select.poll()
    wire.register(connection.fileno(), select.POLLIN)
    return bool(wire.poll(0))


class DatabaseWrapper(base.DatabaseWrapper):
    @property
    def pool(self) -> Any:
        pool = super().pool
        if pool is not None and pool._check is ConnectionPool.check_connection:  # noqa: SLF001
            pool._check = still_there  # noqa: SLF001  # Django hands its own check over, always
        return pool
