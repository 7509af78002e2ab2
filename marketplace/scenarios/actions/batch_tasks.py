"""The task list of a batch: lines with somebody responsible, and reports of how far they are."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.accounts.models import Membership, User
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import (
    Invalid,
    NotFound,
    StateConflict,
)
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions.batch_rows import shared_batch, text_in
from marketplace.scenarios.batches.models import (
    Batch,
    BatchState,
    BatchTask,
    TaskReport,
)
from marketplace.scenarios.readers import Wrong, whole
from marketplace.scenarios.rules import (
    can_report_task,
    can_run_batch,
)

TASKS_MOST = 100


@transaction.atomic
def add_task(
    *,
    actor: Actor,
    batch_uid: UUID,
    title: str,
    due_date: date | None,
    responsible_uid: UUID | None = None,
    responsible_office: str = "",
) -> BatchTask:
    """A line of the list: somebody of the office by uid, or another office by its name."""
    batch = shared_batch(actor, batch_uid)
    require(can_run_batch, actor, batch)
    if batch.state in {BatchState.ANNOUNCED, BatchState.CANCELLED}:
        raise StateConflict(code="batch.state")
    errors: dict[str, list[Any]] = {}
    called = text_in(title, 200, "title", errors)
    office = text_in(responsible_office, 120, "responsible_office", errors)
    if not called:
        errors.setdefault("title", [_("Say what is to be done.")])
    if due_date is None or due_date < clock.today():
        errors["due_date"] = [_("Choose a day from today on.")]
    person = _of_the_office(responsible_uid)
    if person is None and (responsible_uid is not None or not office):
        errors["responsible"] = [_("Name somebody of the office, or the responsible office.")]
    if batch.tasks.count() >= TASKS_MOST:
        errors["title"] = [_("A batch has at most %(most)s tasks.") % {"most": TASKS_MOST}]
    if errors or due_date is None:
        raise Invalid(errors=errors)
    task = BatchTask.objects.create(
        batch=batch,
        title=called,
        responsible=person,
        responsible_office=office,
        due_date=due_date,
        made_by=actor.person,
    )
    ledger.append(
        "task.added",
        actor=actor,
        subjects=[batch.uid, task.uid],
        audience=Audience.OFFICE,
        data={"due_date": due_date},
    )
    return task


@transaction.atomic
def report_task(
    *, actor: Actor, task_uid: UUID, progress: int | str, words: str = ""
) -> TaskReport:
    """Say how far a task is, in percent; 100 is done. Each report stays."""
    rows = BatchTask.objects.filter(uid=task_uid, batch__in=Batch.objects.visible_to(actor))
    if not rows.exists() or not actor.is_office:
        raise NotFound
    task = lock(BatchTask, uid=task_uid)
    require(can_report_task, actor, task)
    errors: dict[str, list[Any]] = {}
    said = text_in(words, 2000, "words", errors)
    percent: int | None = None
    try:
        percent = whole(least=0, most=100)(progress)
    except Wrong as wrong:
        errors["progress"] = [wrong.message]
    if percent is None:
        errors.setdefault("progress", [_("Say how far it is, in percent.")])
    if errors or percent is None:
        raise Invalid(errors=errors)
    task.progress = percent
    task.save(update_fields=["progress"])
    report = TaskReport.objects.create(
        task=task, progress=percent, words=said, reported_by=actor.person
    )
    ledger.append(
        "task.reported",
        actor=actor,
        subjects=[task.batch.uid, task.uid],
        audience=Audience.OFFICE,
        reason=said,
        data={"progress": percent},
    )
    return report


def _of_the_office(uid: UUID | None) -> User | None:
    if uid is None:
        return None
    office = Membership.objects.filter(organisation__is_office=True, user__is_active=True)
    return User.objects.filter(uid=uid, pk__in=office.values("user_id")).first()
