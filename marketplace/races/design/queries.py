"""Reading a design: as it stands, what is missing in it, and as vendors read it."""

from __future__ import annotations

import json
from typing import Any

from marketplace.base.actor import Actor
from marketplace.races.design.checks import Demand, faults, texts_of
from marketplace.races.models import RaceDesign
from marketplace.scenarios.content import Fault
from marketplace.scenarios.disclosure.mask import mask_faults
from marketplace.scenarios.models import OrganisingMode, Scenario

EMPTY: dict[str, Any] = {
    "entrants": None,
    "names": "codes",
    "tie": ["critical", "price", "receipt"],
    "heats": [],
}


def design_of(actor: Actor, scenario: Scenario) -> RaceDesign | None:
    """The design of a demand that this actor sees, if there is one."""
    return RaceDesign.objects.visible_to(actor).filter(scenario=scenario).first()


def demand_of(scenario: Scenario) -> Demand:
    return Demand(scenario.race_entrants, scenario.budget_cny, scenario.duration_months)


def all_faults(scenario: Scenario, content: dict[str, Any]) -> list[Fault]:
    """Everything that stands between this design and its demand's publication."""
    found = faults(content, demand_of(scenario))
    masked, mask = scenario.owner_masked, scenario.owner_mask or "—"
    texts = texts_of(content).items()
    return found + mask_faults(texts, scenario.organisation, masked=masked, mask=mask)


def is_race(scenario: Scenario) -> bool:
    return scenario.organising_mode == OrganisingMode.RACE


def frozen_content(design: RaceDesign) -> dict[str, Any]:
    """What was published, from the bytes that were hashed."""
    assert design.body is not None, "only a published design is frozen"
    return json.loads(bytes(design.body))["design"]
