"""Batches 批次: the call, the joint meeting, and the announcement of several demands at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.accounts.models import Organisation
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import (
    DomainError,
    Invalid,
    Stale,
    StateConflict,
    TooEarly,
)
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions.batch_demands import OPEN, take_out
from marketplace.scenarios.actions.batch_rows import find_batch, instant_in, tell_batch, text_in
from marketplace.scenarios.actions.found import stated
from marketplace.scenarios.actions.publication import publish_at
from marketplace.scenarios.batches.models import (
    Batch,
    BatchDemand,
    BatchState,
)
from marketplace.scenarios.disclosure.mask import refuse_naming
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.readers import Wrong, whole
from marketplace.scenarios.rules import (
    can_run_batch,
)

TEXTS = {"title": 120, "title_en": 200, "call_number": 80, "text": 10000, "text_en": 10000}


# -- The call --------------------------------------------------------------------------------------
@transaction.atomic
def create_batch(*, actor: Actor, data: Mapping[str, Any]) -> Batch:
    """Begin a call: number, title, call_number, text, closes_at, and the English of the texts.

    It may be incomplete; `call_batch` asks for everything. Raises Invalid with every fault.
    """
    require(can_run_batch, actor, Batch())
    values = _read(data)
    _free_number(values.get("number"), None)
    return Batch.objects.create(made_by=actor.person, **values)


@transaction.atomic
def save_batch(*, actor: Actor, batch_uid: UUID, revision: int, data: Mapping[str, Any]) -> Batch:
    """Write the fields that `data` names, before the call. Raises Stale, StateConflict, Invalid."""
    batch = find_batch(actor, batch_uid)
    require(can_run_batch, actor, batch)
    if batch.state != BatchState.DRAFT:
        raise StateConflict(gettext_lazy("The call is public; its text stays."), code="batch.state")
    if batch.revision != revision:
        raise Stale(revision=batch.revision)
    values = _read(data)
    _free_number(values.get("number"), batch)
    for name, value in values.items():
        setattr(batch, name, value)
    batch.revision += 1
    batch.save()
    return batch


@transaction.atomic
def call_batch(*, actor: Actor, batch_uid: UUID) -> Batch:
    """征集通知: from here on everybody reads the call, and owners file under it."""
    batch = find_batch(actor, batch_uid)
    require(can_run_batch, actor, batch)
    now = clock.now()
    errors: dict[str, list[Any]] = {
        name: [_("This is needed before the call.")]
        for name in ("title", "call_number", "text")
        if not getattr(batch, name)
    }
    if batch.closes_at is None or batch.closes_at <= now:
        errors["closes_at"] = [_("The deadline must lie in the future.")]
    if errors:
        raise Invalid(errors=errors)
    batch.called_at, batch.called_by = now, actor.person
    left = move(batch, BatchState.CALLED, also=("called_at", "called_by"))
    body = {name: getattr(batch, name) for name in (*TEXTS, "number", "closes_at")}
    ledger.append(
        "batch.called",
        actor=actor,
        subjects=[batch.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=batch.state,
        inputs=body,
        data={
            "number": batch.number,
            "call_number": batch.call_number,
            "closes_at": batch.closes_at,
        },
    )
    return batch


@transaction.atomic
def gather_batch(*, actor: Actor, batch_uid: UUID) -> Batch:
    """汇总: the time of the call is over, and what was filed is taken together."""
    batch = find_batch(actor, batch_uid)
    require(can_run_batch, actor, batch)
    now = clock.now()
    if batch.state == BatchState.CALLED and batch.closes_at and now < batch.closes_at:
        raise TooEarly
    batch.gathered_at = now
    left = move(batch, BatchState.GATHERED, also=("gathered_at",))
    tell_batch(actor, batch, "batch.gathered", left=left, data={"demands": batch.demands.count()})
    return batch


@transaction.atomic
def cancel_batch(*, actor: Actor, batch_uid: UUID, reason: str) -> Batch:
    """The batch ends without an announcement; its demands are free for another one."""
    words = stated(reason)
    batch = find_batch(actor, batch_uid)
    require(can_run_batch, actor, batch)
    left = move(batch, BatchState.CANCELLED)
    batch.demands.all().delete()
    public = Audience.PUBLIC if batch.called_at else Audience.OFFICE
    tell_batch(actor, batch, "batch.cancelled", left=left, reason=words, audience=public)
    return batch


# -- The joint meeting -----------------------------------------------------------------------------
@transaction.atomic
def set_meeting(
    *,
    actor: Actor,
    batch_uid: UUID,
    meeting_at: datetime | str | None,
    meeting_place: str = "",
    minutes_number: str = "",
) -> Batch:
    """集中论证会: when and where, and afterwards the number of its minutes."""
    batch = find_batch(actor, batch_uid)
    require(can_run_batch, actor, batch)
    if batch.state not in OPEN:
        raise StateConflict(code="batch.state")
    errors: dict[str, list[Any]] = {}
    values = {
        "meeting_at": instant_in(meeting_at, "meeting_at", errors) if meeting_at else None,
        "meeting_place": text_in(meeting_place, 200, "meeting_place", errors),
        "minutes_number": text_in(minutes_number, 80, "minutes_number", errors),
    }
    if errors:
        raise Invalid(errors=errors)
    for name, value in values.items():
        setattr(batch, name, value)
    batch.save(update_fields=list(values))
    tell_batch(actor, batch, "batch.meeting_set", inputs=values)
    return batch


# -- The announcement ------------------------------------------------------------------------------
@transaction.atomic
def announce_batch(
    *,
    actor: Actor,
    batch_uid: UUID,
    announcement_number: str,
    scenario_uids: Sequence[UUID],
    key_holder_uids: Sequence[UUID],
    deadline_at: datetime | str | None = None,
) -> Batch:
    """第 N 批榜单公告: publish several demands together, all or none, at one moment.

    scenario_uids: of the batch; what is not named leaves it. key_holder_uids, deadline_at: as for
    one publication, the same for all; each demand's own deadline where none is given. Raises
    Invalid whose errors name each demand that cannot be published ("demand-<uid>") with every
    sentence; then none is published.
    """
    batch = find_batch(actor, batch_uid)
    require(can_run_batch, actor, batch)
    if batch.state != BatchState.GATHERED:
        raise StateConflict(
            gettext_lazy("A batch is announced once it is gathered."), code="batch.state"
        )
    errors: dict[str, list[Any]] = {}
    number = text_in(announcement_number, 80, "announcement_number", errors)
    if not number:
        errors.setdefault("announcement_number", [_("Tell the number of the document.")])
    rows = list(batch.demands.select_related("scenario").order_by("scenario_id"))
    wanted = set(scenario_uids)
    chosen = [row for row in rows if row.scenario.uid in wanted]
    if not chosen or len(chosen) < len(wanted):
        errors["demands"] = [_("Choose demands of this batch.")]
    if errors:
        raise Invalid(errors=errors)
    _hold(chosen)
    moment = clock.now()
    for row in chosen:
        try:
            refuse_naming_in(batch, row.scenario)
            with transaction.atomic():
                publish_at(
                    moment,
                    actor=actor,
                    scenario_uid=row.scenario.uid,
                    key_holder_uids=key_holder_uids,
                    deadline_at=deadline_at,
                )
        except DomainError as error:
            said = [str(one) for all_ in error.errors.values() for one in all_]
            errors[f"demand-{row.scenario.uid}"] = said or [str(error)]
    if errors:
        raise Invalid(
            gettext_lazy("Nothing was published: all demands together or none."),
            code="batch.not_published",
            errors=errors,
        )
    for row in rows:
        if row not in chosen:
            take_out(actor, row)
    batch.announcement_number, batch.announced_at = number, moment
    batch.announced_by = actor.person
    left = move(
        batch,
        BatchState.ANNOUNCED,
        also=("announcement_number", "announced_at", "announced_by"),
    )
    refs = Scenario.objects.filter(pk__in=[row.scenario_id for row in chosen]).order_by("ref")
    tell_batch(
        actor,
        batch,
        "batch.announced",
        left=left,
        audience=Audience.PUBLIC,
        data={
            "number": batch.number,
            "announcement_number": number,
            "demands": list(refs.values_list("ref", flat=True)),
        },
    )
    return batch


def refuse_naming_in(batch: Batch, scenario: Scenario) -> None:
    """Raise Invalid where the batch's own words, public since the call, name a masked owner."""
    texts = {name: getattr(batch, name) for name in TEXTS}
    try:
        refuse_naming(scenario, texts)
    except Invalid as error:
        sentence = _(
            "The call names the owner, who wants to stay unnamed, and its text stays: publish this"
            " demand by itself, or the owner gives up its mask."
        )
        raise Invalid(errors={"demand": [sentence]}, code=error.code) from error


