"""The opener: a process of its own, the only one that is given the master identity."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import pyrage
import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection

from marketplace.base import clock, heartbeat
from marketplace.bidding.examining import own_folder
from marketplace.bidding.opener import open_confirmed
from marketplace.bidding.pauses import Pauses
from marketplace.bidding.replay import Replay
from marketplace.committee.draw.drawing import draw_committed
from marketplace.ledger.verify import NotValid, parse_vkey

log = structlog.get_logger()

# The last checkpoint of the log that was believed, in the opener's own folder.
MEMORY = "checkpoint"
PAUSE_SECONDS = 1.0
PAUSE_SECONDS_MAX = 15.0


def read_identity() -> str:
    """The master identity, held against the recipient that everybody seals to."""
    if not settings.OPENER_IDENTITY_FILE:
        raise CommandError("OPENER_IDENTITY_FILE is not set: only the opener is given it.")
    try:
        text = Path(settings.OPENER_IDENTITY_FILE).read_text("ascii").strip()
        public = str(pyrage.x25519.Identity.from_str(text).to_public())
    except (OSError, ValueError, pyrage.IdentityError) as error:
        raise CommandError("OPENER_IDENTITY_FILE does not hold a readable age identity.") from error
    if public != settings.OPENER_RECIPIENT:
        raise CommandError("The identity does not belong to OPENER_RECIPIENT.")
    return text


def verify_clock() -> None:
    """The deadline is the database's: an opener works with the shipped clock or not at all."""
    try:
        clock.verify_clock()
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error


def read_log_key() -> str:
    if not settings.OPENER_LOG_VKEY:
        raise CommandError("OPENER_LOG_VKEY is not set: the opener believes the log alone.")
    try:
        for text in settings.OPENER_LOG_VKEY.split():
            parse_vkey(text)
    except NotValid as error:
        raise CommandError("OPENER_LOG_VKEY is not a verifier key.") from error
    return str(settings.OPENER_LOG_VKEY)


def one_round(identity: str, replay: Replay, pauses: Pauses | None = None) -> bool:
    """Whether it went well; after a lost database the next round connects anew."""
    try:
        # A restart may have brought another database behind the same address.
        if connection.connection is None:
            verify_clock()
        finished = open_confirmed(identity, replay, pauses)
        drawn = draw_committed(identity, pauses)
    except (OperationalError, InterfaceError) as error:
        log.warning("opener.database_away", error=type(error).__name__)
        connection.close()
        return False
    except CommandError:
        raise
    except Exception:
        log.exception("opener.failed")
        return False
    if finished:
        log.info("opener.finished", openings=finished)
    if drawn:
        log.info("opener.drew", draws=drawn)
    heartbeat.beat(heartbeat.OPENER)
    return True


class Command(BaseCommand):
    help = "Open what key holders have confirmed and draw what is committed, until told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, then exit")

    def handle(self, *args: Any, **options: Any) -> None:
        identity = read_identity()
        replay = Replay(read_log_key(), memory=own_folder() / MEMORY)
        verify_clock()
        if options["once"]:
            open_confirmed(identity, replay)
            draw_committed(identity)
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        log.info("opener.started")
        pause, pauses = PAUSE_SECONDS, Pauses()
        while not stop.is_set():
            pause = (
                PAUSE_SECONDS
                if one_round(identity, replay, pauses)
                else min(pause * 2, PAUSE_SECONDS_MAX)
            )
            stop.wait(pause)
        connection.close()
        log.info("opener.stopped")
