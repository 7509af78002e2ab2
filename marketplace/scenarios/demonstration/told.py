"""Experts are told that their opinion is asked, and reminded; what is late goes to the secretary."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor, Role
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.notices.reminders import Due, Told, after, before, on_the_day, remind
from marketplace.scenarios.demonstration.models import (
    Demonstration,
    DemonstrationSeat,
    SeatState,
)
from marketplace.scenarios.notices import seen_by_any, title
from marketplace.scenarios.reminders import of, office


def rounds(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(Demonstration, actors, uids).select_related("scenario")
    return {row.uid: row for row in rows}


def round_title(row: Demonstration) -> str:
    return title(row.scenario)


def page(row: Demonstration) -> str:
    return reverse("scenario-demonstration", args=[row.scenario.address])


def asked(event: Event) -> QuerySet[User]:
    """Who was asked by then and has not answered."""
    seats = DemonstrationSeat.objects.filter(
        demonstration__uid=event.subjects[-1], created_at__lte=event.at, state=SeatState.INVITED
    )
    return User.objects.filter(pk__in=seats.values("user_id"))


register(
    "demonstration.invited",
    audience=asked,
    subjects=rounds,
    sentence=_("Your opinion is asked on the demand “%(title)s”"),
    title=round_title,
    url=page,
    group=Group.PANELS,
)


def awaited(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = Demonstration.objects.filter(of("uid", among), concluded_at=None)
    for row in rows:
        yield Due(row.uid, row.opened_at, row.due_at)


def silent(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    seats = DemonstrationSeat.objects.filter(
        demonstration__uid__in=uids, state=SeatState.INVITED, demonstration__concluded_at=None
    )
    return seats.values_list("demonstration__uid", "user_id")


remind(
    "opinion",
    waiting=awaited,
    subjects=rounds,
    title=round_title,
    url=page,
    told=[
        Told(
            silent,
            _("Your opinion on the demand “%(title)s” is asked until %(at)s"),
            (before(days=1), on_the_day(), after()),
        ),
        Told(
            office(Role.SECRETARY),
            _("The opinions on “%(title)s” were asked until %(at)s: conclude, or ask others"),
            (after(), after(days=2)),
            name="late",
        ),
    ],
)