def _hold(rows: list[BatchDemand]) -> None:
    """Every parent and every demand, in one order, so that no two announcements wait for each other."""
    owners = {row.scenario.organisation_id for row in rows}
    for pk in sorted(owners):
        lock_shared(Organisation, pk=pk)
    for row in rows:
        lock(Scenario, pk=row.scenario_id)


# -- Small things -----------------------------------------------------------------------------------
def _read(data: Mapping[str, Any]) -> dict[str, Any]:
    errors: dict[str, list[Any]] = {}
    values: dict[str, Any] = {
        name: text_in(data[name], most, name, errors, lines=name.startswith("text"))
        for name, most in TEXTS.items()
        if name in data
    }
    if "number" in data:
        try:
            values["number"] = whole(least=1, most=9999)(data["number"])
        except Wrong as wrong:
            errors["number"] = [wrong.message]
        if values.get("number", 0) is None:
            errors["number"] = [_("Number the batch.")]
    if data.get("closes_at"):
        values["closes_at"] = instant_in(data["closes_at"], "closes_at", errors)
    elif "closes_at" in data:
        values["closes_at"] = None
    if errors:
        raise Invalid(errors=errors)
    return values


def _free_number(number: int | None, batch: Batch | None) -> None:
    if number is None:
        if batch is None:
            raise Invalid(errors={"number": [_("Number the batch.")]})
        return
    taken = Batch.objects.filter(number=number)
    if batch is not None:
        taken = taken.exclude(pk=batch.pk)
    if taken.exists():
        raise Invalid(errors={"number": [_("There is a batch of this number already.")]})
