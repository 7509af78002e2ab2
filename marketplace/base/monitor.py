"""The monitor of outages: asks the site whether it is ready, and records when it is not.

It keeps what it saw in a file of its own until the database has it, and it asks in one thread and
writes in another, so that a database that hangs does not keep it from seeing.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connection, transaction

from marketplace.base import clock, heartbeat
from marketplace.base.models import Outage
from marketplace.base.watching import Piece, Watch

log = structlog.get_logger()

ANSWER_SECONDS = 10.0
ANSWER_BYTES = 64 * 1024
GAP = timedelta(minutes=1)
READY = {"ok", "degraded"}
UNREACHABLE, NOT_READY = "unreachable", "not_ready"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """An answer from elsewhere says nothing about the site."""


def ask(url: str, *, seconds: float = ANSWER_SECONDS) -> str:
    """What is wrong with the site: nothing (""), UNREACHABLE or NOT_READY."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)
    try:
        with opener.open(url, timeout=seconds) as answer:
            said = json.loads(answer.read(ANSWER_BYTES))
    except (urllib.error.HTTPError, ValueError):
        return NOT_READY
    except (OSError, http.client.HTTPException):
        return UNREACHABLE
    ready = isinstance(said, dict) and said.get("status") in READY
    return "" if ready else NOT_READY


def nearest(kept: timedelta, least: timedelta, most: timedelta) -> timedelta:
    """What is kept, where it lies between the two; otherwise the nearer of them.

    How far another clock is ahead is known up to the time that its answer took. Who believed each
    answer anew would set time back after a slow one, and lose an outage of that moment.
    """
    return min(max(kept, least), most)


class Monitor:
    """url, file, and how long the pieces are in which an outage that goes on is written."""

    def __init__(self, *, url: str, file: Path, piece: timedelta) -> None:
        self.url, self.file, self.piece = url, file, piece
        self._lock = threading.Lock()
        self._kept = ""
        # What the database's clock is ahead of this machine's, as far as it was ever asked.
        self.ahead = timedelta()
        self.watch = self._restored()

    # -- Seeing --
    def look(self) -> str:
        """One question. It counts for the instant at which it was asked, by the database's clock."""
        at = datetime.now(UTC) + self.ahead
        problem = ask(self.url)
        with self._lock:
            went_on = self.watch.going_on
            self.watch.note(at, problem)
            if self.watch.going_on is not went_on:
                log.info("monitor.outage_ends" if went_on else "monitor.outage", what=problem)
            elif problem and not self.watch.seen_ready:
                log.warning("monitor.never_seen_ready", url=self.url, what=problem)
            self._keep()
        return problem

    # -- Recording --
    def record(self, *, all_of_it: bool = False) -> bool:
        """Write what is due, and how far the record is complete. False while there is no database."""
        try:
            if connection.connection is None:
                clock.verify_clock()
            before = datetime.now(UTC)
            now = clock.now()
            self.ahead = nearest(self.ahead, now - datetime.now(UTC), now - before)
            self._write(all_of_it=all_of_it)
        except (DatabaseError, InterfaceError) as error:
            log.warning("monitor.database_away", error=type(error).__name__)
            connection.close()
            return False
        except ImproperlyConfigured as error:
            log.warning("monitor.clock", error=str(error))
            connection.close()
            return False
        return True

    def _write(self, *, all_of_it: bool) -> None:
        with self._lock:
            due = all_of_it or self.watch.is_due(self.piece)
            pieces = list(self.watch.pending) if due else []
            if self.watch.pending and not due:
                return
            known_until = self.watch.known_until
        with transaction.atomic():
            Outage.objects.bulk_create(
                Outage(from_at=piece.from_at, until_at=piece.until_at, what=piece.what)
                for piece in pieces
            )
            if known_until:
                heartbeat.reach(heartbeat.MONITOR, known_until)
        if pieces:
            log.info("monitor.recorded", pieces=len(pieces))
            with self._lock:
                self.watch.written(pieces)
                self._keep()

    # -- The file --
    def _keep(self) -> None:
        """Everything that a restart must not lose; written only when it has changed, never half."""
        text = json.dumps(
            {
                "url": self.url,
                "seen_ready": self.watch.seen_ready,
                "ahead_seconds": round(self.ahead.total_seconds()),
                "pending": [
                    [piece.from_at.isoformat(), piece.until_at.isoformat(), piece.what]
                    for piece in self.watch.pending
                ],
            }
        )
        if text == self._kept:
            return
        draft = self.file.with_name(self.file.name + ".new")
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with draft.open("w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.file)
        except OSError as error:
            log.warning("monitor.file_not_written", error=str(error))
            return
        self._kept = text

    def _restored(self) -> Watch:
        """What the file says, if it is there and about this address."""
        try:
            kept = json.loads(self.file.read_text())
            pending = [
                Piece(datetime.fromisoformat(start), datetime.fromisoformat(end), what)
                for start, end, what in kept["pending"]
            ]
            seen_ready = bool(kept["seen_ready"]) and kept["url"] == self.url
            self.ahead = timedelta(seconds=kept["ahead_seconds"])
        except FileNotFoundError:
            return Watch(gap=GAP)
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("monitor.file_not_read", error=str(error))
            return Watch(gap=GAP)
        return Watch(gap=GAP, seen_ready=seen_ready, pending=pending)
