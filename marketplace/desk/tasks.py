"""One line of a desk, and until when it waits: the times are those of the reminders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise

from marketplace.base import clock
from marketplace.desk.acts import LABELS
from marketplace.notices.reminders import RULES, Due
from marketplace.scenarios.models import Scenario

LIMIT = 100
Text = str | Promise


@dataclass(frozen=True)
class Task:
    """A verb, what it is about, where, since when and until when."""

    verb: Text
    scenario: Scenario
    url: str
    due_at: datetime | None = None
    note: Text = ""
    since_at: datetime | None = None
    # The reminder that knows its times, and of what: the demand's uid where nothing else is named.
    rule: str = ""
    subject: UUID | None = None


def line(name: str, scenario: Scenario, page: str, *, note: Text = "", rule: str = "") -> Task:
    url = reverse(page, args=[scenario.address])
    return Task(LABELS[name], scenario, url, note=note, rule=rule)


def timed(tasks: Iterable[Task]) -> list[Task]:
    """The same with their times, the nearest end first. Each rule among them is asked once."""
    given = list(tasks)
    asked: dict[str, set[UUID]] = {}
    for task in given:
        if task.rule:
            asked.setdefault(task.rule, set()).add(task.subject or task.scenario.uid)
    now = clock.now()
    found: dict[tuple[str, UUID], Due] = {
        (name, due.subject_uid): due
        for name, uids in asked.items()
        for due in RULES[name].waiting(now, uids)
    }
    told = []
    for task in given:
        due = found.get((task.rule, task.subject or task.scenario.uid))
        told.append(replace(task, due_at=due.at, since_at=due.since) if due else task)
    return sorted(told, key=_by_deadline)


def _by_deadline(task: Task) -> tuple:
    since_at = task.since_at or task.scenario.created_at
    return (task.due_at is None, task.due_at or since_at, task.scenario.pk)
