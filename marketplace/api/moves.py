"""The moves that a user may make now, as an object of an answer tells them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rest_framework.request import Request

from marketplace.api.views import absolute
from marketplace.base.actor import Actor
from marketplace.desk import moves as desk_moves
from marketplace.desk.queries import desk_for
from marketplace.scenarios.models import Scenario

RELATED = ("organisation", "profile", "panel")
FETCHED = ("decisions", "openings__confirmations")
# move -> (method, name of the address); the address takes the uid of the object that tells of it.
ROUTES: dict[str, tuple[str, str]] = {
    "edit_scenario": ("PATCH", "api-scenario"),
    "delete_scenario": ("DELETE", "api-scenario"),
    "submit_scenario": ("POST", "api-scenario-submit"),
    "answer_likeness": ("POST", "api-scenario-likeness"),
    "start_demonstration": ("POST", "api-scenario-demonstrate"),
    "return_scenario": ("POST", "api-scenario-return"),
    "reject_scenario": ("POST", "api-scenario-reject"),
    "conclude_demonstration": ("POST", "api-scenario-conclude"),
    "save_batch": ("PATCH", "api-batch"),
    "call_batch": ("POST", "api-batch-call"),
    "gather_batch": ("POST", "api-batch-gather"),
    "cancel_batch": ("POST", "api-batch-cancel"),
    "set_meeting": ("POST", "api-batch-meeting"),
    "announce_batch": ("POST", "api-batch-announce"),
    "add_task": ("POST", "api-batch-tasks"),
    "report_task": ("POST", "api-task-report"),
    "invite_experts": ("POST", "api-scenario-demonstration"),
    "give_opinion": ("POST", "api-demonstration-opinion"),
    "decline_demonstration": ("POST", "api-demonstration-decline"),
    "file_document": ("POST", "api-scenario-documents"),
    "check_document": ("POST", "api-document-check"),
    "publish_scenario": ("POST", "api-scenario-publish"),
    "withdraw_scenario": ("POST", "api-scenario-withdraw"),
    "ask_question": ("POST", "api-question-ask"),
    "answer_questions": ("POST", "api-question-answer"),
    "draft_amendment": ("POST", "api-amendment-draft"),
    "publish_amendment": ("POST", "api-amendment-publish"),
    "drop_amendment": ("POST", "api-amendment-drop"),
    "suspend_scenario": ("POST", "api-scenario-suspend"),
    "resume_scenario": ("POST", "api-scenario-resume"),
    "relist_scenario": ("POST", "api-scenario-relist"),
    "release_attachment": ("POST", "api-attachment-release"),
    "end_release": ("POST", "api-attachment-end-release"),
    "sign_undertaking": ("POST", "api-undertaking-sign"),
    "assemble_package": ("POST", "api-package-assemble"),
    "start_eligibility": ("POST", "api-eligibility-start"),
    "conclude_eligibility": ("POST", "api-eligibility-conclude"),
    "choose_winner": ("POST", "api-choose-winner"),
    "decide_by_minutes": ("POST", "api-decide-by-minutes"),
    "choose_nobody": ("POST", "api-choose-nobody"),
    "withdraw_bid": ("POST", "api-bid-withdraw"),
    "change_consortium": ("POST", "api-bid-consortium-change"),
    "decide_consortium": ("POST", "api-bid-consortium-decide"),
    "check_condition": ("POST", "api-bid-checks"),
    "certify_return": ("POST", "api-bid-return"),
    "commit_hashes": ("POST", "api-commit-hashes"),
    "submit_package": ("POST", "api-package-submit"),
    "declare_failed_opening": ("POST", "api-opening-fail"),
    "confirm_failed_opening": ("POST", "api-opening-fail-confirm"),
    "dismiss_failed_opening": ("POST", "api-opening-fail-dismiss"),
    "confirm_opening": ("POST", "api-opening-confirm"),
    "shortlist": ("POST", "api-shortlist"),
    "publicise_shortlist": ("POST", "api-race-publicise"),
    "offer_agreements": ("POST", "api-race-offer"),
    "start_race": ("POST", "api-race-start"),
    "end_entry": ("POST", "api-race-end"),
    "accept_agreement": ("POST", "api-race-agreement-accept"),
    "decline_agreement": ("POST", "api-race-agreement-decline"),
    "cancel_attempt": ("POST", "api-attempt-cancel"),
    "choose_attempt": ("POST", "api-attempt-choose"),
    "save_race_design": ("PUT", "api-race-design"),
    "prepare_draw": ("POST", "api-scenario-draw"),
    "deposit_nonce": ("POST", "api-draw-deposit"),
    "commit_draw": ("POST", "api-draw-commit"),
    "answer_invitation": ("POST", "api-draw-invitation-answer"),
    "declare_interest": ("POST", "api-panel-declare"),
    "declare_against_bidders": ("POST", "api-panel-declare-named"),
    "sign_report": ("POST", "api-panel-sign"),
    "file_report_scan": ("POST", "api-report-scan"),
    "check_report_scan": ("POST", "api-report-scan-check"),
    "start_scoring": ("POST", "api-panel-start"),
    "finish_review": ("POST", "api-panel-finish"),
    "save_scores": ("PATCH", "api-sheet"),
    "lock_sheet": ("POST", "api-sheet-lock"),
    "correct_sheet": ("POST", "api-sheet-correct"),
    "ask_bidder": ("POST", "api-sheet-ask"),
    "answer_panel_question": ("POST", "api-panel-question-answer"),
    "set_aside_answer": ("POST", "api-panel-question-aside"),
    "set_defences": ("POST", "api-panel-defences"),
    "record_attendance": ("POST", "api-defence-record"),
    "publicise_award": ("POST", "api-award-publicise"),
    "confirm_award": ("POST", "api-award-confirm"),
    "refuse_award": ("POST", "api-award-refuse"),
    "admit_challenge": ("POST", "api-challenge-admit"),
    "rule_challenge": ("POST", "api-challenge-rule"),
    "record_redo": ("POST", "api-challenge-redo"),
    "edit_organisation": ("PUT", "api-organisation"),
    "ask_verification": ("POST", "api-verification-ask"),
    "attach_evidence": ("POST", "api-evidence-attach"),
    "verify_organisation": ("POST", "api-verification-give"),
    "refuse_verification": ("POST", "api-verification-refuse"),
    "invite_member": ("POST", "api-invite"),
    "change_role": ("PATCH", "api-member"),
    "remove_member": ("DELETE", "api-member"),
    "send_again": ("POST", "api-invitation-again"),
    "revoke_invitation": ("DELETE", "api-invitation"),
    "state_control": ("POST", "api-control-state"),
    "end_control": ("POST", "api-control-end"),
    "state_relation": ("POST", "api-relation-state"),
    "end_relation": ("POST", "api-relation-end"),
    "edit_expert": ("PUT", "api-expert"),
    "suspend_expert": ("POST", "api-expert-suspend"),
    "lift_suspension": ("POST", "api-expert-lift"),
    "confirm_record": ("POST", "api-expert-confirm"),
    "state_interest": ("POST", "api-interest-state"),
    "end_interest": ("POST", "api-interest-end"),
    "strike_interest": ("POST", "api-interest-strike"),
    "sign_pledge": ("POST", "api-pledge-sign"),
    "end_inspection": ("POST", "api-inspection-end"),
    "revoke_token": ("DELETE", "api-token"),
    "rename_search": ("PATCH", "api-saved-search"),
    "delete_search": ("DELETE", "api-saved-search"),
    "unwatch_scenario": ("DELETE", "api-scenario-watch"),
    "mark_read": ("POST", "api-notice-read"),
}


def told(request: Request, names: Iterable[str], uid: object) -> list[dict[str, str]]:
    """Each with the method and the address to which it is sent."""
    return [
        {"name": name, "method": method, "href": absolute(request, route, uid)}
        for name in names
        for method, route in [ROUTES[name]]
    ]


def scenario_moves(
    request: Request, actor: Actor, ids: Collection[int]
) -> dict[int, list[dict[str, str]]]:
    """{scenario id: its moves}. Visitors may do nothing, which costs no query."""
    if not actor.user_id or not ids:
        return {}
    desk = desk_for(actor)
    rows = Scenario.objects.visible_to(actor).filter(pk__in=ids)
    found = rows.select_related(*RELATED).prefetch_related(*FETCHED)
    return {row.pk: told(request, desk_moves.on_scenario(desk, row), row.uid) for row in found}
