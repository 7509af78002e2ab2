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
from marketplace.committee.signing.queries import unsaid
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


def signing(event: Event) -> QuerySet[User]:
    rows = unsaid().filter(panel__uid=event.subjects[1])
    return User.objects.filter(pk__in=rows.values("user_id"))


def reports(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    """Of those reports that still wait for this person's word."""
    rows = unsaid().filter(user=actors[0].user_id, panel__scenario__report__uid__in=uids)
    found = rows.select_related("panel__scenario__report")
    return {row.panel.scenario.report.uid: row.panel for row in found}


register(
    "report.made",
    audience=signing,
    subjects=reports,
    sentence=_("The report on “%(title)s” waits for your signature"),
    title=lambda panel: title(panel.scenario),
    url=lambda panel: reverse("panel-report", args=[panel.uid]),
    group=Group.PANELS,
)
register(
    "member.added",
    audience=added,
    subjects=seats,
    sentence=_("You were appointed to the panel for “%(title)s”"),
    title=lambda seat: title(seat.panel.scenario),
    url=lambda seat: reverse("panel-desk", args=[seat.panel.uid]),
    group=Group.PANELS,
)
