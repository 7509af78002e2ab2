"""What waits after publication: questions, requests to read on, drafted changes."""

from __future__ import annotations

from django.urls import reverse

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.desk.acts import LABELS
from marketplace.desk.tasks import LIMIT, Task
from marketplace.scenarios.amendments.models import Amendment, AmendmentState
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.questions.models import Question
from marketplace.scenarios.questions.queries import answerable
from marketplace.scenarios.questions.reminders import RULE
from marketplace.scenarios.releases.models import ReleaseRequest
from marketplace.scenarios.releases.queries import to_answer


def questions(actor: Actor) -> list[Task]:
    """One line per demand, with the time of its oldest question."""
    oldest: dict[int, tuple[Scenario, Question]] = {}
    for row in answerable(actor, clock.now()):
        oldest.setdefault(row.scenario_id, (row.scenario, row))
    return [
        Task(
            LABELS["answer_questions"],
            scenario,
            reverse("scenario-questions", args=[scenario.address]),
            rule=RULE,
            subject=row.uid,
        )
        for scenario, row in list(oldest.values())[:LIMIT]
    ]


def releases(actor: Actor) -> list[Task]:
    """One line per demand whose restricted parts somebody asks to read, since the oldest request."""
    oldest: dict[int, ReleaseRequest] = {}
    for row in to_answer(actor):
        oldest.setdefault(row.scenario_id, row)
    return [
        Task(
            LABELS["answer_releases"],
            row.scenario,
            reverse("release-requests", args=[row.scenario.address]),
            since_at=row.asked_at,
        )
        for row in list(oldest.values())[:LIMIT]
    ]


def amendments(actor: Actor) -> list[Task]:
    """Drafted changes that this officer may publish."""
    rows = Amendment.objects.filter(
        state=AmendmentState.DRAFTED, scenario__state=State.PUBLISHED
    ).exclude(drafted_by=actor.user_id)
    rows = rows.exclude(scenario__author=actor.user_id)
    rows = rows.exclude(scenario__organisation__members__user=actor.user_id)
    return [
        Task(
            LABELS["publish_amendment"],
            row.scenario,
            reverse("scenario-amendments", args=[row.scenario.address]),
            since_at=row.drafted_at,
        )
        for row in rows.select_related("scenario__organisation").order_by("pk")[:LIMIT]
    ]
