"""Who is reminded of what and when; once, not at night, not of what is done, never in a flood."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction

from marketplace.awards import actions as awards
from marketplace.base.actor import SYSTEM, Role
from marketplace.base.clock import SHANGHAI
from marketplace.bidding.actions.opening import request_opening
from marketplace.bidding.models import Bid, BidState, OpeningConfirmation, OpeningStage
from marketplace.committee import actions as committee
from marketplace.committee.models import PanelMember, Sheet
from marketplace.ledger.models import Event
from marketplace.notices import reminders
from marketplace.notices.models import Notice
from marketplace.notices.queries import lines
from marketplace.notices.registry import KINDS
from marketplace.notices.reminders import Due, after, before, latest, on_the_day, send_due
from marketplace.scenarios.models import State
from tests import world
from tests.awards import steps as award_steps
from tests.committee import factories
from tests.notices.steps import happen, ids

pytestmark = pytest.mark.django_db


DAY = timedelta(days=1)


# A Monday.
START = datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI)


def at(day, hour=10, minute=0):
    """So many days after START, at an hour."""
    return (START + day * DAY).replace(hour=hour, minute=minute)


@pytest.fixture(autouse=True)
def monday(clock):
    clock.freeze(START)
    return clock


def told_at(clock, moments, *kinds):
    """{moment: {kind: user ids newly told}} where somebody was."""
    found = {}
    for moment in moments:
        clock.freeze(moment)
        before_it = set(Notice.objects.values_list("pk", flat=True))
        send_due()
        for row in Notice.objects.exclude(pk__in=before_it).filter(kind__startswith="reminder."):
            if row.kind in kinds:
                found.setdefault(moment, {}).setdefault(row.kind, set()).add(row.user_id)
    return found


def every_morning(days):
    return [at(day, 8, 30) for day in range(days + 1)]


# -- Steps ---------------------------------------------------------------------------------------
def test_the_rules_are_these_and_each_kind_may_be_chosen():
    assert set(reminders.RULES) == {
        "gate",
        "opinion",
        "question",
        "deadline",
        "opening",
        "eligibility",
        "declaration",
        "challenge",
        "declaration_named",
        "report",
        "sheets",
        "choice",
        "minutes",
        *("race_shortlist", "race_minutes", "race_notice"),
        *("race_offer", "race_agreement", "race_start"),
        "publicity",
        "confirmation",
        "return",
        "watched",
        "expert_expires",
        "expert_confirms",
        "draw_invitation",
        "panel_question",
    }
    made = {kind.name for rule in reminders.RULES.values() for _told, kind in rule.told}
    assert {name for name in KINDS if name.startswith("reminder.")} == made


@pytest.mark.parametrize(
    ("end", "morning"),
    [
        (at(3, 17), at(3, 8)),
        (at(3, 0), at(2, 8)),
        (at(3, 0, 1), at(3, 8)),
    ],
)
def test_the_last_day_of_an_end_at_midnight_is_the_day_before(end, morning):
    assert on_the_day().when(end) == morning


def test_only_the_latest_step_counts_and_none_from_before_it_waited():
    steps = (before(days=3), before(days=1), on_the_day(), after(days=2))
    subject = world.make_user().uid

    def name(since, now):
        step = latest(steps, Due(subject, since, at(10, 17)), now)
        return step and step.name

    assert name(START, at(7, 16, 59)) is None
    assert name(START, at(7, 17)) == "before-3"
    assert name(START, at(9, 17)) == "before-1"
    assert name(START, at(10, 8)) == "day"
    assert name(START, at(12, 17)) == "after-2"
    # Missed sweeps: a day later it is the latest, and the earlier ones are not made up for.
    assert name(START, at(10, 9)) == "day"
    # Published two days before its end: nobody is told at once that three days are left.
    assert name(at(8, 17), at(8, 18)) is None
    assert name(at(8, 17), at(9, 17)) == "before-1"
    assert name(START, at(12, 17) + reminders.TOO_LATE) is None


# -- The vendor ----------------------------------------------------------------------------------
def bid_of(scenario, vendor, state=BidState.SUBMITTED):
    return Bid.objects.create(scenario=scenario, organisation=vendor.organisation, state=state)


def test_only_bidders_are_reminded_of_their_deadline(clock):
    scenario = world.published_scenario(deadline_at=at(10, 17))
    bidder, watcher, quitter = world.vendor(), world.vendor(), world.vendor()
    editor = world.member(bidder.organisation, Role.EDITOR)
    world.member(bidder.organisation, Role.VIEWER)
    bid_of(scenario, bidder)
    bid_of(scenario, quitter, BidState.WITHDRAWN)
    world.officer(), world.secretary(), watcher
    found = told_at(clock, every_morning(12), "reminder.deadline", "reminder.deadline.withdrawn")
    both = {
        "reminder.deadline": ids(bidder, editor),
        "reminder.deadline.withdrawn": ids(quitter),
    }
    # The morning after each step; on the day itself at once.
    assert found == {at(8, 8, 30): both, at(10, 8, 30): both}
    assert set(Notice.objects.values_list("user_id", flat=True)) == ids(bidder, editor, quitter)
    assert not Event.objects.filter(kind__startswith="reminder").exists()
    notice = Notice.objects.filter(user=bidder.user).first()
    [line] = lines(bidder.user, [notice])
    title = scenario.title_en
    assert line.text == f"Your bid for “{title}” can be revised until 2026-12-03 17:00 UTC+8"


def test_a_deadline_that_is_put_off_is_reminded_of_anew(clock):
    scenario = world.published_scenario(deadline_at=at(3, 17))
    bidder = world.vendor()
    bid_of(scenario, bidder)
    assert list(told_at(clock, [at(3, 9)], "reminder.deadline")) == [at(3, 9)]
    scenario.deadline_at = at(6, 17)
    scenario.save()
    found = told_at(clock, [at(3, 10), at(4, 9), at(4, 10), at(6, 9)], "reminder.deadline")
    assert list(found) == [at(4, 9), at(6, 9)]


# -- Key holders -----------------------------------------------------------------------------------
def waiting_opening():
    scenario = world.published_scenario(state=State.CLOSED)
    with transaction.atomic():
        opening = request_opening(scenario=scenario, stage=OpeningStage.FIRST, actor=SYSTEM)
    return scenario, opening


def test_key_holders_are_reminded_and_then_the_office(clock):
    officer = world.officer()
    scenario, opening = waiting_opening()
    one, other = world.key_holder_actors(scenario)
    OpeningConfirmation.objects.create(opening=opening, user=one.user, confirmed_at=START)
    found = told_at(clock, every_morning(3), "reminder.opening", "reminder.opening.late")
    assert found == {
        at(1, 8, 30): {"reminder.opening": ids(other)},
        at(2, 8, 30): {"reminder.opening.late": ids(officer)},
        at(3, 8, 30): {"reminder.opening": ids(other)},
    }


# -- The office ------------------------------------------------------------------------------------
def test_a_demonstration_that_stalls_is_told_upwards_and_to_the_owner(clock):
    owner, officer, secretary = world.owner(), world.officer(), world.secretary()
    author = world.officer()
    scenario = world.draft_scenario(owner, state=State.SUBMITTED)
    scenario.author = author.user
    scenario.save()
    happen("scenario.submitted", scenario)
    found = told_at(
        clock, every_morning(9), "reminder.gate", "reminder.gate.late", "reminder.gate.owner"
    )
    # Filed on Monday: five days end on Saturday at midnight.
    assert found == {
        at(5, 8, 30): {"reminder.gate": ids(officer)},
        at(7, 8, 30): {"reminder.gate": ids(officer)},
        at(8, 8, 30): {"reminder.gate.late": ids(secretary), "reminder.gate.owner": ids(owner)},
    }


def test_the_eligibility_check_is_the_secretarys_and_then_the_officers(clock):
    officer, secretary = world.officer(), world.secretary()
    happen("opening.finished", world.published_scenario(state=State.OPENED))
    kinds = ("reminder.eligibility", "reminder.eligibility.late")
    found = told_at(clock, every_morning(9), *kinds)
    assert found == {
        at(5, 8, 30): {kinds[0]: ids(secretary)},
        at(7, 8, 30): {kinds[0]: ids(secretary)},
        at(8, 8, 30): {kinds[1]: ids(officer)},
    }


# -- Experts ---------------------------------------------------------------------------------------
def test_experts_are_reminded_to_declare_and_then_the_secretary(clock):
    secretary = world.secretary()
    scenario = factories.scenario_in_review()
    experts = factories.experts(3)
    panel, _seated = factories.seated_panel(scenario, experts, secretary)
    first, *others = experts
    committee.declare_interest(actor=first, panel_uid=panel.uid, free=True)
    kinds = ("reminder.declaration", "reminder.declaration.late")
    found = told_at(clock, every_morning(6), *kinds)
    assert found == {
        at(3, 8, 30): {kinds[0]: ids(*others)},
        at(5, 8, 30): {kinds[0]: ids(*others)},
        at(6, 8, 30): {kinds[0]: ids(*others), kinds[1]: ids(secretary)},
    }
    assert Notice.objects.filter(kind=kinds[1]).count() == len(others)
    [line] = lines(secretary.user, Notice.objects.filter(kind=kinds[1])[:1])
    assert line.url == f"/en/scenarios/{scenario.ref}/panel/"
    assert not any(expert.user.name in line.text for expert in experts)


def test_experts_are_reminded_of_their_sheets_until_they_are_locked(clock):
    secretary = world.secretary()
    scenario = factories.scenario_in_review()
    panel, judges = factories.seated_panel(scenario, factories.experts(3), secretary)
    for judge in judges:
        committee.declare_interest(actor=judge, panel_uid=panel.uid, free=True)
    committee.start_scoring(actor=secretary, panel_uid=panel.uid)
    kinds = ("reminder.sheets", "reminder.sheets.late")
    assert list(told_at(clock, every_morning(4), *kinds)) == []
    assert told_at(clock, [at(5, 8, 30)], *kinds) == {at(5, 8, 30): {kinds[0]: ids(*judges)}}
    seat = PanelMember.objects.get(panel=panel, user=judges[0].user)
    committee.recuse_member(actor=secretary, member_uid=seat.uid, reason="利害关系")
    assert told_at(clock, [at(7, 8, 30), at(8, 8, 30)], *kinds) == {
        at(7, 8, 30): {kinds[0]: ids(*judges[1:])},
        at(8, 8, 30): {kinds[0]: ids(*judges[1:]), kinds[1]: ids(secretary)},
    }
    assert Sheet.objects.filter(state="open").count() > 0


# -- The award -------------------------------------------------------------------------------------
def test_the_owner_is_reminded_to_choose_and_then_the_office(clock):
    officer, secretary = world.officer(), world.secretary()
    scenario = factories.reported(2, profile=world.profile("A"))
    owner = award_steps.owner_of(scenario)
    world.member(scenario.organisation, Role.EDITOR)
    kinds = ("reminder.choice", "reminder.choice.late")
    found = told_at(clock, every_morning(5), *kinds)
    owners = set(
        scenario.organisation.members.filter(role=Role.OWNER).values_list("user_id", flat=True)
    )
    assert owner.user.pk in owners
    office = set(
        type(officer.user)
        .objects.filter(memberships__role=Role.OFFICER)
        .values_list("pk", flat=True)
    )
    assert found == {
        at(3, 8, 30): {kinds[0]: owners},
        at(5, 8, 30): {kinds[0]: owners, kinds[1]: office},
    }
    assert secretary.user.pk not in office


def test_a_decision_is_publicised_and_confirmed_by_the_office(clock):
    decision = award_steps.decided(1, profile=world.profile("A"))
    officer = world.officer()
    kinds = ("reminder.publicity", "reminder.confirmation")
    found = told_at(clock, every_morning(3), *kinds)
    assert list(found) == [at(3, 8, 30)]
    assert officer.user.pk in found[at(3, 8, 30)]["reminder.publicity"]
    assert decision.decided_by_id not in found[at(3, 8, 30)]["reminder.publicity"]
    clock.freeze(at(3, 9))
    awards.publicise(actor=officer, decision_uid=decision.uid)
    found = told_at(clock, every_morning(9)[4:], *kinds)
    # Three days of publicity end on the sixth at midnight.
    assert [day for day in found if "reminder.confirmation" in found[day]] == [
        at(7, 8, 30),
        at(9, 8, 30),
    ]
