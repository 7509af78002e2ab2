"""Who is told of what, kind by kind; and of bids nobody is told."""

from datetime import timedelta

import pytest
from django.db import transaction

from marketplace.accounts.actions import end_grants
from marketplace.accounts.models import Capability, Grant, Membership
from marketplace.awards import actions as awards
from marketplace.base import clock as site_clock
from marketplace.base.actor import SYSTEM, Role
from marketplace.base.models import OutboxJob
from marketplace.bidding.actions.opening import request_opening
from marketplace.bidding.models import BidState, OpeningStage
from marketplace.committee import actions as committee
from marketplace.notices import actions
from marketplace.notices.models import Notice
from marketplace.notices.queries import lines
from marketplace.notices.registry import KINDS
from marketplace.scenarios.models import State
from marketplace.scenarios.watching.notices import TOLD
from tests import world
from tests.awards import steps as award_steps
from tests.committee import factories
from tests.notices.steps import deliver, happen, ids, told

pytestmark = pytest.mark.django_db

TO_THE_OWNER = [
    "scenario.returned",
    "scenario.rejected",
    "scenario.demonstrated",
    "scenario.published",
    "scenario.failed",
]


def test_the_kinds_are_these_and_none_tells_of_a_bid():
    assert {name for name, kind in KINDS.items() if kind.event_kind} == {
        "scenario.submitted",
        *TO_THE_OWNER,
        "scenario.deadline_extended",
        # To bidders, each in its own inbox, about the demand: tests/scenarios/test_outages.py.
        "bidders.deadline_extended",
        # The same for every other cause.
        "scenario.deadline_moved",
        "bidders.deadline_moved",
        # Never who asked; tests/scenarios/questions.
        "question.asked",
        "question.answered",
        "bidders.question_answered",
        # tests/scenarios/test_release_requests.py
        "release.asked",
        "release.granted",
        "release.refused",
        "amendment.drafted",
        "scenario.suspended",
        "scenario.resumed",
        "bidders.suspended",
        "bidders.resumed",
        "scenario.amended",
        # To owners and to vendors: tests/scenarios/test_batches.py.
        "batch.called",
        "batch.cancelled",
        "batch.announced",
        "bidders.amended",
        "opening.requested",
        # After the opening or the end alone, to the bidder and the officers who decide.
        "consortium.change_requested",
        "consortium.changed",
        "consortium.change_refused",
        "return.certified",
        "bidders.listing_failed",
        # To those who watch a demand: tests/scenarios/watching.
        *(f"watched.{kind.split('.')[1]}" for kind in TOLD),
        "watched.answered",
        "watched.relisted",
        # To the experts who were asked; tests/scenarios/test_demonstration.py.
        "demonstration.invited",
        # Keys that are lost; tests/bidding.
        "opening.stuck",
        "opening.failure_declared",
        "opening.failed",
        "member.added",
        # tests/committee/test_signing.py
        "report.made",
        # tests/committee/draw
        "draw.prepared",
        "draw.invited",
        "member.joined",
        "member.removed",
        "invitation.accepted",
        "organisation.verification_asked",
        "organisation.verified",
        "organisation.refused",
        "award.publicised",
        "award.confirmed",
        # tests/races/test_entry_told.py
        "race.shortlist_publicised",
        "race.agreements_offered",
        "race.started",
        "race.voided",
        # To the bidder alone, to whoever asked, to the members: tests/committee/test_defence.py.
        "panel_question.asked",
        "panel_question.answered",
        "panel_question.set_aside",
        "defence.set",
        "panel.defence_set",
        # To officers who did not sit, and to whoever challenged: tests/awards/test_challenges.py.
        "challenge.filed",
        "challenge.admitted",
        "challenge.refused",
        "challenge.ruled",
        "challenge.redone",
        # To the vendor alone, and to the owner of the course: tests/races/attempts/test_notices.py.
        "attempt.scored",
        "attempt.refused",
        "attempt.failed",
        "course.refused",
    }
    assert [kind.event_kind for kind in KINDS.values() if "bid" in kind.event_kind] == []


def test_a_submitted_demand_is_told_to_the_officers_who_stand_apart():
    owner, officer, _secretary = world.owner(), world.officer(), world.secretary()
    double, gone = world.officer(), world.officer()
    Membership.objects.create(user=double.user, organisation=owner.organisation, role=Role.VIEWER)
    gone.user.is_active = False
    gone.user.save()
    happen("scenario.submitted", world.draft_scenario(owner, state=State.SUBMITTED))
    deliver()
    assert told("scenario.submitted") == ids(officer)


@pytest.mark.parametrize("kind", TO_THE_OWNER)
def test_its_course_is_told_to_the_owners_and_editors(kind):
    owner = world.owner()
    editor = world.member(owner.organisation, Role.EDITOR)
    world.member(owner.organisation, Role.VIEWER)
    world.owner()
    world.officer()
    happen(kind, world.draft_scenario(owner, state=State.RETURNED))
    deliver()
    assert told(kind) == ids(owner, editor)


