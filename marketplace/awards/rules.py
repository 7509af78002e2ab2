"""Who may do what about an award. When is asked by the actions."""

from marketplace.awards.challenges.models import MemberChallenge
from marketplace.awards.models import Decision
from marketplace.base.actor import Actor, Role
from marketplace.bidding.models import Bid
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
    return actor.role == Role.OFFICER and not sat(actor, decision.scenario_id)


def can_refuse_award(actor: Actor, decision: Decision) -> bool:
    """The winner, in the role that binds the organisation."""
    return actor.role == Role.OWNER and actor.organisation_id == decision.bid.organisation_id


def can_challenge_member(actor: Actor, member: PanelMember) -> bool:
    """Who writes for a bidder whose bid was opened: an interested party, by name."""
    opened = Bid.objects.filter(scenario=member.panel.scenario_id).exclude(blind_code="")
    return actor.writes and opened.filter(organisation=actor.organisation_id).exists()


def can_hear_challenge(actor: Actor, challenge: MemberChallenge) -> bool:
    """An officer who never sat on the panel."""
    scenario_id = challenge.member.panel.scenario_id
    return actor.role == Role.OFFICER and not sat(actor, scenario_id)


def can_record_redo(actor: Actor, challenge: MemberChallenge) -> bool:
    """Such an officer, and not the one who ruled."""
    return can_hear_challenge(actor, challenge) and actor.user_id != challenge.ruled_by_id


def sat(actor: Actor, scenario_id: int) -> bool:
    """Whether the person had a seat on the demand's panel, recused or not."""
    rows = PanelMember.objects.filter(panel__scenario=scenario_id, user=actor.user_id)
    return rows.exists()
