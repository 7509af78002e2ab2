"""Reading questions and answers: each reader sees what its class allows, and nobody who asked."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Prefetch, QuerySet

from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import DomainError
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.questions.actions import require_asking
from marketplace.scenarios.questions.models import Answer, Question, Reply
from marketplace.scenarios.questions.timing import ANSWER, answer_due
from marketplace.scenarios.reference import RuleProfile

PARTS = ("asker", "attachment", "receipt")


def answers_of(actor: Actor, scenario: Scenario) -> QuerySet[Answer]:
    """Newest first, each with its questions. What is said of a file is for its readers."""
    replies = Reply.objects.select_related("question__asker", "question__receipt")
    rows = Answer.objects.visible_to(actor).filter(scenario=scenario)
    with_questions = Prefetch("replies", replies.order_by("question__number"))
    return rows.select_related("attachment").prefetch_related(with_questions).order_by("-number")


def waiting_of(actor: Actor, scenario: Scenario) -> QuerySet[Question]:
    """Unanswered ones that this reader sees: all to the owner and the office, else one's own."""
    rows = Question.objects.visible_to(actor).filter(scenario=scenario).unanswered()
    return rows.select_related(*PARTS).order_by("number")


def withheld_from(actor: Actor, scenario: Scenario) -> QuerySet[Question]:
    """One's own that were answered for the readers of a file which one does not read."""
    rows = Question.objects.own(actor).filter(scenario=scenario, reply__isnull=False)
    rows = rows.exclude(reply__answer__in=Answer.objects.visible_to(actor).values("pk"))
    return rows.select_related(*PARTS, "reply__answer__attachment").order_by("number")


def due_of(question: Question, profile: RuleProfile | None) -> datetime | None:
    """Until when the owner is to answer."""
    if profile is None or ANSWER not in profile.values:
        return None
    return answer_due(profile, question.asked_at)


def refusal_to_take_questions(scenario: Scenario) -> DomainError | None:
    """Why no question is taken at this moment; None if one is."""
    try:
        require_asking(scenario, clock.now())
    except DomainError as error:
        return error
    return None


def answerable(actor: Actor, now: datetime) -> list[Question]:
    """Those that wait for this actor: the owner's own, and for an officer what is overdue.

    Oldest first, each with its demand. One query.
    """
    rows = Question.objects.unanswered().filter(scenario__state=State.PUBLISHED)
    if actor.writes and actor.organisation_id:
        rows = rows.filter(scenario__organisation_id=actor.organisation_id)
    elif actor.role == Role.OFFICER:
        # Those who stand apart from the demand, as the rule says it.
        rows = rows.exclude(scenario__author=actor.user_id)
        rows = rows.exclude(scenario__organisation__members__user=actor.user_id)
    else:
        return []
    parts = ("scenario__organisation", "scenario__domain", "scenario__profile")
    return [
        row
        for row in rows.select_related(*parts).order_by("pk")
        if actor.writes or is_overdue(row, row.scenario.profile, now)
    ]


def is_overdue(question: Question, profile: RuleProfile | None, now: datetime) -> bool:
    due = due_of(question, profile)
    return due is not None and due <= now
