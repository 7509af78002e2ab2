"""/health/live and /health/ready: whether to restart a process, and whether to send it visitors.

Ready is refused (503) only for what makes the site useless or wrong: the database, its schema, its
clock, the storage, a log that was cut or altered. What delays without losing anything is `degraded`,
with 200 and words: the queue, the outbox, the sweeps, the opener, the monitor, what is late for the log.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from marketplace.base import clock, heartbeat
from marketplace.files import spool
from marketplace.files import storage as stored
from marketplace.ledger.log import anchor, stamping, watch
from marketplace.web import standing

OK, DEGRADED, UNAVAILABLE = "ok", "degraded", "unavailable"
STATEMENT_MS = 2000
QUEUE_SECONDS = 1.0
STORAGE_SECONDS = 5.0
OUTBOX_LATE_AFTER = timedelta(minutes=5)
OPENER_LATE_AFTER = timedelta(minutes=1)
MONITOR_LATE_AFTER = timedelta(minutes=3)
RARE = timedelta(minutes=10)


@dataclass(frozen=True)
class Check:
    name: str
    status: str
    words: str = ""


@login_not_required
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": OK})


@login_not_required
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    try:
        now, checks = look()
    except Error:
        connection.close()
        now, checks = None, [Check("database", UNAVAILABLE, "The database does not answer.")]
    checks += [storage(), queue()]
    states = {check.status for check in checks}
    worst = next((state for state in (UNAVAILABLE, DEGRADED) if state in states), OK)
    response = JsonResponse(
        {
            "status": worst,
            "database_time": now and now.isoformat(),
            "checks": [asdict(check) for check in checks],
        },
        status=503 if worst == UNAVAILABLE else 200,
        headers={"Cache-Control": "no-store"},
    )
    if worst == UNAVAILABLE:
        response.headers["Retry-After"] = "5"
    return response


def look() -> tuple[datetime, list[Check]]:
    """What the database tells. Raises django.db.Error when it does not answer in time."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
        now = clock.now()
        checks = [Check("database", OK), migrations(), genuine_clock()]
        if checks[1].status == OK:
            checks += [*signs_of_life(), outbox(), openings()]
            checks += [*transparency_log()]
    return now, checks


def migrations() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        applied: set[tuple[str, str]] = set()
        if cursor.fetchone()[0]:
            cursor.execute("SELECT app, name FROM django_migrations")
            applied = set(cursor.fetchall())
    # More than ours is well: a newer version may be about to take over.
    missing = needed_migrations() - applied
    words = f"{len(missing)} migrations are missing: run `manage.py migrate --database owner`."
    return Check("migrations", UNAVAILABLE, words) if missing else Check("migrations", OK)


@cache
def needed_migrations() -> frozenset[tuple[str, str]]:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(
        key for key, migration in loader.disk_migrations.items() if not migration.replaces
    )


def genuine_clock() -> Check:
    try:
        clock.verify_clock()
    except ImproperlyConfigured:
        return Check("clock", UNAVAILABLE, "marketplace_now() is not the shipped clock.")
    return Check("clock", OK)


def signs_of_life() -> Iterator[Check]:
    ages = heartbeat.ages()
    late = [
        name.rpartition(".")[2]
        for name, most in standing.sweeps().items()
        # One that runs every hour has not run yet in the first.
        if ages.get(heartbeat.task(name), timedelta.max if most < RARE else most) > most
    ]
    words = f"Not run in time: {', '.join(sorted(late))}. Look after worker and beat."
    yield Check("sweeps", DEGRADED, words) if late else Check("sweeps", OK)
    if ages.get(heartbeat.OPENER, timedelta.max) > OPENER_LATE_AFTER:
        yield Check("opener", DEGRADED, "The opener gives no sign of life.")
    else:
        yield Check("opener", OK)
    if ages.get(heartbeat.MONITOR, timedelta.max) > MONITOR_LATE_AFTER:
        words = "The monitor gives no sign of life: what it does not see moves no deadline."
        yield Check("monitor", DEGRADED, words)
    else:
        yield Check("monitor", OK)


def outbox() -> Check:
    if standing.outbox().oldest > OUTBOX_LATE_AFTER:
        return Check("outbox", DEGRADED, "A job has waited for more than five minutes.")
    return Check("outbox", OK)


def openings() -> Check:
    if standing.overdue_openings():
        return Check("openings", DEGRADED, "A confirmed opening is overdue: see the opener's log.")
    if standing.stuck_openings():
        return Check(
            "openings", DEGRADED, "A bid fails for an unknown reason: see the opener's log."
        )
    return Check("openings", OK)


def transparency_log() -> Iterator[Check]:
    """A damaged log signs nothing more, so nobody should be sent here before somebody has looked.

    Bids that come all the same are received.
    """
    damage = anchor.damage()
    words = f"The log signs nothing more ({damage.code}). {damage}" if damage else ""
    yield Check("log", UNAVAILABLE if damage else OK, words)
    broken = watch.promise_broken()
    words = "Something was promised to the log and is not in it after the merge delay."
    yield Check("promise", DEGRADED, words) if broken else Check("promise", OK)
    late = stamping.overdue()
    words = "The authority gives the log no timestamps: `anchor.refused` in worker's log says why."
    yield Check("timestamps", DEGRADED, words) if late else Check("timestamps", OK)
    yield nightly_check()


def nightly_check() -> Check:
    found = watch.last_check()
    if found and found.problem:
        words = "The check of the whole log found a changed row: `manage.py check_log` names it."
        return Check("log_check", DEGRADED, words)
    if watch.check_late():
        return Check("log_check", DEGRADED, "The whole log was not checked for two nights.")
    return Check("log_check", OK)


_written: dict[Path, tuple[float, Check]] = {}


def storage() -> Check:
    """Whether a file can be written; asked of the disk at most every few seconds.

    Of an S3 store, whether it lets us in; files are collected in the spool first.
    """
    root = spool.folder() if settings.S3_BUCKET else Path(settings.STORAGE_ROOT)
    when, found = _written.get(root, (-STORAGE_SECONDS, None))
    if found is None or found.status != OK or time.monotonic() - when >= STORAGE_SECONDS:
        found = write_once(root)
        _written[root] = (time.monotonic(), found)
    return found


def write_once(root: Path) -> Check:
    refused = Check("storage", UNAVAILABLE, "The storage takes no files: no bid can be received.")
    if settings.S3_BUCKET and not stored.is_there(""):
        return refused
    probe = root / f"probe-{uuid4()}.part"
    try:
        with probe.open("xb") as file:
            file.write(bytes(4096))
            file.flush()
        probe.unlink()
    except OSError:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
        return refused
    return Check("storage", OK)


def queue() -> Check:
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=QUEUE_SECONDS, socket_timeout=QUEUE_SECONDS
        ) as client:
            client.ping()
    except (redis.RedisError, OSError):
        return Check("queue", DEGRADED, "The queue is away: deliveries wait, nothing is lost.")
    return Check("queue", OK)
