"""The desk: each role finds its own work and nobody else's, at a constant number of queries."""

from datetime import timedelta

import pytest

from marketplace.accounts.models import Membership
from marketplace.awards.actions import publicise
from marketplace.awards.models import Decision
from marketplace.base import clock as base_clock
from marketplace.base.actor import Actor, Role
from marketplace.bidding.models import Bid, BidState, Opening, OpeningConfirmation
from marketplace.desk.others import over, waiting_on
from marketplace.desk.queries import actions_for, desk_for, waiting_for
from marketplace.notices.reminders import RULES
from marketplace.scenarios.models import State
from tests import world
from tests.awards.steps import decided

pytestmark = pytest.mark.django_db


def names(actor, scenario):
    return [(act.name, bool(act.why_not)) for act in actions_for(actor, scenario)]


def lines(tasks):
    return [(task.url.split("/")[-2], task.scenario.pk) for task in tasks]


def member_of(user):
    membership = Membership.objects.get(user=user)
    return Actor(membership.role, user, membership.organisation)


def put(scenario, state):
    scenario.state = state
    scenario.save(update_fields=["state"])
    return scenario


def bid(actor, scenario, state=BidState.SUBMITTED):
    return Bid.objects.create(scenario=scenario, organisation=actor.organisation, state=state)


def opening(scenario, needed=2):
    return Opening.objects.create(scenario=scenario, stage="first", confirmations_needed=needed)


def test_an_owner_finds_drafts_and_what_came_back():
    owner = world.owner()
    draft = world.draft_scenario(owner)
    returned = put(world.draft_scenario(owner), State.RETURNED)
    world.draft_scenario(world.owner())
    found = [("edit", draft.pk), ("edit", returned.pk)]
    assert lines(waiting_for(owner)) == found
    assert names(owner, draft) == [("edit_scenario", False)]
    viewer = world.member(owner.organisation, Role.VIEWER)
    assert waiting_for(viewer) == []
    assert names(viewer, draft) == []


def test_only_owners_choose_and_only_once():
    owner = world.owner()
    scenario = world.published_scenario(owner, state=State.DECISION)
    editor = world.member(owner.organisation, Role.EDITOR)
    assert lines(waiting_for(owner)) == [("decision", scenario.pk)]
    assert waiting_for(editor) == []
    chosen = bid(world.vendor(), scenario, BidState.CANDIDATE)
    Decision.objects.create(
        scenario=scenario, bid=chosen, decided_by=owner.user, decided_at=base_clock.now()
    )
    assert waiting_for(owner) == []
    assert names(owner, scenario) == []
    assert lines(waiting_for(world.officer())) == [("publicity", scenario.pk)]


def test_who_decided_does_not_publicise_and_nobody_confirms_early(clock):
    decision = decided(1, award_mode="collective")
    scenario, decider = decision.scenario, member_of(decision.decided_by)
    assert names(decider, scenario) == [("publicise", True)]
    officer = world.officer()
    assert names(officer, scenario) == [("publicise", False)]
    publicity = publicise(actor=officer, decision_uid=decision.uid)
    scenario.refresh_from_db()
    clock.freeze(publicity.starts_at)
    assert names(officer, scenario) == [("confirm_award", True)]
    clock.freeze(publicity.ends_at)
    assert names(officer, scenario) == [("confirm_award", False)]


@pytest.mark.parametrize(
    ("state", "page", "name"),
    [
        (State.SUBMITTED, "gate", "start_demonstration"),
        (State.DEMONSTRATING, "demonstration", "invite_experts"),
        (State.DEMONSTRATED, "publish", "publish_scenario"),
    ],
)
def test_an_officer_finds_the_gate(state, page, name):
    scenario = put(world.draft_scenario(world.owner()), state)
    world.documents(scenario)
    officer = world.officer()
    assert lines(waiting_for(officer)) == [(page, scenario.pk)]
    assert names(officer, scenario) == [(name, False)]
    assert names(world.vendor(), scenario) == []
    assert names(world.secretary(), scenario) == []


