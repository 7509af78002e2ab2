import pytest

from marketplace.accounts.actions import end_grants
from marketplace.accounts.models import Capability
from marketplace.base.actor import OPENER, SYSTEM, VISITOR, Role
from marketplace.committee.defence.models import PanelQuestion
from marketplace.committee.draw.models import DrawInvitation, DrawPlace
from marketplace.committee.rules import (
    can_answer_invitation,
    can_answer_panel_question,
    can_ask_bidder,
    can_check_scan,
    can_commit_draw,
    can_correct_sheet,
    can_declare_interest,
    can_deposit_nonce,
    can_file_scan,
    can_finish_review,
    can_hold_defence,
    can_lock_sheet,
    can_prepare_draw,
    can_record_fee,
    can_recuse_member,
    can_save_scores,
    can_see_progress,
    can_see_signals,
    can_set_aside_answer,
    can_sign_report,
    can_start_scoring,
)
from marketplace.experts.models import Expert
from marketplace.files.signing.models import SignedScan
from tests import world
from tests.committee import factories
from tests.matrix import cells, rules_of

pytestmark = pytest.mark.django_db

# judge: whose seat or sheet it is; peer: another judge of the panel; gone: the recused judge
WHO = "visitor owner bidder officer secretary judge peer gone stranger witness inspector operator system opener"
MATRIX = {
    can_declare_interest: "-  -  -  -  -  +  -  -  -  -  -  -  -  -",
    can_recuse_member:    "-  -  -  -  +  +  -  -  -  -  -  -  -  -",
    can_record_fee:       "-  -  -  +  +  -  -  -  -  -  -  -  -  -",
    can_file_scan:        "-  -  -  +  -  -  -  -  -  -  -  -  -  -",
    can_check_scan:       "-  -  -  +  +  -  -  -  -  -  -  -  -  -",
    can_sign_report:      "-  -  -  -  -  +  -  -  -  -  -  -  -  -",
    can_start_scoring:    "-  -  -  -  +  -  -  -  -  -  -  -  -  -",
    can_save_scores:      "-  -  -  -  -  +  -  -  -  -  -  -  -  -",
    can_lock_sheet:       "-  -  -  -  -  +  -  -  -  -  -  -  -  -",
    can_correct_sheet:    "-  -  -  -  -  +  -  -  -  -  -  -  -  -",
    can_finish_review:    "-  -  -  -  +  -  -  -  -  -  -  -  -  -",
    can_see_signals:      "-  -  -  -  -  -  -  -  -  +  -  -  -  -",
    can_see_progress:     "-  -  -  +  +  -  -  -  -  -  -  -  -  -",
    can_hold_defence:     "-  -  -  -  +  -  -  -  -  -  -  -  -  -",
    can_ask_bidder:       "-  -  -  -  -  +  -  -  -  -  -  -  -  -",
    can_answer_panel_question: "-  -  +  -  -  -  -  -  -  -  -  -  -  -",
    can_set_aside_answer: "-  -  -  -  +  +  +  -  -  -  -  -  -  -",
    can_prepare_draw:     "-  -  -  -  +  -  -  -  -  -  -  -  -  -",
    can_deposit_nonce:    "-  -  -  -  +  -  -  -  -  +  -  -  -  -",
    can_commit_draw:      "-  -  -  -  +  -  -  -  -  -  -  -  -  -",
    can_answer_invitation:"-  -  -  -  -  +  -  -  -  -  -  -  -  -",
}  # fmt: skip


def test_matrix():
    """One world for all cells: it takes longer to build than to ask."""
    scenario = factories.scenario_in_review(1)
    panel, judges = factories.scoring_panel(scenario, factories.experts(4))
    sheet = factories.sheets(judges[0]).get()
    end_grants(
        user=judges[3].user, subject_uids=[panel.uid, scenario.uid], capability=Capability.REVIEW
    )
    actors = {
        "visitor": VISITOR,
        "owner": world.member(scenario.organisation),
        "bidder": world.member(scenario.bids.get().organisation),
        "officer": world.officer(),
        "secretary": world.secretary(),
        "judge": judges[0],
        "peer": judges[1],
        "gone": judges[3],
        "stranger": world.person(Role.EXPERT),
        "witness": world.person(Role.WITNESS),
        "inspector": world.person(Role.INSPECTOR),
        "operator": world.person(Role.OPERATOR),
        "system": SYSTEM,
        "opener": OPENER,
    }
    rows = {
        can_declare_interest: sheet.member,
        can_recuse_member: sheet.member,
        can_sign_report: sheet.member,
        can_record_fee: sheet.member,
        can_check_scan: SignedScan(filed_by=judges[0].user),
        can_save_scores: sheet,
        can_lock_sheet: sheet,
        can_correct_sheet: sheet,
        can_finish_review: scenario,
        can_ask_bidder: sheet,
        can_answer_panel_question: PanelQuestion(member=sheet.member, bid=sheet.bid),
        can_set_aside_answer: PanelQuestion(member=sheet.member, bid=sheet.bid),
        can_prepare_draw: scenario,
        can_answer_invitation: DrawInvitation(
            place=DrawPlace(expert=Expert(user=judges[0].user)), number=1
        ),
    }
    expected, found = {}, {}
    for cell in cells(WHO, MATRIX):
        rule, who, allowed = cell.values
        expected[cell.id] = allowed
        found[cell.id] = rule(actors[who], rows.get(rule, panel))
    assert found == expected


def test_a_judge_whose_grant_ended_may_nothing():
    scenario = factories.scenario_in_review(1)
    panel, judges = factories.scoring_panel(scenario)
    sheet = factories.sheets(judges[0]).get()
    end_grants(user=judges[0].user, subject_uids=[panel.uid], capability=Capability.REVIEW)
    assert not can_save_scores(judges[0], sheet)
    assert not can_recuse_member(judges[0], sheet.member)


def test_every_rule_has_a_row():
    assert rules_of("committee") == set(MATRIX)
