"""The monitor: a process of its own, whose record is what moves deadlines after an outage."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from marketplace.base.monitor import Monitor

log = structlog.get_logger()


class Command(BaseCommand):
    help = "Ask the site whether it is ready, every few seconds, and record when it is not."

    def handle(self, *args: Any, **options: Any) -> None:
        monitor = Monitor(
            url=settings.MONITOR_URL,
            file=settings.MONITOR_FILE,
            piece=timedelta(seconds=settings.MONITOR_PIECE_SECONDS),
        )
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        log.info("monitor.started", url=monitor.url)
        # A daemon, so that a database that hangs keeps nobody from stopping us.
        recorder = threading.Thread(target=record, args=(monitor, stop), daemon=True)
        recorder.start()
        while not stop.is_set():
            monitor.look()
            stop.wait(settings.MONITOR_SECONDS)
        recorder.join(5)
        log.info("monitor.stopped")


def record(monitor: Monitor, stop: threading.Event) -> None:
    """Whatever fails is tried again; at the end everything is written that can be."""
    while not stop.is_set():
        try:
            monitor.record()
        except Exception:
            log.exception("monitor.failed")
        stop.wait(settings.MONITOR_SECONDS)
    monitor.record(all_of_it=True)
    connection.close()
