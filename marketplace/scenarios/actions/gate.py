"""The office's gate: taking a demand up, return, rejection."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base.actor import Actor
from marketplace.base.errors import StateConflict
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.ledger import actions as ledger
from marketplace.scenarios.actions.demonstration import break_off
from marketplace.scenarios.actions.found import find, keep_note, profile_label, stated
from marketplace.scenarios.demonstration.queries import open_round
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.rules import can_demonstrate_scenario


@transaction.atomic
def start_demonstration(*, actor: Actor, scenario_uid: UUID) -> Scenario:
    """The office takes up a filed demand."""
    return _step(actor, scenario_uid, State.DEMONSTRATING, "scenario.demonstration_started")


@transaction.atomic
def return_scenario(*, actor: Actor, scenario_uid: UUID, reason: str) -> Scenario:
    """Back to the owner, who may change it and file it again. An open round is broken off."""
    return _step(actor, scenario_uid, State.RETURNED, "scenario.returned", words=stated(reason))


@transaction.atomic
def reject_scenario(*, actor: Actor, scenario_uid: UUID, reason: str) -> Scenario:
    """Not accepted, and over. While experts are asked the secretary concludes instead."""
    return _step(actor, scenario_uid, State.REJECTED, "scenario.rejected", words=stated(reason))


def _step(actor: Actor, scenario_uid: UUID, to: State, kind: str, *, words: str = "") -> Scenario:
    scenario = find(actor, scenario_uid)
    require(can_demonstrate_scenario, actor, scenario)
    if to == State.REJECTED and open_round(scenario) is not None:
        raise StateConflict(
            _("Experts are asked about this demand: the secretary concludes from their opinions."),
            code="demonstration.open",
        )
    left = move(scenario, to)
    break_off(scenario, actor, words)
    if words:
        keep_note(actor, scenario, words)
    ledger.append(
        kind,
        actor=actor,
        subjects=[scenario.uid],
        from_state=left,
        to_state=scenario.state,
        reason=words,
        profile_version=profile_label(scenario),
        data={"revision": scenario.revision},
    )
    return scenario
