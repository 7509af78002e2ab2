"""A bidder is told of its defence and of the panel's questions; who asked is told of the answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Membership, User
from marketplace.base.actor import Actor
from marketplace.committee.defence.models import DefenceSlot, PanelQuestion
from marketplace.committee.defence.queries import STAGE
from marketplace.committee.models import MemberState, PanelMember
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.notices.reminders import Due, Told, before, on_the_day, remind
from marketplace.scenarios.notices import WRITERS, seen_by_any, title, writers
from marketplace.scenarios.reminders import of

RULE = "panel_question"


def questions(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(PanelQuestion, actors, uids)
    return {row.uid: row for row in rows.select_related("member__panel__scenario", "bid")}


def slots(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(DefenceSlot, actors, uids)
    return {row.uid: row for row in rows.select_related("panel__scenario", "bid")}


def title_of(row: PanelQuestion | DefenceSlot) -> str:
    return title(row.scenario)


def of_bidder(row: PanelQuestion | DefenceSlot) -> str:
    return reverse("bid-panel", args=[row.bid.uid])


def asked(event: Event) -> QuerySet[User]:
    rows = PanelQuestion.objects.filter(uid=event.subjects[-1])
    return writers(Q(organisation__bids__in=rows.values("bid_id")))


def invited(event: Event) -> QuerySet[User]:
    rows = DefenceSlot.objects.filter(uid=event.subjects[-1])
    return writers(Q(organisation__bids__in=rows.values("bid_id")))


def asker(event: Event) -> QuerySet[User]:
    rows = PanelQuestion.objects.filter(uid=event.subjects[-1])
    return User.objects.filter(pk__in=rows.values("member__user_id"))


def planned(event: Event) -> QuerySet[User]:
    """The members, once: with the first slot."""
    if event.data["position"] != 1:
        return User.objects.none()
    rows = PanelMember.objects.filter(panel__uid=event.subjects[1])
    rows = rows.exclude(state=MemberState.RECUSED)
    return User.objects.filter(pk__in=rows.values("user_id"))


register(
    "panel_question.asked",
    audience=asked,
    subjects=questions,
    sentence=_("The panel asks about your bid for “%(title)s”"),
    title=title_of,
    url=of_bidder,
    group=Group.PANELS,
)
register(
    "panel_question.answered",
    audience=asker,
    subjects=questions,
    sentence=_("Your question on a bid for “%(title)s” is answered"),
    title=title_of,
    url=lambda row: reverse("panel-desk", args=[row.member.panel.uid]),
    group=Group.PANELS,
)
register(
    "panel_question.set_aside",
    audience=asked,
    subjects=questions,
    sentence=_("An answer of yours to the panel for “%(title)s” was set aside"),
    title=title_of,
    url=of_bidder,
    group=Group.PANELS,
)
register(
    "defence.set",
    audience=invited,
    subjects=slots,
    sentence=_("The time of your defence for “%(title)s” is set"),
    title=title_of,
    url=of_bidder,
    group=Group.PANELS,
)
register(
    "panel.defence_set",
    event_kind="defence.set",
    audience=planned,
    subjects=slots,
    sentence=_("The defences for “%(title)s” are set"),
    title=title_of,
    url=lambda row: reverse("panel-desk", args=[row.panel.uid]),
    group=Group.PANELS,
)


def unanswered(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = PanelQuestion.objects.unanswered().filter(
        of("uid", among), answer_by__gt=now, member__panel__state=STAGE
    )
    for uid, at, by in rows.values_list("uid", "asked_at", "answer_by"):
        yield Due(uid, at, by)


def bidders(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    rows = Membership.objects.filter(
        organisation__bids__panel_questions__uid__in=uids, role__in=WRITERS
    )
    return rows.values_list("organisation__bids__panel_questions__uid", "user_id")


remind(
    RULE,
    waiting=unanswered,
    subjects=questions,
    title=title_of,
    url=of_bidder,
    group=Group.PANELS,
    told=[
        Told(
            bidders,
            _("A question of the panel on “%(title)s” waits for your answer, due %(at)s"),
            (before(days=1), on_the_day()),
        )
    ],
)
