from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from marketplace.accounts.models import User
from marketplace.accounts.queries import hats
from marketplace.base.actor import Actor, Role
from marketplace.notices.models import Notice
from marketplace.notices.registry import KINDS, Subjects


@dataclass(frozen=True)
class Line:
    """A notice as its reader may see it now; without text when the subject is hidden from him."""

    notice: Notice
    text: str = ""
    url: str = ""

    @property
    def withdrawn(self) -> bool:
        return not self.text


def inbox(actor: Actor) -> QuerySet[Notice]:
    """The person's notices, newest first."""
    return Notice.objects.visible_to(actor).order_by("-pk")


def unread_count(actor: Actor) -> int:
    return Notice.objects.visible_to(actor).unread().count()


def capacities(user: User) -> list[Actor]:
    """Every hat of a person; who has none is a plain member. Two queries."""
    return [hat.actor for hat in hats(user)] or [Actor(Role.MEMBER, user)]


def lines(user: User, notices: Iterable[Notice]) -> list[Line]:
    """What each notice says to its reader, in the language of the moment.

    One question per sort of subject, not per notice.
    """
    rows = list(notices)
    wanted: dict[Subjects, set[UUID]] = {}
    for notice in rows:
        if kind := KINDS.get(notice.kind):
            wanted.setdefault(kind.subjects, set()).add(notice.subject_uid)
    actors = capacities(user) if wanted else []
    found = {subjects: subjects(actors, uids) for subjects, uids in wanted.items()}
    return [_line(notice, found) for notice in rows]


def _line(notice: Notice, found: dict[Subjects, dict[UUID, Any]]) -> Line:
    kind = KINDS.get(notice.kind)
    row = found[kind.subjects].get(notice.subject_uid) if kind else None
    if kind is None or row is None:
        return Line(notice)
    return Line(notice, kind.text(row), kind.url(row))