def test_an_officer_who_belongs_to_the_owner_is_offered_nothing():
    owner, officer = world.owner(), world.officer()
    Membership.objects.create(user=officer.user, organisation=owner.organisation, role=Role.VIEWER)
    scenario = put(world.draft_scenario(owner), State.SUBMITTED)
    assert names(officer, scenario) == []


@pytest.mark.parametrize(
    ("state", "page", "name"),
    [
        (State.OPENED, "eligibility", "start_eligibility"),
        (State.ELIGIBILITY, "eligibility", "check_eligibility"),
        (State.REVIEW, "draw", "draw_panel"),
    ],
)
def test_a_secretary_finds_the_checks(state, page, name):
    scenario = world.published_scenario(state=state)
    secretary = world.secretary()
    assert lines(waiting_for(secretary)) == [(page, scenario.pk)]
    assert names(secretary, scenario) == [(name, False)]
    assert names(world.officer(), scenario) == []


def test_a_key_holder_is_asked_until_he_has_confirmed():
    scenario = world.published_scenario(state=State.CLOSED)
    first, second = world.key_holder_actors(scenario)
    assert waiting_for(first) == []
    waiting = opening(scenario)
    assert lines(waiting_for(first)) == [("opening", scenario.pk)]
    assert names(first, scenario) == [("confirm_opening", False)]
    OpeningConfirmation.objects.create(
        opening=waiting, user=first.user, confirmed_at=base_clock.now()
    )
    assert waiting_for(first) == []
    assert lines(waiting_for(second)) == [("opening", scenario.pk)]
    assert waiting_for(world.person(Role.EXPERT)) == []
    assert lines(waiting_for(world.person(Role.WITNESS))) == [("opening", scenario.pk)]


def test_a_vendor_is_told_what_it_may_do_or_why_not(clock):
    clock.freeze(clock.now())
    scenario = world.published_scenario()
    vendor = world.vendor()
    assert names(vendor, scenario) == [("submit_bid", False)]
    viewer = world.member(vendor.organisation, Role.VIEWER)
    assert names(viewer, scenario) == [("submit_bid", True)]
    unverified = world.vendor(verified_at=None)
    assert names(unverified, scenario) == [("submit_bid", True)]
    mine = bid(vendor, scenario)
    assert names(vendor, scenario) == [("revise_bid", False)]
    assert lines(waiting_on(vendor)) == [(str(mine.uid), scenario.pk)]
    clock.move(timedelta(days=30))
    assert names(vendor, scenario) == [("see_bid", False)]
    assert names(unverified, scenario) == [("submit_bid", True)]


def test_a_related_vendor_is_told_so():
    owner = world.owner()
    scenario = world.published_scenario(owner)
    vendor = world.vendor()
    for organisation in (owner.organisation, vendor.organisation):
        world.control(organisation, "person:1")
    assert names(vendor, scenario) == [("submit_bid", True)]


def test_nobody_else_learns_of_a_bid():
    scenario = world.published_scenario()
    before = [names(actor, scenario) for actor in (world.vendor(), world.officer())]
    bid(world.vendor(), scenario)
    assert [names(actor, scenario) for actor in (world.vendor(), world.officer())] == before


def test_an_owner_waits_for_others():
    owner = world.owner()
    scenario = world.published_scenario(owner)
    assert [(task.scenario.pk, task.due_at) for task in waiting_on(owner)] == [
        (scenario.pk, scenario.deadline_at)
    ]
    assert waiting_on(Actor(Role.MEMBER, owner.user)) == []


def test_an_owner_finds_what_was_rejected():
    owner = world.owner()
    rejected = put(world.draft_scenario(owner), State.REJECTED)
    assert [(task.scenario.pk, task.url) for task in waiting_on(owner)] == [
        (rejected.pk, f"/scenarios/{rejected.address}/")
    ]
    assert waiting_on(world.owner()) == []


