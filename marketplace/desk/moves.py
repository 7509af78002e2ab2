"""The moves that a program may make now on one object, by name. What pages call acts, in steps.

Names are those of the API's operations. Facts about the actor are read once, by the desk; what is
asked of a row must have been fetched with it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from marketplace.accounts.models import Capability, Organisation, PersonRole
from marketplace.accounts.queries import granted_subjects
from marketplace.accounts.rules import (
    can_ask_verification,
    can_edit_organisation,
    can_manage_members,
)
from marketplace.awards.challenges.models import ChallengeState, MemberChallenge
from marketplace.awards.challenges.queries import HEARD_IN
from marketplace.awards.models import DecisionState
from marketplace.base.actor import Actor, Role
from marketplace.bidding.actions.opening import STAGE_STATE
from marketplace.bidding.consortia.actions import CHANGE_BIDS, CHANGE_STATES
from marketplace.bidding.failed.models import FailureState
from marketplace.bidding.failed.queries import waits_until
from marketplace.bidding.models import OVER as OPENING_OVER
from marketplace.bidding.models import Bid, BidState, Opening, OpeningStage, OpeningState
from marketplace.bidding.returns.queries import OVER
from marketplace.bidding.rules import can_decide_consortium_change, can_request_consortium_change
from marketplace.committee.defence.models import DefenceSlot, PanelQuestion
from marketplace.committee.draw import lottery
from marketplace.committee.draw.models import Draw, DrawState
from marketplace.committee.models import (
    MemberState,
    Panel,
    PanelMember,
    PanelState,
    Report,
    SheetState,
)
from marketplace.committee.rules import (
    can_answer_panel_question,
    can_check_scan,
    can_file_scan,
)
from marketplace.desk.acts import Desk
from marketplace.experts.models import Expert, Interest
from marketplace.experts.rules import (
    can_confirm_record,
    can_edit_expert,
    can_state_interest,
    can_strike_interest,
)
from marketplace.files.signing.models import ScanCheck, SignedScan
from marketplace.races.attempts.models import WAITING, Attempt, AttemptState
from marketplace.races.models import HeatState
from marketplace.races.plans import plan_of
from marketplace.races.rules import can_submit_attempt
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.queries import is_open
from marketplace.scenarios.questions.timing import asked_until

# act of a page -> moves of a program
MOVES_OF_ACTS: dict[str, tuple[str, ...]] = {
    "edit_scenario": ("edit_scenario", "submit_scenario"),
    "start_demonstration": ("start_demonstration", "return_scenario", "reject_scenario"),
    "conclude_demonstration": ("conclude_demonstration",),
    "invite_experts": ("invite_experts", "return_scenario", "reject_scenario"),
    "publish_scenario": ("publish_scenario", "return_scenario"),
    "file_documents": ("file_document",),
    "withdraw_scenario": ("withdraw_scenario",),
    "answer_questions": ("answer_questions",),
    "draft_amendment": ("draft_amendment",),
    "suspend_scenario": ("suspend_scenario",),
    "resume_scenario": ("resume_scenario",),
    "relist_scenario": ("relist_scenario",),
    "submit_bid": ("assemble_package",),
    "revise_bid": ("assemble_package",),
    "start_eligibility": ("start_eligibility",),
    "check_eligibility": ("conclude_eligibility",),
    "draw_panel": ("prepare_draw",),
    "shortlist": ("shortlist", "choose_nobody"),
    "choose_winner": ("choose_winner", "choose_nobody"),
    "decide_by_minutes": ("decide_by_minutes", "choose_nobody"),
}
PANEL_CHANGES = {PanelState.APPOINTED, PanelState.TECHNICAL, PanelState.NAMED}


def on_scenario(desk: Desk, scenario: Scenario) -> list[str]:
    """scenario: with organisation and profile."""
    names = [
        name
        for act in desk.acts(scenario)
        if act.possible
        for name in MOVES_OF_ACTS.get(act.name, ())
    ]
    if "file_document" in names and not desk.actor.is_office:
        names.remove("file_document")  # the list of documents says which are the owner's
    elif "file_document" in names and scenario.state == State.DEMONSTRATED:
        names.append("return_scenario")
    if "edit_scenario" in names and scenario.state == State.DRAFT:
        names.append("delete_scenario")
    if "assemble_package" in names and asks_now(desk, scenario):
        names.append("ask_question")
    if "assemble_package" in names and not desk.actor.writes:
        names.remove("assemble_package")
    granted = scenario.profile is not None and bool(scenario.profile.bytes_grace)
    if "assemble_package" in names and granted and is_open(scenario, desk.now):
        names.append("commit_hashes")
    seats_now = desk.actor.role == Role.SECRETARY and scenario.state == State.ELIGIBILITY
    if seats_now and scenario.pk not in desk.paneled:
        names.append("prepare_draw")
    return names


def asks_now(desk: Desk, scenario: Scenario) -> bool:
    """Who may bid may ask, until the profile's day before the deadline."""
    until = asked_until(scenario)
    return desk.actor.writes and until is not None and desk.now < until


