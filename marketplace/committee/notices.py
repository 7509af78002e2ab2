"""Experts are told of their seat, as long as they hold it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.committee.models import MemberState, Panel, PanelMember
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.scenarios.notices import seen_by_any, title


def panels(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(Panel, actors, uids).select_related("scenario")
    return {row.uid: row for row in rows}


def seats(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    """A person's own, as long as the panel is seen by one of the hats, which a recusal ends."""
    own = PanelMember.objects.filter(uid__in=uids, user=actors[0].user_id)
    seen = Q(pk=None)
    for actor in actors:
        seen |= Q(panel__in=Panel.objects.visible_to(actor))
    return {row.uid: row for row in own.filter(seen).select_related("panel__scenario")}


def added(event: Event) -> QuerySet[User]:
    seats = PanelMember.objects.filter(uid=event.subjects[-1]).exclude(state=MemberState.RECUSED)
    return User.objects.filter(pk__in=seats.values("user_id"))


register(
    "member.added",
    audience=added,
    subjects=seats,
    sentence=_("You were appointed to the panel for “%(title)s”"),
    title=lambda seat: title(seat.panel.scenario),
    url=lambda seat: reverse("panel-desk", args=[seat.panel.uid]),
    group=Group.PANELS,
)
