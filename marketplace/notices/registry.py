"""What the rooms above tell people about: each registers its kinds here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.functional import Promise

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.moments import instant_text
from marketplace.base.queue import enqueue
from marketplace.ledger.actions import project
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.models import Notice

NOTIFY = "notify"

# (every hat of one person, uids) -> {uid: the row, for those that the person may see now}
Subjects = Callable[[list[Actor], Collection[UUID]], dict[UUID, Any]]


@dataclass(frozen=True)
class Kind:
    name: str
    event_kind: str
    audience: Callable[[Event], QuerySet[User]]
    subjects: Subjects
    sentence: str | Promise
    title: Callable[[Any], str]
    url: Callable[[Any], str]
    group: str = Group.ACCOUNT
    # Whether it is still worth a mail: what was reminded of may have been done meanwhile.
    still: Callable[[Notice], bool] | None = None

    def text(self, row: Any, due_at: datetime | None = None) -> str:
        """One line in the language of the moment, whatever signs the title holds."""
        told = {"title": self.title(row), "at": instant_text(due_at) if due_at else ""}
        return one_line(str(self.sentence) % told)


KINDS: dict[str, Kind] = {}


def register(
    name: str,
    *,
    audience: Callable[[Event], QuerySet[User]],
    subjects: Subjects,
    sentence: str | Promise,
    title: Callable[[Any], str],
    url: Callable[[Any], str],
    event_kind: str = "",
    group: str = Group.ACCOUNT,
) -> None:
    """Tell people of the events of one kind.

    name: the notice's kind, and the event's where `event_kind` is empty. The notice is about the
    event's last subject. audience: who is told, asked at delivery. subjects: which rows a person
    may see now, many at once, so that a list costs the same with one line and with thirty; the
    right is asked at delivery and again whenever the notice is shown. sentence: a lazy text with
    the place %(title)s. group: by which a person chooses the way; without one it cannot be silenced.
    """
    kind = Kind(name, event_kind or name, audience, subjects, sentence, title, url, group)
    if not any(known.event_kind == kind.event_kind for known in KINDS.values()):
        project(kind.event_kind)(promise)
    KINDS[name] = kind


def promise(event: Event) -> None:
    """Runs in the event's transaction: the promise is kept or lost with it."""
    enqueue(NOTIFY, event_uid=str(event.uid))


def kinds_of(event: Event) -> list[Kind]:
    return [kind for kind in KINDS.values() if kind.event_kind == event.kind]


def one_line(text: str) -> str:
    """Line ends of every sort become spaces: the text also stands in a mail's header."""
    return " ".join(text.split())