def test_an_opening_is_told_to_the_key_holders_whose_grant_is_in_force():
    scenario = world.published_scenario(state=State.CLOSED)
    stays, leaves = world.key_holder_actors(scenario)
    with transaction.atomic():
        request_opening(scenario=scenario, stage=OpeningStage.FIRST, actor=SYSTEM)
    end_grants(user=leaves.user, subject_uids=[scenario.uid], capability=Capability.KEY_HOLDER)
    deliver()
    assert told("opening.requested") == ids(stays)


def test_a_later_member_is_told_alone_and_not_once_recused():
    secretary = world.secretary()
    scenario = factories.scenario_in_review()
    panel, _judges = factories.seated_panel(scenario, factories.experts(3), secretary)
    first, second = factories.experts(2)
    deliver()
    Notice.objects.all().delete()
    for expert in (first, second):
        factories.add(panel, expert)
    seat = panel.members.get(user=second.user)
    committee.recuse_member(actor=secretary, member_uid=seat.uid, reason="利害关系")
    deliver()
    assert told("member.added") == ids(first)
    notice = Notice.objects.get(kind="member.added")
    [line] = lines(first.user, [notice])
    assert line.text == f"You were appointed to the panel for “{scenario.title_en}”"
    assert line.url == f"/en/panels/{panel.uid}/"
    # Another expert's eyes, and those of a recused one, see nothing in it.
    assert [line.withdrawn for line in lines(second.user, [notice])] == [True]
    seat = panel.members.get(user=first.user)
    committee.recuse_member(actor=secretary, member_uid=seat.uid, reason="利害关系")
    assert [line.withdrawn for line in lines(first.user, [notice])] == [True]


def test_who_is_recused_later_reads_no_title_any_more():
    secretary = world.secretary()
    panel, judges = factories.seated_panel(
        factories.scenario_in_review(), factories.experts(4), secretary
    )
    deliver()
    notice = Notice.objects.get(user=judges[0].user)
    [line] = lines(judges[0].user, [notice])
    assert (line.withdrawn, panel.scenario.title_en in line.text) == (False, True)
    member = panel.members.get(user=judges[0].user)
    committee.recuse_member(actor=secretary, member_uid=member.uid, reason="利害关系")
    [line] = lines(judges[0].user, [notice])
    assert (line.withdrawn, line.text, line.url) == (True, "", "")


def test_the_outcome_is_told_to_the_opened_bidders_and_the_owner():
    decision = award_steps.decided(2)
    scenario = decision.scenario
    factories.opened_bid(scenario, code="", state=BidState.UNOPENED)
    world.vendor()
    concerned = set(
        Membership.objects.filter(
            organisation__in=[
                scenario.organisation_id,
                *scenario.bids.exclude(blind_code="").values_list("organisation", flat=True),
            ]
        ).values_list("user_id", flat=True)
    )
    awards.publicise(actor=world.officer(), decision_uid=decision.uid)
    deliver()
    assert told("award.publicised") == concerned
    happen("award.confirmed", scenario)
    deliver()
    assert told("award.confirmed") == concerned


def test_who_left_the_organisation_before_delivery_is_not_told():
    owner = world.owner()
    leaver = world.member(owner.organisation)
    happen("scenario.returned", world.draft_scenario(owner, state=State.RETURNED))
    Membership.objects.filter(user=leaver.user).delete()
    deliver()
    assert told("scenario.returned") == ids(owner)


def test_a_handler_run_twice_tells_once():
    owner = world.owner()
    event = happen("scenario.returned", world.draft_scenario(owner, state=State.RETURNED))
    assert actions.deliver(event_uid=event.uid) == 1
    assert actions.deliver(event_uid=event.uid) == 0
    deliver()
    assert Notice.objects.filter(user=owner.user).count() == 1


def test_what_is_rolled_back_is_told_to_nobody():
    scenario = world.draft_scenario(world.owner(), state=State.RETURNED)
    before = OutboxJob.objects.count()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        happen("scenario.returned", scenario)
        raise ZeroDivisionError
    assert OutboxJob.objects.count() == before
    deliver()
    assert Notice.objects.count() == 0


def test_a_grant_that_ended_hides_the_opening_again():
    scenario = world.published_scenario(state=State.CLOSED)
    holder, _other = world.key_holder_actors(scenario)
    with transaction.atomic():
        request_opening(scenario=scenario, stage=OpeningStage.FIRST, actor=SYSTEM)
    deliver()
    notice = Notice.objects.get(user=holder.user)
    assert [line.withdrawn for line in lines(holder.user, [notice])] == [False]
    Grant.objects.filter(user=holder.user).update(
        from_at=site_clock.now() - timedelta(days=1), until_at=site_clock.now()
    )
    assert [line.withdrawn for line in lines(holder.user, [notice])] == [True]
