"""Rounds of demonstration for tests: experts, opinions, and how a round goes through."""

from __future__ import annotations

from typing import Any

from marketplace.base.actor import Actor, Role
from marketplace.experts.models import Expert
from marketplace.scenarios import actions
from marketplace.scenarios.demonstration.conclusion import QUESTIONS
from marketplace.scenarios.demonstration.models import Demonstration
from marketplace.scenarios.models import Scenario, State
from tests import world

YES = {name: {"yes": True, "words": ""} for name in QUESTIONS}


def expert() -> Actor:
    actor = world.person(Role.EXPERT)
    Expert.objects.create(user=actor.user)
    return actor


def asked(
    scenario: Scenario | None = None, experts: list[Actor] | None = None
) -> tuple[Demonstration, list[Actor]]:
    """A demand in demonstration with an open round of three."""
    scenario = scenario or world.draft_scenario(world.owner(), state=State.DEMONSTRATING)
    people = experts or [expert() for _ in range(3)]
    row = actions.invite_experts(
        actor=world.officer(),
        scenario_uid=scenario.uid,
        expert_uids=[actor.person.uid for actor in people],
    )
    return row, people


def opine(actor: Actor, row: Demonstration, verdict: str = "pass", **given: Any) -> Any:
    given = {"answers": YES, "words": "指标可测。"} | given
    return actions.give_opinion(actor=actor, demonstration_uid=row.uid, verdict=verdict, **given)


def through(scenario: Scenario, outcome: str = "pass", opinion: str = "真实可测。") -> Scenario:
    """Asked, answered by three with this verdict, and concluded so."""
    row, people = asked(scenario)
    for actor in people:
        opine(actor, row, outcome)
    return actions.conclude_demonstration(
        actor=world.secretary(), scenario_uid=scenario.uid, outcome=outcome, opinion=opinion
    )