def cost(actor, scenarios, django_assert_max_num_queries, limit):
    with django_assert_max_num_queries(limit) as queries:
        waiting_for(actor)
        waiting_on(actor)
        desk = desk_for(actor)
        for scenario in scenarios:
            desk.acts(scenario)
    return len(queries)


@pytest.mark.parametrize("role", ["owner", "vendor", "officer", "secretary"])
def test_the_desk_costs_the_same_for_1_and_30(role, django_assert_max_num_queries):
    owner = world.owner(is_vendor=True)
    actor = {"owner": owner, "vendor": world.vendor()}.get(role)
    actor = actor or {"officer": world.officer, "secretary": world.secretary}[role]()
    costs = []
    for number in (1, 29):
        made = [world.published_scenario(owner) for _ in range(number)]
        costs.append(cost(actor, made, django_assert_max_num_queries, 35))
    assert costs[0] == costs[1]


def test_a_task_says_since_when_and_until_when(clock):
    clock.freeze(clock.now())
    scenario = world.published_scenario(state=State.CLOSED)
    first, _second = world.key_holder_actors(scenario)
    waiting = opening(scenario)
    [task] = waiting_for(first)
    [reminder] = RULES["opening"].waiting(clock.now(), [waiting.uid])
    assert (task.since_at, task.due_at) == (waiting.created_at, reminder.at)
    [office] = waiting_on(world.officer())
    assert (office.scenario.pk, office.due_at) == (scenario.pk, reminder.at)


def test_a_key_holder_sees_what_will_be_asked_and_what_was_confirmed():
    scenario = world.published_scenario()
    first, second = world.key_holder_actors(scenario)
    assert [(task.scenario.pk, task.due_at) for task in waiting_on(first)] == [
        (scenario.pk, scenario.deadline_at)
    ]
    put(scenario, State.CLOSED)
    confirmed = opening(scenario)
    OpeningConfirmation.objects.create(
        opening=confirmed, user=first.user, confirmed_at=base_clock.now()
    )
    assert waiting_on(first) == []
    assert [[row.scenario.pk for row in section.lines] for section in over(first)] == [
        [scenario.pk]
    ]
    assert over(second) == []


def test_what_is_over_stands_apart():
    owner = world.owner()
    scenario = world.published_scenario(owner, state=State.AWARDED)
    vendor = world.vendor()
    bid(vendor, scenario, BidState.LOST)
    bid(vendor, world.published_scenario(owner, state=State.AWARDED), BidState.WITHDRAWN)
    assert waiting_on(vendor) == []
    assert [[row.scenario.pk for row in section.lines] for section in over(vendor)] == [
        [scenario.pk]
    ]
    assert [len(section.lines) for section in over(owner)] == [2]
    assert over(world.owner()) == []


def test_a_bidder_learns_the_end_of_the_publicity_and_no_inner_window(clock):
    decision = decided(1, award_mode="collective")
    scenario = decision.scenario
    vendor = member_of(Membership.objects.get(organisation=decision.bid.organisation).user)
    assert [task.due_at for task in waiting_on(vendor)] == [None]
    publicity = publicise(actor=world.officer(), decision_uid=decision.uid)
    clock.freeze(publicity.starts_at)
    assert [task.due_at for task in waiting_on(vendor)] == [publicity.ends_at]
    assert [task.scenario.pk for task in waiting_on(world.officer())] == [scenario.pk]


@pytest.mark.parametrize("role", ["officer", "secretary"])
def test_what_the_office_waits_for_costs_the_same_for_1_and_10(role, django_assert_max_num_queries):
    actor = getattr(world, role)()
    costs = []
    for number in (1, 9):
        for _ in range(number):
            opening(world.published_scenario(state=State.CLOSED))
            put(world.draft_scenario(world.owner()), State.SUBMITTED)
            world.published_scenario(state=State.DECISION)
            world.published_scenario(state=State.REVIEW)
        costs.append(cost(actor, [], django_assert_max_num_queries, 38))
    assert costs[0] == costs[1]
