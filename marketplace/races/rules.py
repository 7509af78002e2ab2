"""Who may do what in a race. When is asked by the actions."""

from marketplace.base.actor import Actor
from marketplace.races.models import Entrant, Race


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
