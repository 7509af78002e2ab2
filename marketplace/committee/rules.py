"""Who may do what on a panel. When is asked by the actions."""

from marketplace.accounts.models import Capability
from marketplace.accounts.queries import holds
from marketplace.base.actor import Actor, Role
from marketplace.base.inspected import inspects
from marketplace.committee.defence.models import PanelQuestion
from marketplace.committee.draw.models import Draw, DrawInvitation
from marketplace.committee.models import Panel, PanelMember, Report, Sheet
from marketplace.files.signing.models import SignedScan
from marketplace.scenarios.models import Scenario


def sits(actor: Actor, member: PanelMember) -> bool:
    """The actor is this member, acting as an expert, and the seat is still granted."""
    return (
        actor.role == Role.EXPERT
        and actor.user_id == member.user_id
        and holds(actor, Capability.REVIEW, member.panel.uid)
    )


def can_declare_interest(actor: Actor, member: PanelMember) -> bool:
    """Each for himself."""
    return sits(actor, member)


def can_recuse_member(actor: Actor, member: PanelMember) -> bool:
    """The member himself, or the secretary."""
    return actor.role == Role.SECRETARY or sits(actor, member)


def can_sign_report(actor: Actor, member: PanelMember) -> bool:
    """Each member for himself: the report is signed or dissented from by nobody else."""
    return sits(actor, member)


def can_record_fee(actor: Actor, member: PanelMember) -> bool:
    """The office, and nobody of the panel for himself."""
    return actor.is_office and actor.user_id != member.user_id


def can_file_scan(actor: Actor, report: Report) -> bool:
    """The stamped report on paper comes through the office."""
    return actor.role == Role.OFFICER


def can_check_scan(actor: Actor, scan: SignedScan) -> bool:
    """Somebody of the office who did not file it: two people looked at it."""
    return actor.is_office and actor.user_id != scan.filed_by_id


def can_start_scoring(actor: Actor, panel: Panel) -> bool:
    return actor.role == Role.SECRETARY


def can_save_scores(actor: Actor, sheet: Sheet) -> bool:
    """The judge whose sheet it is; nobody else, whatever his role."""
    return sits(actor, sheet.member)


def can_lock_sheet(actor: Actor, sheet: Sheet) -> bool:
    return sits(actor, sheet.member)


def can_correct_sheet(actor: Actor, sheet: Sheet) -> bool:
    """The judge himself: nobody changes another's points."""
    return sits(actor, sheet.member)


def can_finish_review(actor: Actor, scenario: Scenario) -> bool:
    return actor.role == Role.SECRETARY


def can_see_signals(actor: Actor, panel: Panel) -> bool:
    """The witness, and an inspector under a request; never office, owner, bidder or judge."""
    scenario = panel.scenario
    return actor.role == Role.WITNESS or inspects(actor, scenario.uid, scenario.organisation.uid)


def can_see_progress(actor: Actor, panel: Panel) -> bool:
    """How many sheets are locked, and by whom. Never what is on them."""
    scenario = panel.scenario
    return actor.is_office or inspects(actor, scenario.uid, scenario.organisation.uid)


# -- The stage by name -------------------------------------------------------------------------------
def can_hold_defence(actor: Actor, panel: Panel) -> bool:
    """The times, and who came."""
    return actor.role == Role.SECRETARY


def can_ask_bidder(actor: Actor, sheet: Sheet) -> bool:
    """The panel alone asks, each member on the own sheet."""
    return sits(actor, sheet.member)


def can_answer_panel_question(actor: Actor, question: PanelQuestion) -> bool:
    """Who writes for the bidder."""
    return actor.writes and actor.organisation_id == question.bid.organisation_id


def can_set_aside_answer(actor: Actor, question: PanelQuestion) -> bool:
    """Any member who sits, whoever asked, or the secretary."""
    judge = actor.role == Role.EXPERT and holds(actor, Capability.REVIEW, question.member.panel.uid)
    return actor.role == Role.SECRETARY or judge


# -- The draw ----------------------------------------------------------------------------------------
def can_prepare_draw(actor: Actor, scenario: Scenario) -> bool:
    """The strata: how many of which specialty. Nobody names people."""
    return actor.role == Role.SECRETARY


def can_deposit_nonce(actor: Actor, draw: Draw) -> bool:
    """One each: the secretary's side and the witness's."""
    return actor.role in {Role.SECRETARY, Role.WITNESS}


def can_commit_draw(actor: Actor, draw: Draw) -> bool:
    return actor.role == Role.SECRETARY


def can_answer_invitation(actor: Actor, invitation: DrawInvitation) -> bool:
    """Who was asked, for himself."""
    return actor.role == Role.EXPERT and actor.user_id == invitation.place.expert.user_id
