"""Who was drawn is reminded while there is time to answer; afterwards the next is asked anyway."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.committee.draw.models import Answer, DrawInvitation
from marketplace.committee.draw.notices import invitations
from marketplace.notices.channels import Group
from marketplace.notices.reminders import Due, Told, before, on_the_day, remind
from marketplace.scenarios.notices import title
from marketplace.scenarios.reminders import of

RULE = "draw_invitation"


def unanswered(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = DrawInvitation.objects.filter(
        of("uid", among), answer=Answer.WAITING, answer_by__gt=now, draw__scenario__suspended=False
    )
    for uid, at, by in rows.values_list("uid", "invited_at", "answer_by"):
        yield Due(uid, at, by)


def invited(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    rows = DrawInvitation.objects.filter(uid__in=uids, answer=Answer.WAITING)
    return rows.values_list("uid", "place__expert__user_id")


remind(
    RULE,
    waiting=unanswered,
    subjects=invitations,
    title=lambda row: title(row.draw.scenario),
    url=lambda row: reverse("draw-invitation", args=[row.uid]),
    group=Group.PANELS,
    told=[
        Told(
            invited,
            _("Your invitation to the panel of “%(title)s” waits for an answer, due %(at)s"),
            (before(days=1), on_the_day(), before(hours=3)),
        )
    ],
)
