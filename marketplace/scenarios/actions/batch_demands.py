"""Demands under a call 征集: joining, being gathered by the office, leaving."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import (
    DeadlinePassed,
    NotFound,
    StateConflict,
)
from marketplace.base.rules import require
from marketplace.ledger import actions as ledger
from marketplace.scenarios.actions.batch_rows import shared_batch
from marketplace.scenarios.actions.found import find
from marketplace.scenarios.batches.models import (
    Batch,
    BatchDemand,
    BatchState,
)
from marketplace.scenarios.batches.queries import FILED, takes_demands
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.rules import (
    can_edit_scenario,
    can_take_into_batch,
)

# How many demands one announcement publishes: they are one transaction.
DEMANDS_MOST = 40
OPEN = (BatchState.CALLED, BatchState.GATHERED)


@transaction.atomic
def file_under_call(*, actor: Actor, scenario_uid: UUID, batch_uid: UUID) -> BatchDemand:
    """An owner's filed demand joins a call, strictly before the call ends."""
    batch = shared_batch(actor, batch_uid)
    scenario = find(actor, scenario_uid)
    require(can_edit_scenario, actor, scenario)
    now = clock.now()
    if batch.state == BatchState.CALLED and not takes_demands(batch, now):
        raise DeadlinePassed
    if batch.state != BatchState.CALLED:
        raise StateConflict(
            gettext_lazy("No demands are filed under this call now."), code="batch.state"
        )
    return _join(actor, batch, scenario, now)


@transaction.atomic
def take_into_batch(*, actor: Actor, scenario_uid: UUID, batch_uid: UUID) -> BatchDemand:
    """The office gathers a demand into a batch that was called and is not announced yet."""
    batch = shared_batch(actor, batch_uid)
    scenario = find(actor, scenario_uid)
    require(can_take_into_batch, actor, scenario)
    if batch.state not in OPEN:
        raise StateConflict(
            gettext_lazy("No demands are filed under this call now."), code="batch.state"
        )
    return _join(actor, batch, scenario, clock.now())


@transaction.atomic
def leave_batch(*, actor: Actor, scenario_uid: UUID) -> None:
    """Out of its batch: by the owner until the call ends, by the office until the announcement."""
    rows = Scenario.objects.visible_to(actor).filter(uid=scenario_uid)
    batch_uid = rows.values_list("in_batch__batch__uid", flat=True).first()
    if batch_uid is None:
        raise NotFound
    batch = shared_batch(actor, batch_uid)
    scenario = find(actor, scenario_uid)
    own = actor.organisation_id == scenario.organisation_id
    require(can_edit_scenario if own else can_take_into_batch, actor, scenario)
    row = BatchDemand.objects.filter(scenario=scenario, batch=batch).first()
    if row is None or batch.state not in OPEN:
        raise StateConflict(code="batch.state")
    if own and not takes_demands(batch, clock.now()):
        raise DeadlinePassed
    take_out(actor, row)


def _join(actor: Actor, batch: Batch, scenario: Scenario, now: datetime) -> BatchDemand:
    if scenario.state not in FILED:
        raise StateConflict(
            gettext_lazy("File the demand with the office first."), code="scenario.state"
        )
    if BatchDemand.objects.filter(scenario=scenario).exists():
        raise StateConflict(
            gettext_lazy("This demand stands in a batch; it belongs to at most one."),
            code="batch.taken",
        )
    if batch.demands.count() >= DEMANDS_MOST:
        raise StateConflict(
            gettext_lazy("A batch takes at most %(most)s demands."),
            code="batch.full",
            most=DEMANDS_MOST,
        )
    row = BatchDemand.objects.create(
        batch=batch, scenario=scenario, filed_by=actor.person, filed_at=now
    )
    ledger.append(
        "batch.joined",
        actor=actor,
        subjects=[batch.uid, scenario.uid],
        data={"number": batch.number},
    )
    return row


def take_out(actor: Actor, row: BatchDemand) -> None:
    subjects = [row.batch.uid, row.scenario.uid]
    number = row.batch.number
    row.delete()
    ledger.append("batch.left", actor=actor, subjects=subjects, data={"number": number})
