"""Who may do what to a demand."""

from __future__ import annotations

import pytest

from marketplace.accounts.models import Membership
from marketplace.base.actor import OPENER, SYSTEM, VISITOR, Actor, Role
from marketplace.scenarios.amendments.models import Amendment
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.batches.models import BatchTask
from marketplace.scenarios.demonstration.models import Demonstration
from marketplace.scenarios.documents.models import GateDocument
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.releases.models import ReleaseRequest
from marketplace.scenarios.rules import (
    can_answer_questions,
    can_answer_release,
    can_ask_question,
    can_ask_release,
    can_check_document,
    can_close_scenario,
    can_conclude_demonstration,
    can_demonstrate_scenario,
    can_draft_amendment,
    can_draft_scenario,
    can_edit_scenario,
    can_extend_deadline,
    can_file_document,
    can_give_opinion,
    can_invite_experts,
    can_keep_calendar,
    can_publish_amendment,
    can_publish_scenario,
    can_release_attachment,
    can_report_task,
    can_run_batch,
    can_save_search,
    can_suspend_scenario,
    can_take_into_batch,
    can_undertake,
    can_watch_scenario,
    can_withdraw_scenario,
)
from tests import world
from tests.matrix import cells, rules_of

pytestmark = pytest.mark.django_db

# owner, editor, viewer: of the organisation whose demand it is; rival: owner of another one.
# tied: an officer who also belongs to the owner. author: an officer who wrote the demand.
WHO = (
    "visitor owner editor viewer rival vendor officer tied author secretary"
    " expert evaluator witness complaints inspector operator system opener"
)
#                          vi ow ed ve ri ve of ti au se ex ev wi co in op sy op
MATRIX = {
    can_draft_scenario: "   -  +  +  -  +  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_edit_scenario: "    -  +  +  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_demonstrate_scenario: "- -  -  -  -  -  +  -  -  -  -  -  -  -  -  -  -  -",
    can_publish_scenario: " -  -  -  -  -  -  +  -  -  -  -  -  -  -  -  -  -  -",
    can_run_batch: "        -  -  -  -  -  -  +  +  +  -  -  -  -  -  -  -  -  -",
    can_take_into_batch: "  -  -  -  -  -  -  +  -  -  -  -  -  -  -  -  -  -  -",
    can_report_task: "      -  -  -  -  -  -  +  +  +  -  -  -  -  -  -  -  -  -",
    can_invite_experts: "   -  -  -  -  -  -  +  -  -  +  -  -  -  -  -  -  -  -",
    can_give_opinion: "     -  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_conclude_demonstration: "- - - - - - - - - + - - - - - - - -",
    can_file_document: "    -  +  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_check_document: "   -  -  -  -  -  -  +  -  -  -  -  -  -  -  -  -  -  -",
    can_withdraw_scenario: "-  +  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_release_attachment: "- +  +  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_undertake: "        -  -  -  -  +  +  -  -  -  -  -  -  -  -  -  -  -  -",
    can_ask_release: "      -  -  -  -  -  +  -  -  -  -  -  -  -  -  -  -  -  -",
    can_answer_release: "   -  +  +  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_ask_question: "     -  -  -  -  -  +  -  -  -  -  -  -  -  -  -  -  -  -",
    can_answer_questions: " -  +  +  -  -  -  +  -  -  -  -  -  -  -  -  -  -  -",
    can_draft_amendment: "  -  +  +  -  -  -  +  -  -  -  -  -  -  -  -  -  -  -",
    can_publish_amendment: "-  -  -  -  -  -  +  -  -  -  -  -  -  -  -  -  -  -",
    can_suspend_scenario: " -  -  -  -  -  -  +  -  -  -  -  -  -  -  -  -  -  -",
    can_keep_calendar: "    -  +  +  +  +  +  +  +  +  +  +  +  +  +  -  +  -  -",
    can_save_search: "      -  +  +  +  +  +  +  +  +  +  +  +  +  +  -  +  -  -",
    can_watch_scenario: "   -  +  +  +  +  +  +  +  +  +  +  +  +  +  -  +  -  -",
    can_close_scenario: "   -  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -  +  -",
    can_extend_deadline: "  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -  +  -",
}


def actor_called(who: str, scenario: Scenario) -> Actor:
    owner = scenario.organisation
    if who in {"visitor", "system", "opener"}:
        return {"visitor": VISITOR, "system": SYSTEM, "opener": OPENER}[who]
    if who in {"owner", "editor", "viewer"}:
        return world.member(owner, Role(who))
    if who == "tied":
        officer = world.officer()
        Membership.objects.create(user=officer.user, organisation=owner, role=Role.VIEWER)
        return officer
    if who == "author":
        officer = world.officer()
        scenario.author = officer.user
        return officer
    made = {
        "rival": world.owner,
        "vendor": world.vendor,
        "officer": world.officer,
        "secretary": world.secretary,
    }
    return made[who]() if who in made else world.person(Role(who))


@pytest.mark.parametrize(("rule", "who", "allowed"), cells(WHO, MATRIX))
def test_matrix(rule, who, allowed):
    scenario = world.draft_scenario(world.owner(), state=State.DEMONSTRATED)
    actor = actor_called(who, scenario)
    row = {
        can_draft_scenario: actor.organisation,
        can_release_attachment: Attachment(scenario=scenario),
        can_undertake: Attachment(scenario=scenario),
        can_answer_release: ReleaseRequest(scenario=scenario),
        can_publish_amendment: Amendment(scenario=scenario, drafted_by=scenario.author),
        # A task of somebody else's.
        can_report_task: BatchTask(responsible_id=0),
        # Nobody was asked: an expert's answer is tested with the rounds.
        can_give_opinion: Demonstration(pk=0, scenario=scenario),
        # Of the owner's two, the one that commits money; the office's are below.
        can_file_document: GateDocument(scenario=scenario, kind="funding"),
        can_check_document: GateDocument(scenario=scenario, kind="competition", filed_by_id=0),
    }.get(rule, scenario)
    assert rule(actor, row) is allowed


def test_every_rule_has_a_row():
    assert rules_of("scenarios") == set(MATRIX)


def test_nobody_drafts_for_another_organisation():
    assert can_draft_scenario(world.owner(), world.owner().organisation) is False


def test_who_drafted_a_change_does_not_publish_it():
    scenario, officer = world.published_scenario(), world.officer()
    assert (
        can_publish_amendment(officer, Amendment(scenario=scenario, drafted_by=officer.user))
        is False
    )
