"""A calendar file, RFC 5545. Pure: plain values in, bytes out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import icalendar

PRODUCT = "-//Jiebang//Calendar 1//ZH"
TYPE = "text/calendar; charset=utf-8"
# How often a program may ask again, which is told and not enforced.
ASK_AGAIN = timedelta(hours=1)


@dataclass(frozen=True)
class Entry:
    """One event. `sequence` grows with every change of it; `changed_at` is when it last did.

    Without `ends_at` it is a moment. status: CONFIRMED, TENTATIVE, CANCELLED.
    """

    uid: UUID
    sequence: int
    changed_at: datetime
    starts_at: datetime
    ends_at: datetime | None
    status: str
    summary: str
    description: str
    url: str
    categories: tuple[str, ...] = ()


def event_uid(subject: UUID, kind: str) -> UUID:
    """The same for ever, in each language and under every host name."""
    return uuid5(subject, kind)


def tag_of(name: str, entries: Sequence[Entry]) -> str:
    """A weak ETag of what a file of these would say, without making it."""
    said = repr((PRODUCT, name, [astuple(entry) for entry in entries]))
    return f'W/"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'


def calendar(name: str, entries: Sequence[Entry]) -> bytes:
    """The file. Instants are UTC, so that it needs no time zone of its own."""
    whole = icalendar.Calendar()
    whole.add("prodid", PRODUCT)
    whole.add("version", "2.0")
    whole.add("calscale", "GREGORIAN")
    whole.add("method", "PUBLISH")
    whole.add("name", name)
    whole.add("x-wr-calname", name)
    whole.add("refresh-interval", ASK_AGAIN, parameters={"VALUE": "DURATION"})
    whole.add("x-published-ttl", "PT1H")
    for entry in entries:
        whole.add_component(event(entry))
    return whole.to_ical()


def event(entry: Entry) -> icalendar.Event:
    made = icalendar.Event()
    made.add("uid", str(entry.uid))
    made.add("sequence", entry.sequence)
    made.add("dtstamp", entry.changed_at.astimezone(UTC))
    made.add("last-modified", entry.changed_at.astimezone(UTC))
    made.add("dtstart", entry.starts_at.astimezone(UTC))
    if entry.ends_at is not None:
        made.add("dtend", entry.ends_at.astimezone(UTC))
    made.add("summary", entry.summary)
    made.add("description", entry.description)
    made.add("url", entry.url)
    made.add("status", entry.status)
    # Nobody is busy because of it.
    made.add("transp", "TRANSPARENT")
    if entry.categories:
        made.add("categories", list(entry.categories))
    return made
