"""Standing still and going on: nothing is taken meanwhile, and no time is lost to bidders."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DeadlinePassed, StateConflict
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions.extension import Cause, postpone
from marketplace.scenarios.actions.found import find, profile_label, stated
from marketplace.scenarios.disclosure.mask import refuse_naming
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.rules import can_suspend_scenario
from marketplace.scenarios.suspensions.models import Suspension
from marketplace.scenarios.windows import whole_milliseconds

MINUTE = timedelta(minutes=1)


@transaction.atomic
def suspend_scenario(*, actor: Actor, scenario_uid: UUID, reason: str) -> Suspension:
    """From now on no bid is taken, and the deadline stands still. Strictly before the deadline.

    Locks the row FOR UPDATE, so it waits for every bid that is being written. Raises
    DeadlinePassed, StateConflict.
    """
    words = stated(reason)
    scenario = find(actor, scenario_uid)
    require(can_suspend_scenario, actor, scenario)
    refuse_naming(scenario, {"reason": words})
    now = clock.now()
    if scenario.state != State.PUBLISHED:
        raise StateConflict(
            _("A demand is suspended only while it takes bids."), code="suspension.closed"
        )
    if scenario.suspended:
        raise StateConflict(_("The demand is suspended already."), code="scenario.suspended")
    if scenario.deadline_at is None or now >= scenario.deadline_at:
        raise DeadlinePassed
    row = Suspension.objects.create(
        scenario=scenario, reason=words, from_at=now, suspended_by=actor.person
    )
    set_suspended(scenario, actor, "scenario.suspended", words, suspended=True, told={})
    return row


@transaction.atomic
def resume_scenario(*, actor: Actor, scenario_uid: UUID, reason: str) -> Suspension:
    """Go on: the deadline moves later by the time that the demand stood still.

    Bidders have then as long as they had. In whole minutes, rounded up, where days are counted.
    Raises StateConflict.
    """
    words = stated(reason)
    scenario = find(actor, scenario_uid)
    require(can_suspend_scenario, actor, scenario)
    refuse_naming(scenario, {"reason": words})
    if scenario.state != State.PUBLISHED or not scenario.suspended:
        raise StateConflict(_("The demand is not suspended."), code="scenario.not_suspended")
    row = lock(Suspension, scenario=scenario, until_at=None)
    now = clock.now()
    row.until_at, row.resumed_by, row.resume_reason = now, actor.person, words
    row.save(update_fields=["until_at", "resumed_by", "resume_reason"])
    before = scenario.deadline_at
    assert before is not None, "what is posted has a deadline"
    stood = now - row.from_at
    told = {"seconds": int(stood.total_seconds())}
    set_suspended(scenario, actor, "scenario.resumed", words, suspended=False, told=told)
    to = resumed_deadline(scenario, before, stood)
    postpone(scenario, actor=actor, to=to, cause=Cause.SUSPENSION)
    return row


def resumed_deadline(scenario: Scenario, before: datetime, stood: timedelta) -> datetime:
    if scenario.profile is not None and scenario.profile.uses_calendar:
        minutes = -(-stood // MINUTE)
        return before + max(1, minutes) * MINUTE
    return whole_milliseconds(before + stood + timedelta(microseconds=1))


def set_suspended(
    scenario: Scenario,
    actor: Actor,
    kind: str,
    words: str,
    *,
    suspended: bool,
    told: dict[str, int],
) -> None:
    scenario.suspended = suspended
    scenario.save(update_fields=["suspended"])
    ledger.append(
        kind,
        actor=actor,
        subjects=[scenario.uid],
        audience=Audience.PUBLIC,
        from_state=scenario.state,
        to_state=scenario.state,
        reason=words,
        profile_version=profile_label(scenario),
        data={"ref": scenario.ref, **told},
    )
