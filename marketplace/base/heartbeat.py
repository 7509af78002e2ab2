"""Signs of life: programs that nobody can ask leave the time when they last went well."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, connection, transaction

from marketplace.base import clock
from marketplace.base.models import Heartbeat

log = structlog.get_logger()

OPENER = "opener"
# Its time is how far the record of outages is complete, not when it was written.
MONITOR = "monitor"
EVERY_SECONDS = 5.0
_last: dict[str, float] = {}


def task(name: str) -> str:
    return f"task {name}"


def beat(name: str, *, every: float = EVERY_SECONDS) -> None:
    """Leave a sign, not more often than `every` seconds. Never fails whoever lives."""
    if time.monotonic() - _last.get(name, -every) < every:
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO marketplace_heartbeat (name, beat_at) VALUES (%s, marketplace_now())"
                " ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at",
                [name],
            )
    except DatabaseError as error:
        log.warning("heartbeat.failed", error=type(error).__name__)
        return
    _last[name] = time.monotonic()


def reach(name: str, at: datetime) -> None:
    """What `name` keeps is complete up to this instant; never goes back. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO marketplace_heartbeat AS known (name, beat_at) VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE"
            " SET beat_at = greatest(known.beat_at, excluded.beat_at)",
            [name, at],
        )


def reached(name: str) -> datetime | None:
    return Heartbeat.objects.filter(name=name).values_list("beat_at", flat=True).first()


def ages() -> dict[str, timedelta]:
    """{name: how long ago}, by the database's clock."""
    now = clock.now()
    return {row.name: now - row.beat_at for row in Heartbeat.objects.order_by("name")}
