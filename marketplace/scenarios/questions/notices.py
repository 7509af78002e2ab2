"""Who is told of a question and of its answer. Nobody is told who asked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Capability, Grant, User
from marketplace.base.actor import Actor
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.notices import seen_by_any, title, writers
from marketplace.scenarios.questions.models import Answer, Question


def questions(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(Question, actors, uids).select_related("scenario")
    return {row.uid: row for row in rows}


def answers(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(Answer, actors, uids).select_related("scenario")
    return {row.uid: row for row in rows}


def page_of(scenario: Scenario) -> str:
    return reverse("scenario-questions", args=[scenario.address])


def of_owner(event: Event) -> QuerySet[User]:
    return writers(Q(organisation__scenarios__uid=event.subjects[0]))


def awaiting(event: Event) -> QuerySet[User]:
    """Those who asked what it answers, and the readers of the restricted file it speaks of."""
    answer = Answer.objects.select_related("attachment").get(uid=event.subjects[-1])
    vendors = set(answer.replies.values_list("question__asker__organisation_id", flat=True))
    if answer.attachment and answer.attachment.restricted:
        given = Grant.objects.in_force().filter(
            subject_uid=answer.attachment.uid,
            capability=Capability.READ,
            organisation__isnull=False,
        )
        vendors |= set(given.values_list("organisation_id", flat=True))
    return writers(Q(organisation_id__in=vendors))


register(
    "question.asked",
    audience=of_owner,
    subjects=questions,
    sentence=_("A question about “%(title)s” waits for an answer"),
    title=lambda question: title(question.scenario),
    url=lambda question: page_of(question.scenario),
    group=Group.DEMANDS,
)
register(
    "question.answered",
    audience=awaiting,
    subjects=answers,
    sentence=_("A question about “%(title)s” was answered"),
    title=lambda answer: title(answer.scenario),
    url=lambda answer: page_of(answer.scenario),
    group=Group.DEMANDS,
)
