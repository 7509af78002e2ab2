"""What may still happen to a posted demand: withdrawal, closing by the clock, failure."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from marketplace.base import clock
from marketplace.base.actor import SYSTEM, Actor
from marketplace.base.errors import DeadlinePassed, TooEarly
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions.extension import extended
from marketplace.scenarios.actions.found import find, keep_note, profile_label, stated
from marketplace.scenarios.disclosure.mask import refuse_naming, speaking
from marketplace.scenarios.disclosure.patterns import refuse_forbidden
from marketplace.scenarios.extensions import record_awaited
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.queries import closes_at, has_closed
from marketplace.scenarios.questions.holding import held
from marketplace.scenarios.rules import can_close_scenario, can_withdraw_scenario


@transaction.atomic
def withdraw_scenario(*, actor: Actor, scenario_uid: UUID, reason: str) -> Scenario:
    """The owner takes it back, strictly before the deadline. It stays visible, with the reason."""
    words = stated(reason)
    refuse_forbidden({"reason": words})
    scenario = find(actor, scenario_uid)
    require(can_withdraw_scenario, actor, scenario)
    if scenario.state == State.PUBLISHED and has_closed(scenario, clock.now()):
        raise DeadlinePassed
    return _end(scenario, actor=actor, to=State.WITHDRAWN, words=words, told={})


@transaction.atomic
def close_scenario(*, scenario_uid: UUID, actor: Actor = SYSTEM) -> Scenario:
    """Record that the deadline has passed, and the grace of the profile. Twice changes nothing.

    Locks the row FOR UPDATE, so it waits for every bid that is being written. What follows for
    the bids, or for their absence, hangs on the event. Where outages or an overdue answer move the
    deadline it moves instead. Raises TooEarly, also while the record of outages is awaited.
    """
    scenario = lock(Scenario, uid=scenario_uid)
    require(can_close_scenario, actor, scenario)
    if scenario.state != State.PUBLISHED:
        return scenario
    now = clock.now()
    closes = closes_at(scenario)
    if scenario.suspended or closes is None or now < closes:
        raise TooEarly
    if extended(scenario, actor=actor, now=now) or held(scenario, actor=actor, now=now):
        return scenario
    if record_awaited(scenario, now):
        raise TooEarly
    scenario.closed_at = now
    left = move(scenario, State.CLOSED, also=("closed_at",))
    ledger.append(
        "scenario.closed",
        actor=actor,
        subjects=[scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=scenario.state,
        profile_version=profile_label(scenario),
        data={"ref": scenario.ref, "deadline_at": scenario.deadline_at},
    )
    scenario.refresh_from_db()  # without a bid it has failed by now
    return scenario


def record_failure(*, scenario: Scenario, actor: Actor, failure: str, reason: str) -> Scenario:
    """流榜, recorded for an upper room inside its own action.

    scenario: locked FOR UPDATE by the caller, who has asked its own rule. failure: a stable code
    of at most 32 characters, public. reason: the sentence behind it, kept as a note.
    Raises StateConflict where the present state cannot fail.
    """
    assert transaction.get_connection().in_atomic_block, "a failure belongs to its action"
    scenario.failure = failure
    told = {"failure": failure}
    return _end(scenario, actor=actor, to=State.FAILED, words=reason, told=told)


def _end(
    scenario: Scenario, *, actor: Actor, to: State, words: str, told: dict[str, str]
) -> Scenario:
    """The public end of a posted demand; its event is named after the state.

    Raises Invalid where a person's words name an owner under its mask.
    """
    if actor.user is not None:
        refuse_naming(scenario, {"reason": words})
    scenario.ended_at = clock.now()
    left = move(scenario, to, also=("ended_at", "failure"))
    if words:
        keep_note(actor, scenario, words)
    ledger.append(
        f"scenario.{to.value}",
        actor=speaking(actor, scenario),
        subjects=[scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=scenario.state,
        reason=words,
        profile_version=profile_label(scenario),
        data={"ref": scenario.ref, **told},
    )
    return scenario