def on_bid(desk: Desk, *, organisation_id: int, state: str, scenario: Scenario) -> list[str]:
    actor = desk.actor
    if organisation_id == actor.organisation_id and actor.writes:
        may = state == BidState.SUBMITTED and is_open(scenario, desk.now)
        return ["withdraw_bid"] if may else []
    checking = scenario.state == State.ELIGIBILITY and state == BidState.OPENED
    if actor.role == Role.SECRETARY and checking and not scenario.suspended:
        return ["check_condition"]
    over = scenario.state in OVER and state not in {BidState.WON, BidState.WITHDRAWN}
    if actor.role == Role.OFFICER and over and scenario.pk in desk.unreturned:
        return ["certify_return"]
    return []


def on_consortium(desk: Desk, bid: Bid, *, waits: bool) -> list[str]:
    """bid: of a consortium, with its scenario; waits: whether a change waits for its decision."""
    scenario = bid.scenario
    if scenario.suspended or scenario.state not in CHANGE_STATES or bid.state not in CHANGE_BIDS:
        return []
    if can_request_consortium_change(desk.actor, bid) and not waits:
        return ["change_consortium"]
    return ["decide_consortium"] if can_decide_consortium_change(desk.actor, bid) and waits else []


class KeyHolding:
    """Whether a person may confirm openings, for a whole list. Mirrors `can_confirm_opening`."""

    def __init__(self, desk: Desk) -> None:
        self.desk, user = desk, desk.actor.user_id
        judge = desk.actor.role == Role.EXPERT or (
            user and PersonRole.objects.filter(user=user, role=Role.EXPERT).exists()
        )
        reviewed = set(granted_subjects(desk.actor, Capability.REVIEW)) if user else set()
        self.keys = set() if judge or not user else desk.keys - reviewed

    def on_opening(self, *, state: str, scenario: Scenario, confirmed_by: set[int]) -> list[str]:
        mine = scenario.uid in self.keys and self.desk.actor.user_id not in confirmed_by
        waiting = state == OpeningState.WAITING and not scenario.suspended
        return ["confirm_opening"] if mine and waiting else []


def on_failure(desk: Desk, opening: Opening) -> list[str]:
    """opening: with its scenario, the profile of that, and its `failures`."""
    scenario = opening.scenario
    due = opening.state not in OPENING_OVER
    due = due and scenario.state == STAGE_STATE[OpeningStage(opening.stage)]
    if desk.actor.role != Role.OFFICER or scenario.uid in desk.keys or not due:
        return []
    for failure in opening.failures.all():
        if failure.state == FailureState.DECLARED:
            other = failure.declared_by_id != desk.actor.user_id
            return ["confirm_failed_opening", "dismiss_failed_opening"] if other else []
    return ["declare_failed_opening"] if desk.now >= waits_until(opening) else []


def on_panel(desk: Desk, panel: Panel, members: list[PanelMember]) -> list[str]:
    """panel: with its scenario; members: with their words."""
    actor, scenario = desk.actor, panel.scenario
    changes = panel.state in PANEL_CHANGES
    if actor.role == Role.SECRETARY:
        sitting = [m for m in members if m.state != MemberState.RECUSED]
        declared = sitting and all(m.state == MemberState.DECLARED for m in sitting)
        names = ["recuse_member"] if changes else []
        ready = declared and scenario.state == State.REVIEW and not scenario.suspended
        if panel.state == PanelState.APPOINTED and ready:
            names.append("start_scoring")
        if panel.state == PanelState.NAMED and not scenario.suspended:
            names.append("set_defences")
        if panel.state == PanelState.PRICE and scenario.state == State.REVIEW:
            names.append("finish_review")
        return names
    own = next((m for m in members if m.user_id == actor.user_id), None)
    if actor.role != Role.EXPERT or own is None:
        return []
    if panel.state == PanelState.SIGNING and own.state == MemberState.DECLARED:
        return [] if own.words.all() or scenario.suspended else ["sign_report"]
    if not changes:
        return []
    if own.state == MemberState.INVITED:
        return ["declare_interest", "recuse_member"]
    if own.state != MemberState.DECLARED:
        return []
    again = panel.state == PanelState.NAMED and own.declared_named_at is None
    return [*(["declare_against_bidders"] if again else []), "recuse_member"]


def on_report(
    desk: Desk, report: Report, scan: SignedScan | None, check: ScanCheck | None
) -> list[str]:
    """report: with its scenario's panel; scan: the last one, with its check."""
    if report.scenario.panel.state != PanelState.REPORTED:
        return []
    if scan is None or (check is not None and not check.accepted):
        return ["file_report_scan"] if can_file_scan(desk.actor, report) else []
    return ["check_report_scan"] if check is None and can_check_scan(desk.actor, scan) else []


def on_draw(desk: Desk, draw: Draw, deposited: set[str]) -> list[str]:
    """draw: with its scenario; deposited: the roles whose nonces are there."""
    role = str(desk.actor.role)
    if draw.state != DrawState.PREPARED or role not in lottery.DEPOSITORS:
        return []
    names = [] if role in deposited else ["deposit_nonce"]
    if role == Role.SECRETARY and deposited == set(lottery.DEPOSITORS):
        names.append("commit_draw")
    return names


