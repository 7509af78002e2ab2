from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from marketplace.accounts.models import User
from marketplace.accounts.queries import hats
from marketplace.base.actor import Actor, Role
from marketplace.notices.channels import UNLESS_CHOSEN, Channel, Group
from marketplace.notices.models import Notice
from marketplace.notices.registry import KINDS, Kind, Subjects


@dataclass(frozen=True)
class Line:
    """A notice as its reader may see it now; without text when the subject is hidden from him."""

    notice: Notice
    text: str = ""
    url: str = ""
    kind: Kind | None = None

    @property
    def withdrawn(self) -> bool:
        return not self.text

    @property
    def group(self) -> str:
        return self.kind.group if self.kind else ""

    @property
    def still(self) -> bool:
        """Whether what it says still holds. A query for a reminder, none for other notices."""
        return self.kind is None or self.kind.still is None or self.kind.still(self.notice)


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
    return Line(notice, kind.text(row, notice.due_at), kind.url(row), kind)


def channels_of(user: User) -> dict[str, str]:
    """{group: channel} of a person, with every group."""
    chosen = dict(user.notice_preferences.values_list("group", "channel"))
    return {group: chosen.get(group, UNLESS_CHOSEN) for group in Group.values}


def channel_of(user: User, group: str) -> str:
    rows = user.notice_preferences.filter(group=group)
    return rows.values_list("channel", flat=True).first() or UNLESS_CHOSEN


def for_digest(user: User) -> QuerySet[Notice]:
    """What the person's next mail of the day would tell of, oldest first."""
    wanted = Q(pk=None)
    daily = user.notice_preferences.filter(channel=Channel.DAILY)
    for group, since in daily.values_list("group", "changed_at"):
        kinds = [kind.name for kind in KINDS.values() if kind.group == group]
        wanted |= Q(kind__in=kinds, created_at__gte=since)
    unsent = Notice.objects.filter(user=user, mailed_at=None, mail_refused_at=None).unread()
    return unsent.filter(wanted).order_by("pk")
