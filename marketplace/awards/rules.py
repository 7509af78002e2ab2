"""Who may do what about an award. When is asked by the actions."""

from marketplace.awards.models import Decision
from marketplace.base.actor import Actor, Role
from marketplace.committee.models import PanelMember
from marketplace.scenarios.models import Scenario


def can_choose_winner(actor: Actor, scenario: Scenario) -> bool:
    """The demand's owner, in the role that binds the organisation."""
    return actor.role == Role.OWNER and actor.organisation_id == scenario.organisation_id


def can_decide_by_minutes(actor: Actor, scenario: Scenario) -> bool:
    """An officer, for the meeting whose minutes he enters."""
    return actor.role == Role.OFFICER


def can_publicise(actor: Actor, decision: Decision) -> bool:
    """Never who decided."""
    return actor.role == Role.OFFICER and actor.user_id != decision.decided_by_id


def can_confirm_award(actor: Actor, decision: Decision) -> bool:
    """An officer who never sat on the panel, recused or not."""
    if actor.role != Role.OFFICER:
        return False
    return not PanelMember.objects.filter(
        panel__scenario=decision.scenario_id, user=actor.user_id
    ).exists()


def can_refuse_award(actor: Actor, decision: Decision) -> bool:
    """The winner, in the role that binds the organisation."""
    return actor.role == Role.OWNER and actor.organisation_id == decision.bid.organisation_id