def on_sheet(desk: Desk, *, user_id: int, state: str, reported: bool) -> list[str]:
    if desk.actor.role != Role.EXPERT or user_id != desk.actor.user_id:
        return []
    if state == SheetState.LOCKED and not reported:
        return ["correct_sheet"]
    return ["save_scores", "lock_sheet"] if state == SheetState.OPEN else []


def on_defence(desk: Desk, slot: DefenceSlot) -> list[str]:
    """slot: with its panel."""
    may = desk.actor.role == Role.SECRETARY and slot.panel.state == PanelState.NAMED
    due = slot.recorded_at is None and desk.now >= slot.starts_at
    return ["record_attendance"] if may and due else []


def on_panel_question(desk: Desk, row: PanelQuestion) -> list[str]:
    """row: with its member's panel and its bid."""
    if row.member.panel.state != PanelState.NAMED:
        return []
    if row.answered_at is None:
        waits = desk.now < row.answer_by and can_answer_panel_question(desk.actor, row)
        return ["answer_panel_question"] if waits else []
    judges = desk.actor.role in {Role.SECRETARY, Role.EXPERT}
    return ["set_aside_answer"] if judges and row.set_aside_at is None else []


def on_award(desk: Desk, decision: dict[str, Any], *, ends_at: datetime | None) -> list[str]:
    """decision: its state, decided_by_id, scenario_id and the winner's bid__organisation_id."""
    actor = desk.actor
    if decision["state"] == DecisionState.PROPOSED:
        may = actor.role == Role.OFFICER and decision["decided_by_id"] != actor.user_id
        return ["publicise_award"] if may else []
    if decision["state"] != DecisionState.PUBLICISED or ends_at is None:
        return []
    names = []
    officer = actor.role == Role.OFFICER and decision["scenario_id"] not in desk.judged
    if officer and desk.now >= ends_at and decision["scenario_id"] not in desk.challenged:
        names.append("confirm_award")
    if actor.role == Role.OWNER and actor.organisation_id == decision["bid__organisation_id"]:
        names.append("refuse_award")
    return names


CHALLENGE_MOVES = {
    ChallengeState.FILED: "admit_challenge",
    ChallengeState.ADMITTED: "rule_challenge",
    ChallengeState.UPHELD: "record_redo",
}


def on_challenge(desk: Desk, row: MemberChallenge) -> list[str]:
    """row: with its member's panel and its demand."""
    scenario = row.publicity.decision.scenario
    name = CHALLENGE_MOVES.get(ChallengeState(row.state))
    hears = desk.actor.role == Role.OFFICER and scenario.pk not in desk.judged
    if name is None or not hears or scenario.state not in HEARD_IN:
        return []
    ruled = name == "record_redo" and row.ruled_by_id == desk.actor.user_id
    return [] if ruled else [name]


def on_attempt(actor: Actor, attempt: Attempt, now: datetime) -> list[str]:
    """attempt: with its entrant, and its heat's race and design. Asks the database nothing."""
    heat = attempt.entry.heat
    if not can_submit_attempt(actor, attempt.entry.entrant):
        return []
    names = ["cancel_attempt"] if attempt.state in WAITING else []
    runs = heat.state == HeatState.OPEN and now < heat.ends_at
    scored = attempt.state == AttemptState.SCORED and not attempt.chosen
    if runs and scored and plan_of(heat)["choice"] == "chosen":
        names.append("choose_attempt")
    return names


def manages(actor: Actor, organisation: Organisation) -> bool:
    """Whose people the actor sees to. Asks the database nothing."""
    return can_manage_members(actor, organisation)


def on_organisation(desk: Desk, organisation: Organisation) -> list[str]:
    actor, names = desk.actor, []
    if can_edit_organisation(actor, organisation):
        names += ["edit_organisation", "state_control", "state_relation"]
    if can_ask_verification(actor, organisation):
        names.append("attach_evidence")
        if organisation.verified_at is None:
            names.append("ask_verification")
    if manages(actor, organisation):
        names.append("invite_member")
    if actor.role == Role.OFFICER and not organisation.is_office:
        own = {row.organisation_id for row in actor.person.memberships.all()}
        if organisation.pk not in own:
            names += ["attach_evidence", "verify_organisation", "refuse_verification"]
    return names


def on_expert(actor: Actor, expert: Expert) -> list[str]:
    names = []
    if can_edit_expert(actor, expert):
        names.append("edit_expert")
        names.append("lift_suspension" if expert.suspended_at else "suspend_expert")
    if can_confirm_record(actor, expert):
        names.append("confirm_record")
    if can_state_interest(actor, expert):
        names.append("state_interest")
    return names


def on_interest(actor: Actor, interest: Interest, today: date) -> list[str]:
    """interest: with its expert."""
    if interest.struck_at is not None:
        return []
    over = interest.until_date is not None and interest.until_date <= today
    names = []
    if not over and can_state_interest(actor, interest.expert):
        names.append("end_interest")
    if can_strike_interest(actor, interest):
        names.append("strike_interest")
    return names
