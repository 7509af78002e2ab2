"""/metrics for Prometheus: open to whoever holds METRICS_TOKEN, not there without one.

Nothing here tells before a deadline that a bid exists, or how many: routes that have to do with
bids are not counted (see observed.py), jobs about bids are not either (see standing.py), and there
is no figure of rows, of bytes or of what is free on a disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from hmac import compare_digest
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from marketplace.base import heartbeat
from marketplace.ledger.log import anchor, watch
from marketplace.web import standing

REQUESTS = Counter(
    "jiebang_requests", "Answered requests by route and class of status.", ["route", "status"]
)
SECONDS = Histogram(
    "jiebang_request_seconds",
    "How long they took.",
    ["route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
POOL = Gauge(
    "jiebang_database_connections",
    "Of the pools of the web processes: size, available, and requests that wait for one.",
    ["of"],
    multiprocess_mode="livesum",
)
POOL_FIGURES = {"size": "pool_size", "available": "pool_available", "waiting": "requests_waiting"}
PROCESS_FILE = re.compile(r"gauge_live\w*_([0-9]+)\.db")


def count_request(route: str, status: int, seconds: float) -> None:
    REQUESTS.labels(route, f"{status // 100}xx").inc()
    SECONDS.labels(route).observe(seconds)
    pool = getattr(connection, "pool", None) if settings.METRICS_TOKEN else None
    if pool is not None:
        figures = pool.get_stats()
        for name, key in POOL_FIGURES.items():
            POOL.labels(name).set(figures.get(key, 0))


class Standing(Collector):
    """Read from the database when it is asked for; the same whichever process answers."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        waiting = standing.outbox()
        for name, text, value in (
            ("jiebang_outbox_jobs", "Jobs that wait.", waiting.jobs),
            ("jiebang_outbox_notices", "Those of them that tell people.", waiting.notices),
            (
                "jiebang_outbox_oldest_seconds",
                "Age of the oldest one that is due.",
                waiting.oldest.total_seconds(),
            ),
            (
                "jiebang_openings_overdue",
                "Confirmed openings that the opener has not finished in time.",
                standing.overdue_openings(),
            ),
            (
                "jiebang_openings_stuck",
                "Confirmed openings with a bid that fails for an unknown reason.",
                standing.stuck_openings(),
            ),
            (
                "jiebang_log_promise_broken",
                "1 if something promised to the log is not in it after the merge delay.",
                int(watch.promise_broken()),
            ),
            (
                "jiebang_log_damaged",
                "1 if the log was cut or altered and signs nothing more.",
                int(anchor.damage() is not None),
            ),
        ):
            yield GaugeMetricFamily(name, text, value=value)
        signs = GaugeMetricFamily(
            "jiebang_last_seen_seconds",
            "Since the opener, and each sweep, last went well.",
            labels=["of"],
        )
        for name, age in heartbeat.ages().items():
            signs.add_metric([name], age.total_seconds())
        yield signs


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not allowed(request.headers.get("Authorization", "")):
        raise Http404
    registry = CollectorRegistry()
    registry.register(Standing())
    body = generate_latest(registry) + generate_latest(processes())
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


def allowed(authorization: str) -> bool:
    wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
    return bool(settings.METRICS_TOKEN) and compare_digest(authorization.encode(), wanted)


def processes() -> CollectorRegistry:
    """The figures of all web processes, where a folder joins them; else of this one."""
    if not settings.METRICS_FOLDER:
        own = CollectorRegistry()
        for collector in (REQUESTS, SECONDS, POOL):
            own.register(collector)
        return own
    forget_the_dead(Path(settings.METRICS_FOLDER))
    joined = CollectorRegistry()
    MultiProcessCollector(joined, path=settings.METRICS_FOLDER)
    return joined


def forget_the_dead(folder: Path) -> None:
    """What a process that has ended held is held by nobody; what it counted stays counted."""
    for path in folder.glob("gauge_live*.db"):
        found = PROCESS_FILE.fullmatch(path.name)
        if found:
            try:
                os.kill(int(found[1]), 0)
            except ProcessLookupError:
                with suppress(OSError):
                    path.unlink()
            except PermissionError:
                continue
