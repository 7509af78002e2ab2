"""What is due and not done is told again, before its time and after it, to whom it concerns.

Rules are data: the rooms above register what waits, until when, and who is told at which step. A
reminder is a notice whose event is its step, so the inbox's own constraint makes it one per rule,
step, subject, time and person, however many sweeps there are. Of the steps that have passed only
the latest is told: after a day without a worker nobody is flooded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid5

import structlog
from django.db import transaction
from django.utils.functional import Promise

from marketplace.accounts.models import User
from marketplace.base import clock
from marketplace.notices.actions import tell
from marketplace.notices.channels import Group
from marketplace.notices.models import Notice
from marketplace.notices.registry import KINDS, Kind, Subjects

log = structlog.get_logger()
STEPS = UUID("6f0c5a52-3c0e-4c1b-9d0a-6f8f6f1d7c11")
# Nobody is reminded at night. Days off are not spared: deadlines do not spare them either.
DAY_FROM, DAY_UNTIL = time(8), time(20)
# A step is not made up for after so long; far less than the time for which notices are kept.
TOO_LATE = timedelta(days=30)


@dataclass(frozen=True)
class Due:
    """Something that waits. Steps that lie before `since`, when it began to, are not told."""

    subject_uid: UUID
    since: datetime
    at: datetime


# What waits at an instant, of these subjects or of all; a subject stands in it once.
Waiting = Callable[[datetime, Collection[UUID] | None], Iterable[Due]]
# Many subjects at once -> (subject uid, user id) of those who are told, asked again at delivery.
People = Callable[[Collection[UUID]], Iterable[tuple[UUID, int]]]


@dataclass(frozen=True)
class Step:
    """One point in time of a reminder; the name goes into its identity."""

    name: str
    when: Callable[[datetime], datetime]


def before(*, days: int = 0, hours: int = 0) -> Step:
    name = f"before-{days}" if days else f"before-{hours}h"
    return Step(name, lambda at: at - timedelta(days=days, hours=hours))


def on_the_day() -> Step:
    """08:00 Asia/Shanghai of the last day; that of an end at 00:00 is the day before."""

    def morning(at: datetime) -> datetime:
        day = (at - timedelta(microseconds=1)).astimezone(clock.SHANGHAI).date()
        return clock.day_starts_at(day) + timedelta(hours=DAY_FROM.hour)

    return Step("day", morning)


def after(*, days: int = 0) -> Step:
    return Step(f"after-{days}", lambda at: at + timedelta(days=days))


@dataclass(frozen=True)
class Told:
    """Who is told what at which steps: first whose turn it is, then to whom it goes up."""

    people: People
    sentence: str | Promise
    steps: tuple[Step, ...]
    name: str = ""
    subjects: Subjects | None = None
    title: Callable[[Any], str] | None = None
    url: Callable[[Any], str] | None = None


@dataclass(frozen=True)
class Rule:
    name: str
    waiting: Waiting
    told: tuple[tuple[Told, Kind], ...]


RULES: dict[str, Rule] = {}


def remind(
    name: str,
    *,
    waiting: Waiting,
    told: Iterable[Told],
    subjects: Subjects,
    title: Callable[[Any], str],
    url: Callable[[Any], str],
    group: str = Group.REMINDERS,
) -> None:
    """Register a rule.

    waiting: in a constant number of queries. A sentence has the places %(title)s and %(at)s. What Told leaves open is the rule's.
    """
    made = []
    for each in told:
        kind = Kind(
            ".".join(filter(None, ["reminder", name, each.name])),
            event_kind="",
            audience=lambda _event: User.objects.none(),
            subjects=each.subjects or subjects,
            sentence=each.sentence,
            title=each.title or title,
            url=each.url or url,
            group=group,
            still=lambda notice, each=each: _waits(waiting, each, notice),  # type: ignore[misc]
        )
        KINDS[kind.name] = kind
        made.append((each, kind))
    RULES[name] = Rule(name, waiting, tuple(made))


def _waits(waiting: Waiting, told: Told, notice: Notice) -> bool:
    """Whether it is still undone, and still this person's turn."""
    subject = notice.subject_uid
    undone = any(due.subject_uid == subject for due in waiting(clock.now(), [subject]))
    return undone and (subject, notice.user_id) in set(told.people([subject]))


def send_due() -> int:
    """Tell what is due now. Two sweeps tell it once; one rule's fault stops no other."""
    now = clock.now()
    if not DAY_FROM <= now.astimezone(clock.SHANGHAI).time() < DAY_UNTIL:
        return 0
    number = 0
    for rule in RULES.values():
        try:
            with transaction.atomic():
                number += _send(rule, now)
        except Exception:
            log.exception("reminders.failed", rule=rule.name)
    return number


def _send(rule: Rule, now: datetime) -> int:
    waiting = {due.subject_uid: due for due in rule.waiting(now, None)}
    number = 0
    for told, kind in rule.told:
        due_steps = {
            uid: uuid5(STEPS, f"{kind.name} {step.name} {uid} {due.at.isoformat()}")
            for uid, due in waiting.items()
            if (step := latest(told.steps, due, now)) is not None
        }
        if due_steps:
            number += _tell(told, kind, due_steps, waiting)
    return number


def latest(steps: Iterable[Step], due: Due, now: datetime) -> Step | None:
    """The last step that has come, unless that was before it waited or too long ago."""
    come = [(step.when(due.at), step) for step in steps if step.when(due.at) <= now]
    at, step = max(come, key=lambda pair: pair[0], default=(None, None))
    return step if at and due.since <= at and now - at < TOO_LATE else None


def _tell(told: Told, kind: Kind, due_steps: dict[UUID, UUID], waiting: dict[UUID, Due]) -> int:
    had = Notice.objects.filter(kind=kind.name, event_uid__in=due_steps.values())
    known = set(had.values_list("event_uid", "user_id"))
    fresh: dict[UUID, set[int]] = {}
    for subject, user_id in told.people(list(due_steps)):
        if (due_steps[subject], user_id) not in known:
            fresh.setdefault(subject, set()).add(user_id)
    wanted = User.objects.filter(is_active=True)
    people = wanted.in_bulk({user_id for found in fresh.values() for user_id in found})
    return sum(
        tell(
            kind,
            due_steps[subject],
            [(people[user_id], subject) for user_id in sorted(ids) if user_id in people],
            due_at=waiting[subject].at,
        )
        for subject, ids in fresh.items()
    )
