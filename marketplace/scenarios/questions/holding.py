"""Unanswered questions hold the clock: the deadline moves on while an answer is overdue."""

from __future__ import annotations

from datetime import datetime

from marketplace.base.actor import Actor
from marketplace.scenarios.actions.extension import Cause, postpone
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.questions.models import Question
from marketplace.scenarios.questions.timing import answer_due, held_deadline, holds


def overdue(scenario: Scenario, now: datetime) -> bool:
    profile = scenario.profile
    if profile is None:
        return False
    asked = Question.objects.unanswered().filter(scenario=scenario).values_list("asked_at")
    return any(answer_due(profile, at) <= now for (at,) in asked)


def due_hold(scenario: Scenario, now: datetime) -> datetime | None:
    """The later deadline that an overdue answer asks for; None where the present one serves."""
    if scenario.state != State.PUBLISHED or scenario.suspended or not holds(scenario.profile):
        return None
    return needed(scenario, now) if overdue(scenario, now) else None


def needed(scenario: Scenario, at: datetime) -> datetime | None:
    """What an answer given at `at` asks for; None where the present deadline serves."""
    if scenario.profile is None or scenario.deadline_at is None or not holds(scenario.profile):
        return None
    wanted = held_deadline(scenario.profile, scenario.deadline_at, at)
    return wanted if wanted > scenario.deadline_at else None


def due_holds(now: datetime) -> list[Scenario]:
    """Demands whose deadline an overdue answer moves. One query."""
    waiting = Question.objects.unanswered().filter(
        scenario__state=State.PUBLISHED, scenario__suspended=False
    )
    rows = Scenario.objects.filter(pk__in=waiting.values("scenario")).select_related("profile")
    return [row for row in rows.order_by("deadline_at", "pk") if due_hold(row, now)]


def held(scenario: Scenario, *, actor: Actor, now: datetime) -> bool:
    """Move the deadline of a demand that the caller has locked FOR UPDATE, if it is due."""
    to = due_hold(scenario, now)
    if to is None:
        return False
    postpone(scenario, actor=actor, to=to, cause=Cause.QUESTION)
    return True
