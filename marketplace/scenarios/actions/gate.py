"""The office's gate: demonstration, return, rejection, opinion."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from marketplace.base.actor import Actor
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.ledger import actions as ledger
from marketplace.scenarios.actions.documents import keep_document
from marketplace.scenarios.actions.found import find, keep_note, profile_label, stated
from marketplace.scenarios.documents.kinds import DocumentKind
from marketplace.scenarios.documents.models import GateDocument
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.rules import can_demonstrate_scenario


@transaction.atomic
def start_demonstration(*, actor: Actor, scenario_uid: UUID) -> Scenario:
    """The office takes up a filed demand."""
    return _step(actor, scenario_uid, State.DEMONSTRATING, "scenario.demonstration_started")


@transaction.atomic
def return_scenario(*, actor: Actor, scenario_uid: UUID, reason: str) -> Scenario:
    """Back to the owner, who may change it and file it again."""
    return _step(actor, scenario_uid, State.RETURNED, "scenario.returned", words=stated(reason))


@transaction.atomic
def reject_scenario(*, actor: Actor, scenario_uid: UUID, reason: str) -> Scenario:
    """Not accepted, and over."""
    return _step(actor, scenario_uid, State.REJECTED, "scenario.rejected", words=stated(reason))


@transaction.atomic
def conclude_demonstration(*, actor: Actor, scenario_uid: UUID, opinion: str) -> Scenario:
    """The demand is real, measurable and tailored to nobody, and the opinion says so."""
    words = stated(opinion, field="opinion")
    scenario = _step(actor, scenario_uid, State.DEMONSTRATED, "scenario.demonstrated", words=words)
    keep_document(
        GateDocument(scenario=scenario, kind=DocumentKind.OPINION), actor=actor, words=words
    )
    return scenario


def _step(actor: Actor, scenario_uid: UUID, to: State, kind: str, *, words: str = "") -> Scenario:
    scenario = find(actor, scenario_uid)
    require(can_demonstrate_scenario, actor, scenario)
    left = move(scenario, to)
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
