"""Django's default cache, kept in PostgreSQL: what limits guesses must not vanish with Redis.

allauth counts attempts at passwords, codes and resets here, one count for all processes. Values
are JSON, so nothing is unpickled; keys are kept as a keyed hash, so neither addresses nor accounts
stand in the table. Whoever cannot reach the database cannot sign in anyway.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection
from django.utils.crypto import salted_hmac

from marketplace.base.clock import MarketplaceNow
from marketplace.base.models import Count

TABLE = Count._meta.db_table
LONGEST_S = 24 * 3600
# Every name below is a constant; values are parameters.
WRITE = f"""
    INSERT INTO {TABLE} (digest, value, expires_at)
    VALUES (%s, %s::jsonb, marketplace_now() + %s * interval '1 second')
    ON CONFLICT (digest) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at
"""  # noqa: S608
ADD = f"{WRITE} WHERE {TABLE}.expires_at <= marketplace_now()"


class CountingCache(BaseCache):
    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> bool:
        """Put it there unless something is there already: one of two at once wins."""
        return self._write(ADD, key, value, timeout, version)

    def get(self, key: str, default: Any = None, version: Any = None) -> Any:
        rows = Count.objects.filter(
            digest=self._digest(key, version), expires_at__gt=MarketplaceNow()
        )
        found = rows.values_list("value", flat=True).first()
        return default if found is None else found

    def set(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> None:
        self._write(WRITE, key, value, timeout, version)

    def delete(self, key: str, version: Any = None) -> bool:
        gone, _models = Count.objects.filter(digest=self._digest(key, version)).delete()
        return gone > 0

    def clear(self) -> None:
        Count.objects.all().delete()

    def _digest(self, key: str, version: Any) -> str:
        whole = self.make_and_validate_key(key, version=version)
        return salted_hmac("jiebang.counting", whole, algorithm="sha256").hexdigest()

    def _write(self, statement: str, key: str, value: Any, timeout: Any, version: Any) -> bool:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        seconds = LONGEST_S if seconds is None else min(seconds, LONGEST_S)
        given = [self._digest(key, version), json.dumps(value), seconds]
        with connection.cursor() as cursor:
            cursor.execute(statement, given)
            return cursor.rowcount == 1


def forget_expired() -> int:
    """Rows that count nothing any more. Returns how many."""
    gone, _models = Count.objects.filter(expires_at__lte=MarketplaceNow()).delete()
    return gone
