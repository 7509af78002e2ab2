"""The vendor is told what became of its attempt, the owner what became of its course."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.races.attempts.models import Attempt
from marketplace.races.course.models import Course
from marketplace.scenarios.notices import seen_by_any, title, writers


def its_vendor(event: Event) -> QuerySet[User]:
    mine = Attempt.objects.filter(uid=event.subjects[-1]).values("organisation_id")
    return writers(Q(organisation__in=mine))


def attempts(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(Attempt, actors, uids).select_related("entry__heat__race__scenario")
    return {row.uid: row for row in rows}


for _kind, _sentence in {
    "attempt.scored": _("Your result for “%(title)s” is scored"),
    "attempt.refused": _("Your result for “%(title)s” cannot be counted: see what to change"),
    "attempt.failed": _(
        "Measuring your result for “%(title)s” failed by our fault; it is not counted"
    ),
}.items():
    register(
        _kind,
        audience=its_vendor,
        subjects=attempts,
        sentence=_sentence,
        title=lambda attempt: title(attempt.entry.heat.race.scenario),
        url=lambda attempt: reverse("attempt", args=[attempt.uid]),
        group=Group.OPENINGS,
    )


def its_owner(event: Event) -> QuerySet[User]:
    course = Course.objects.filter(uid=event.subjects[-1])
    owner = course.values("heat__race__scenario__organisation_id")
    return writers(Q(organisation__in=owner))


def courses(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(Course, actors, uids).select_related("heat__race__scenario")
    return {row.uid: row for row in rows}


register(
    "course.refused",
    audience=its_owner,
    subjects=courses,
    sentence=_("The course of a heat of “%(title)s” cannot be used: see what to change"),
    title=lambda course: title(course.heat.race.scenario),
    url=lambda course: reverse(
        "course", args=[course.heat.race.scenario.address, course.heat.number]
    ),
    group=Group.DEMANDS,
)
