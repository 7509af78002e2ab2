"""Who may do what about a race. When is asked by the actions."""

from marketplace.base.actor import Actor
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.rules import can_edit_scenario


def can_design_race(actor: Actor, scenario: Scenario) -> bool:
    """Who writes the demand designs its race."""
    return can_edit_scenario(actor, scenario)
