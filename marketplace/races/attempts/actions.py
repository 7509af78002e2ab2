"""Handing in a result file, taking it back, and choosing which one counts."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DeadlinePassed, NotFound, StateConflict, TooEarly, TooMany
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.files.actions import claim_upload
from marketplace.files.limits import Purpose
from marketplace.ledger import actions as ledger
from marketplace.races.attempts.models import (
    Attempt,
    AttemptLine,
    AttemptState,
    LineCode,
)
from marketplace.races.attempts.queries import quota_left
from marketplace.races.attempts.waking import wake_later
from marketplace.races.models import STANDING, Entrant, Heat, HeatEntry, HeatState, Race
from marketplace.races.plans import Plan, is_measured, plan_of
from marketplace.races.rules import can_cancel_attempt, can_choose_attempt, can_submit_attempt


class QuotaSpent(TooMany):
    code = "attempt.quota"
    message = _("All %(most)s attempts of this heat are used.")


class DayQuotaSpent(QuotaSpent):
    code = "attempt.quota_day"
    message = _("The %(most)s attempts of today are used; there are more tomorrow.")


class HeatOver(DeadlinePassed):
    code = "heat.over"
    message = _("This heat has ended; nothing more is received.")


class HeatNotOpen(TooEarly):
    code = "heat.not_open"
    message = _("This heat is not open yet.")


class NotRunning(StateConflict):
    code = "entrant.not_running"
    message = _("Your organisation no longer runs in this race.")


@transaction.atomic
def submit_attempt(*, actor: Actor, heat_uid: UUID, upload_uid: UUID) -> Attempt:
    """Queue a stored result file of the actor's own for measuring.

    The row of entrant and heat is locked while attempts are counted, so the quota is exact.
    Raises NotFound, HeatNotOpen, HeatOver, NotRunning, QuotaSpent, and what `claim_upload` raises.
    """
    heat, entry, plan = _entered(actor, heat_uid)
    require(can_submit_attempt, actor, entry.entrant)
    if not is_measured(plan):
        raise StateConflict(_("No files are handed in for this heat."), code="heat.no_attempts")
    now = clock.now()
    _require_open(heat)
    if entry.entrant.state not in STANDING:
        raise NotRunning
    today = now.astimezone(clock.SHANGHAI).date()
    quota = quota_left(entry, plan, today)
    if quota.total < 1:
        raise QuotaSpent(most=plan["attempts_total"])
    if quota.today < 1:
        raise DayQuotaSpent(most=plan["attempts_day"])
    last = entry.attempts.aggregate(last=Max("number"))["last"] or 0
    attempt = Attempt(
        entry=entry,
        organisation_id=entry.entrant.organisation_id,
        number=last + 1,
        user=actor.person,
        received_at=now,
        received_date=today,
        due_at=now,
    )
    upload = claim_upload(
        actor=actor, upload_uid=upload_uid, purpose=Purpose.RESULT, subject_uid=attempt.uid
    )
    attempt.upload, attempt.name = upload, upload.name
    attempt.sha256, attempt.size = upload.sha256, upload.length
    attempt.save()
    note(attempt, LineCode.RECEIVED)
    ledger.append(
        "attempt.submitted",
        actor=actor,
        subjects=[heat.race.scenario.uid, heat.race.uid, attempt.uid],
        to_state=attempt.state,
        inputs={"sha256": upload.sha256, "size": upload.length, "number": attempt.number},
    )
    wake_later()
    return attempt


@transaction.atomic
def cancel_attempt(*, actor: Actor, attempt_uid: UUID) -> Attempt:
    """Take back one that waits: it costs nothing. One that is being measured has cost its attempt.

    Whoever works on it finds its lease gone. Raises NotFound, StateConflict.
    """
    attempt = _own(actor, attempt_uid)
    require(can_cancel_attempt, actor, attempt.entry.entrant)
    attempt = lock(Attempt, pk=attempt.pk)
    attempt.spent = attempt.state == AttemptState.RUNNING
    attempt.lease = attempt.leased_until = None
    attempt.settled_at = clock.now()
    left = move(
        attempt,
        AttemptState.CANCELLED,
        also=("spent", "lease", "leased_until", "settled_at"),
    )
    note(attempt, LineCode.CANCELLED)
    told(actor, attempt, "attempt.cancelled", left)
    return attempt


@transaction.atomic
def choose_attempt(*, actor: Actor, attempt_uid: UUID) -> Attempt:
    """Say which scored attempt counts, until the heat ends, where the design leaves the choice.

    Of two choices at once the later one stands. Raises NotFound, HeatOver, StateConflict.
    """
    attempt = _own(actor, attempt_uid)
    heat, entry, plan = _entered(actor, attempt.entry.heat.uid)
    require(can_choose_attempt, actor, entry.entrant)
    if plan.get("choice") != "chosen":
        sentence = _("By the design of this race the last scored attempt counts.")
        raise StateConflict(sentence, code="attempt.last_counts")
    _require_open(heat)
    attempt = lock(Attempt, pk=attempt.pk)
    if attempt.state != AttemptState.SCORED:
        raise StateConflict(_("Only a scored attempt can count."), code="attempt.not_scored")
    if attempt.chosen:
        return attempt
    Attempt.objects.filter(entry=entry, chosen=True).update(chosen=False)
    attempt.chosen = True
    attempt.save(update_fields=["chosen"])
    note(attempt, LineCode.CHOSEN)
    told(actor, attempt, "attempt.chosen", attempt.state)
    return attempt


def _entered(actor: Actor, heat_uid: UUID) -> tuple[Heat, HeatEntry, Plan]:
    """The heat and the actor's entry, locked: parents shared, the entry alone. Raises NotFound."""
    seen = Heat.objects.visible_to(actor).filter(uid=heat_uid).first()
    if seen is None or actor.organisation_id is None:
        raise NotFound
    lock_shared(Race, pk=seen.race_id)
    heat = lock_shared(Heat, pk=seen.pk)
    entrant = lock_shared(Entrant, race=heat.race_id, organisation=actor.organisation_id)
    entry = lock(HeatEntry, heat=heat, entrant=entrant)
    entry.entrant = entrant
    return heat, entry, plan_of(heat)


def _require_open(heat: Heat) -> None:
    now = clock.now()
    if now >= heat.ends_at or heat.state not in {HeatState.PLANNED, HeatState.OPEN}:
        raise HeatOver
    if heat.state == HeatState.PLANNED or now < heat.starts_at:
        raise HeatNotOpen


def _own(actor: Actor, attempt_uid: UUID) -> Attempt:
    rows = Attempt.objects.visible_to(actor).select_related("entry__heat", "entry__entrant")
    attempt = rows.filter(uid=attempt_uid).first()
    if attempt is None:
        raise NotFound
    return attempt


def note(attempt: Attempt, code: str) -> None:
    """A line of the log that its vendor reads."""
    AttemptLine.objects.create(attempt=attempt, at=clock.now(), code=code)


def told(actor: Actor, attempt: Attempt, kind: str, left: str) -> None:
    """The ledger's event of a move; parties alone, the figures are elsewhere."""
    race = attempt.entry.heat.race
    ledger.append(
        kind,
        actor=actor,
        subjects=[race.scenario.uid, race.uid, attempt.uid],
        from_state=left,
        to_state=attempt.state,
    )
