"""What waits between publication and deadline: questions without an answer."""

from __future__ import annotations

from django.urls import reverse

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.desk.acts import LABELS
from marketplace.desk.tasks import LIMIT, Task
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.questions.models import Question
from marketplace.scenarios.questions.queries import answerable
from marketplace.scenarios.questions.reminders import RULE


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
