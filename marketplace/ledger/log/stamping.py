"""Timestamps (RFC 3161): an outside authority attests when a checkpoint was there at the latest.

Once an hour, and for the first checkpoint over each closing. The authority is the one address that
the operator names; what it answers is believed only as far as the certificates in LOG_TIMESTAMP_CA
go. While it is away, or lies, anchors come later; neither bids nor batches wait for it.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from threading import Event, Timer
from urllib.parse import urlsplit

import structlog
from cryptography.x509 import load_pem_x509_certificates
from django.conf import settings
from django.db import connection, transaction
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from marketplace.base import clock
from marketplace.base.models import OutboxJob
from marketplace.base.queue import enqueue, handles
from marketplace.ledger.log import tiles
from marketplace.ledger.log.models import Anchor, Checkpoint

log = structlog.get_logger()
STAMP = "stamp_log"
EVERY = timedelta(hours=1)
OVERDUE_AFTER = timedelta(hours=1)
CLOCKS_APART = timedelta(minutes=5)
SILENCE_SECONDS, TOTAL_SECONDS = 5.0, 15.0
ANSWER_BYTES = 64 * 1024
QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
# Kinds of events whose first checkpoint is stamped without waiting for the hour.
AT_ONCE: set[str] = set()
CLOSED_SINCE = """
SELECT min(leaf.index) FROM marketplace_event event
JOIN marketplace_leaf leaf ON leaf.event_id = event.id
WHERE event.kind = ANY(%s) AND leaf.index >= %s
"""


class StampRefused(Exception):
    """The authority gave nothing that holds. The text says why, for the operator."""


def stamp_at_once(kind: str) -> None:
    """For rooms above: the checkpoint over an event of this kind is stamped as soon as it is there."""
    AT_ONCE.add(kind)


def is_on() -> bool:
    return bool(settings.LOG_TIMESTAMP_URL)


def newest_anchor() -> Anchor | None:
    """The latest timestamp over a checkpoint of this log."""
    anchors = Anchor.objects.filter(checkpoint__origin=settings.LOG_ORIGIN)
    return anchors.select_related("checkpoint").order_by("-checkpoint_id").first()


def due_since() -> datetime | None:
    """Since when a timestamp is owed: an hour has passed, or a closing lies under no stamp yet."""
    ours = Checkpoint.objects.filter(origin=settings.LOG_ORIGIN).order_by("id")
    newest, last = ours.last(), newest_anchor()
    if not is_on() or newest is None or (last and last.checkpoint_id == newest.pk):
        return None
    if last is None:
        return ours[0].at
    since = [last.checkpoint.at + EVERY] if newest.at >= last.checkpoint.at + EVERY else []
    with connection.cursor() as cursor:
        cursor.execute(CLOSED_SINCE, [sorted(AT_ONCE), last.checkpoint.size])
        index = cursor.fetchone()[0]
    if index is not None:
        covering = ours.filter(pk__gt=last.checkpoint_id, size__gt=index).first()
        since += [covering.at] if covering else []
    return min(since, default=None)


def overdue() -> bool:
    since = due_since()
    return since is not None and clock.now() - since > OVERDUE_AFTER


@transaction.atomic
def promise_due() -> bool:
    """Promise a stamp where one is owed and none is promised; the outbox tries until it is there."""
    if due_since() is None or OutboxJob.objects.filter(kind=STAMP, done_at=None).exists():
        return False
    enqueue(STAMP)
    return True


@handles(STAMP)
def stamp_newest(**_: object) -> None:
    """Runs twice without harm: what is stamped is not owed any more. Raises StampRefused."""
    checkpoint = tiles.newest()
    if due_since() is None or checkpoint is None:
        return
    request = request_for(checkpoint.note.encode())
    try:
        answer = ask(settings.LOG_TIMESTAMP_URL, request.as_bytes())
        at = verified(answer, request, checkpoint.note)
    except StampRefused as refused:
        log.warning("anchor.refused", reason=str(refused), size=checkpoint.size)
        raise
    Anchor.objects.get_or_create(
        checkpoint=checkpoint,
        authority=authority(settings.LOG_TIMESTAMP_URL),
        defaults={"token": answer, "stamped_at": at},
    )


def request_for(data: bytes) -> TimeStampRequest:
    builder = TimestampRequestBuilder(data=data, hash_algorithm=HashAlgorithm.SHA256)
    return builder.build()


def authority(url: str) -> str:
    """Its host, for people: no path, no password."""
    return (urlsplit(url).hostname or "")[:200]


def ask(url: str, query: bytes) -> bytes:
    """One POST to the operator's address. No redirect is followed and no answer is waited for long.

    Raises StampRefused.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    link = (
        http.client.HTTPSConnection(
            host, port, timeout=SILENCE_SECONDS, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=SILENCE_SECONDS)
    )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        link.connect()
        with at_most(TOTAL_SECONDS, link.sock):
            link.request("POST", path, query, {"Content-Type": QUERY, "Accept": REPLY})
            with link.getresponse() as answer:
                body = answer.read(ANSWER_BYTES + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise StampRefused(f"The authority does not answer: {type(error).__name__}.") from error
    finally:
        link.close()
    if answer.status != 200:
        raise StampRefused(f"The authority answers {answer.status}.")
    if len(body) > ANSWER_BYTES:
        raise StampRefused(f"The authority's answer is longer than {ANSWER_BYTES} bytes.")
    return body


@contextmanager
def at_most(seconds: float, link: socket.socket) -> Iterator[None]:
    """End a connection after so long: a byte now and then would outlive the socket's timeout.

    Raises TimeoutError if it came to that.
    """
    late = Event()

    def cut() -> None:
        late.set()
        with suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)

    watch = Timer(seconds, cut)
    watch.daemon = True
    watch.start()
    try:
        yield
        if late.is_set():
            raise TimeoutError
    finally:
        watch.cancel()


def verified(answer: bytes, request: TimeStampRequest, note: str) -> datetime:
    """The time that the answer attests for this note, near ours. Raises StampRefused."""
    at = token_time(answer, request, note.encode())
    apart = at - clock.now()
    if abs(apart) > CLOCKS_APART:
        raise StampRefused(
            f"The authority's time is {apart.total_seconds():+.0f} s from ours: one clock is wrong."
        )
    return at


def token_time(answer: bytes, request: TimeStampRequest, data: bytes) -> datetime:
    """The time that the answer attests for these bytes and no other. Raises StampRefused."""
    verifier = VerifierBuilder.from_request(request)
    try:
        for certificate in load_pem_x509_certificates(settings.LOG_TIMESTAMP_CA.read_bytes()):
            verifier = verifier.add_root_certificate(certificate)
    except (OSError, ValueError) as error:
        raise StampRefused("LOG_TIMESTAMP_CA holds no certificates in PEM.") from error
    try:
        response = decode_timestamp_response(answer)
        verifier.build().verify_message(response, data)
        at: datetime = response.tst_info.gen_time
    except (VerificationError, ValueError, TypeError) as error:
        raise StampRefused(f"The authority's token does not hold: {error}") from error
    return at
