"""Who is told that a nonce is waited for, or that he is invited."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import PersonRole, User
from marketplace.base.actor import Actor, Role
from marketplace.committee.draw.models import Answer, Draw, DrawInvitation, DrawState
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.scenarios.notices import seen_by_any, title


def witnesses(event: Event) -> QuerySet[User]:
    roles = PersonRole.objects.filter(role=Role.WITNESS)
    return User.objects.filter(pk__in=roles.values("user_id"), is_active=True)


def draws(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(Draw, actors, uids).filter(state=DrawState.PREPARED)
    return {row.uid: row for row in rows.select_related("scenario")}


def invited(event: Event) -> QuerySet[User]:
    rows = DrawInvitation.objects.filter(uid=event.subjects[-1], answer=Answer.WAITING)
    return User.objects.filter(pk__in=rows.values("place__expert__user"))


def invitations(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(DrawInvitation, actors, uids).select_related("draw__scenario")
    return {row.uid: row for row in rows}


register(
    "draw.prepared",
    audience=witnesses,
    subjects=draws,
    sentence=_("Your nonce is waited for: the panel for “%(title)s” is about to be drawn"),
    title=lambda draw: title(draw.scenario),
    url=lambda draw: reverse("draw", args=[draw.scenario.address]),
    group=Group.PANELS,
)
register(
    "draw.invited",
    audience=invited,
    subjects=invitations,
    sentence=_("You were drawn for the panel of “%(title)s”: please answer"),
    title=lambda row: title(row.draw.scenario),
    url=lambda row: reverse("draw-invitation", args=[row.uid]),
    group=Group.PANELS,
)
