"""Who may do what about a race. When is asked by the actions."""

from marketplace.base.actor import Actor, Role
from marketplace.races.models import AgreementSide, Entrant, Race, RaceAgreement
from marketplace.scenarios.models import AwardMode, Scenario
from marketplace.scenarios.rules import can_edit_scenario


def can_design_race(actor: Actor, scenario: Scenario) -> bool:
    """Who writes the demand designs its race."""
    return can_edit_scenario(actor, scenario)


def can_shortlist(actor: Actor, scenario: Scenario) -> bool:
    """Who decides the award: the owner, or an officer for a meeting."""
    if scenario.award_mode == AwardMode.COLLECTIVE:
        return actor.role == Role.OFFICER
    return actor.role == Role.OWNER and actor.organisation_id == scenario.organisation_id


def can_publicise_shortlist(actor: Actor, race: Race) -> bool:
    """Never who made it."""
    return actor.role == Role.OFFICER and actor.user_id != race.shortlisted_by_id


def can_run_entry(actor: Actor, race: Race) -> bool:
    """An officer offers the agreements, starts the race, or ends an entry that came to nothing."""
    return actor.role == Role.OFFICER


def side_of(actor: Actor, agreement: RaceAgreement) -> str:
    """Which party this actor binds; empty for everybody else."""
    if actor.role != Role.OWNER or actor.organisation_id is None:
        return ""
    entrant = agreement.entrant
    if actor.organisation_id == entrant.organisation_id:
        return AgreementSide.VENDOR
    own = actor.organisation_id == entrant.race.scenario.organisation_id
    return AgreementSide.OWNER if own else ""


def can_accept_agreement(actor: Actor, agreement: RaceAgreement) -> bool:
    """Those who bind the vendor or the demand's owner, each for his party."""
    return bool(side_of(actor, agreement))


def can_decline_agreement(actor: Actor, agreement: RaceAgreement) -> bool:
    """Who binds the vendor: a shortlisted vendor need not race."""
    return side_of(actor, agreement) == AgreementSide.VENDOR


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
