"""Who may do what about a race. When is asked by the actions."""

from marketplace.base.actor import Actor
from marketplace.races.models import Entrant, Race
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.rules import can_edit_scenario


def can_design_race(actor: Actor, scenario: Scenario) -> bool:
    """Who writes the demand designs its race."""
    return can_edit_scenario(actor, scenario)


def can_prepare_course(actor: Actor, race: Race) -> bool:
    """Owners and editors of the demand's owner."""
    return actor.writes and actor.organisation_id == race.scenario.organisation_id


def can_submit_attempt(actor: Actor, entrant: Entrant) -> bool:
    """Owners and editors of the entrant itself; nobody on its behalf."""
    return actor.writes and actor.organisation_id == entrant.organisation_id


def can_cancel_attempt(actor: Actor, entrant: Entrant) -> bool:
    return can_submit_attempt(actor, entrant)


def can_choose_attempt(actor: Actor, entrant: Entrant) -> bool:
    return can_submit_attempt(actor, entrant)
