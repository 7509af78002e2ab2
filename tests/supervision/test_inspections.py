"""Requests to read: recorded first, in force from and until, opening what they name and no more."""

from datetime import timedelta
from uuid import uuid4

import pytest

from marketplace.accounts.actions import grant
from marketplace.accounts.models import Capability
from marketplace.base.actor import Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.bidding.models import Bid, Opening, OpeningStage
from marketplace.bidding.rules import can_see_eligibility
from marketplace.committee.models import (
    MemberState,
    Panel,
    PanelMember,
    Report,
    Sheet,
    SheetStage,
    SheetState,
)
from marketplace.committee.rules import can_see_progress
from marketplace.ledger.models import Event
from marketplace.ledger.queries import history
from marketplace.notices.models import Notice
from marketplace.scenarios.models import Scenario, ScenarioNote, State
from marketplace.scenarios.queries import notes
from marketplace.supervision.actions import end_inspection, request_inspection
from marketplace.supervision.models import Inspection, InspectionEnd, Scope
from marketplace.supervision.queries import covering, requests_in_force, state_of
from tests import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def now(clock):
    clock.freeze(clock.now())
    return clock.now()


def ask(inspector, now, **given):
    values = {
        "number": "沪临纪〔2026〕1号",
        "scope": Scope.EVERYTHING,
        "reason": "年度专项检查。",
        "until_at": now + 8 * HOUR,
    }
    return request_inspection(actor=inspector, **(values | given))


def bid(scenario, state="submitted"):
    return Bid.objects.create(
        scenario=scenario, organisation=world.vendor().organisation, state=state
    )


def reviewed(owner=None):
    """A demand in review with a bid, an opening, a panel, a report and three sheets."""
    scenario = world.published_scenario(owner, state=State.REVIEW)
    made = bid(scenario, "eligible")
    opening = Opening.objects.create(
        scenario=scenario, stage=OpeningStage.FIRST, confirmations_needed=2
    )
    panel = Panel.objects.create(scenario=scenario, appointed_by=world.make_user())
    sheets = []
    for number, state in enumerate(SheetState, 1):
        member = PanelMember.objects.create(
            panel=panel,
            user=world.person(Role.EXPERT).user,
            state=MemberState.DECLARED,
            code=f"J{number}",
        )
        sheets.append(
            Sheet.objects.create(
                member=member,
                bid=made,
                stage=SheetStage.TECHNICAL,
                state=state,
                locked_at=None if state == SheetState.OPEN else scenario.published_at,
            )
        )
    report = Report.objects.create(
        scenario=scenario, body=b"{}", sha256="0" * 64, made_by=panel.appointed_by
    )
    return scenario, {"bid": made, "opening": opening, "panel": panel, "report": report}


def seen(inspector, scenario):
    """What the inspector's querysets give of one demand."""
    return {
        "bid": Bid.objects.visible_to(inspector).filter(scenario=scenario).count(),
        "opening": Opening.objects.visible_to(inspector).filter(scenario=scenario).count(),
        "panel": Panel.objects.visible_to(inspector).filter(scenario=scenario).count(),
        "report": Report.objects.visible_to(inspector).filter(scenario=scenario).count(),
        "sheets": Sheet.objects.visible_to(inspector).filter(bid__scenario=scenario).count(),
    }


ALL = {"bid": 1, "opening": 1, "panel": 1, "report": 1, "sheets": 2}
NOTHING = dict.fromkeys(ALL, 0)


# -- The request -------------------------------------------------------------------------------------
def test_a_request_leaves_a_row_and_an_event_that_warns_nobody(now):
    inspector, scenario = world.person(Role.INSPECTOR), world.published_scenario()
    events = Event.objects.count()
    made = ask(inspector, now, scope=Scope.SCENARIOS, subject_uids=[scenario.uid, scenario.uid])
    assert (made.inspector, made.from_at, made.until_at) == (inspector.user, now, now + 8 * HOUR)
    assert [row.subject_uid for row in made.subjects.all()] == [scenario.uid]
    event = Event.objects.order_by("-pk").first()
    assert (event.kind, event.audience) == ("inspection.requested", "inspect")
    assert event.subjects == [made.uid]
    assert set(event.data) == {"from_at", "until_at"}
    assert Event.objects.count() == events + 1
    assert Notice.objects.count() == 0
    assert not history(scenario.uid).filter(kind="inspection.requested").exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"number": " "}, "number"),
        ({"number": "x" * 81}, "number"),
        ({"number": "a\x00b"}, "number"),
        ({"reason": ""}, "reason"),
        ({"reason": "长" * 2001}, "reason"),
        ({"scope": "all"}, "scope"),
        ({"scope": Scope.SCENARIOS}, "subjects"),
        ({"scope": Scope.SCENARIOS, "subject_uids": [uuid4() for _ in range(51)]}, "subjects"),
        ({"scope": Scope.ORGANISATIONS, "subject_uids": [uuid4()]}, "subjects"),
    ],
)
def test_what_a_request_must_say(now, given, field):
    with pytest.raises(Invalid) as refused:
        ask(world.person(Role.INSPECTOR), now, **given)
    assert list(refused.value.errors) == [field]
    assert Inspection.objects.count() == 0


def test_the_period_lies_ahead_and_has_an_end(now):
    inspector, tick = world.person(Role.INSPECTOR), timedelta(microseconds=1)
    for given, field in (
        ({"from_at": now - tick}, "from_at"),
        ({"until_at": now}, "until_at"),
        ({"from_at": now + HOUR, "until_at": now + HOUR}, "until_at"),
        ({"until_at": now + timedelta(days=366) + tick}, "until_at"),
    ):
        with pytest.raises(Invalid) as refused:
            ask(inspector, now, **given)
        assert list(refused.value.errors) == [field]
    assert ask(inspector, now, from_at=now, until_at=now + tick).from_at == now
    assert ask(inspector, now, until_at=now + timedelta(days=366)).from_at == now


@pytest.mark.parametrize("who", [world.officer, world.owner, lambda: world.person(Role.WITNESS)])
def test_nobody_else_asks_or_learns_of_it(now, who):
    actor, inspector = who(), world.person(Role.INSPECTOR)
    with pytest.raises(NotAllowed):
        ask(actor, now)
    made = ask(inspector, now)
    assert list(Inspection.objects.visible_to(actor)) == []
    assert list(Inspection.objects.visible_to(world.person(Role.INSPECTOR))) == []
    with pytest.raises(NotFound):
        end_inspection(actor=actor, inspection_uid=made.uid)
    assert InspectionEnd.objects.count() == 0


# -- In force ----------------------------------------------------------------------------------------
def test_in_force_from_until_each_side_of_the_instant(now, clock):
    inspector, tick = world.person(Role.INSPECTOR), timedelta(microseconds=1)
    scenario, _parts = reviewed()
    made = ask(inspector, now, from_at=now + HOUR, until_at=now + 2 * HOUR)
    for at, state, sees in (
        (now, "before", NOTHING),
        (now + HOUR - tick, "before", NOTHING),
        (now + HOUR, "in_force", ALL),
        (now + 2 * HOUR - tick, "in_force", ALL),
        (now + 2 * HOUR, "over", NOTHING),
    ):
        clock.freeze(at)
        assert seen(inspector, scenario) == sees
        assert state_of(made, at) == state
        assert requests_in_force(inspector).exists() is (state == "in_force")
        assert can_see_eligibility(inspector, scenario) is (state == "in_force")
        assert can_see_progress(inspector, scenario.panel) is (state == "in_force")


def test_ended_by_hand_it_opens_nothing_at_once(now, clock):
    inspector = world.person(Role.INSPECTOR)
    scenario, _parts = reviewed()
    made = ask(inspector, now)
    assert seen(inspector, scenario) == ALL
    end = end_inspection(actor=inspector, inspection_uid=made.uid)
    assert end_inspection(actor=inspector, inspection_uid=made.uid) == end
    assert seen(inspector, scenario) == NOTHING
    assert state_of(made, now) == "ended"
    assert Event.objects.filter(kind="inspection.ended", audience="inspect").count() == 1
    late = ask(inspector, now)
    clock.freeze(late.until_at)
    with pytest.raises(StateConflict):
        end_inspection(actor=inspector, inspection_uid=late.uid)


# -- The scopes --------------------------------------------------------------------------------------
def test_without_a_request_an_inspector_reads_what_everybody_reads(now):
    inspector = world.person(Role.INSPECTOR)
    scenario, _parts = reviewed()
    assert seen(inspector, scenario) == NOTHING
    grant(subject_uid=scenario.uid, capability=Capability.REVIEW, user=inspector.user)
    assert seen(inspector, scenario) == NOTHING


def test_a_request_for_one_demand_opens_that_one(now):
    inspector = world.person(Role.INSPECTOR)
    (scenario, _parts), (other, _others) = reviewed(), reviewed()
    ask(inspector, now, scope=Scope.SCENARIOS, subject_uids=[scenario.uid])
    assert (seen(inspector, scenario), seen(inspector, other)) == (ALL, NOTHING)
    assert seen(world.person(Role.INSPECTOR), scenario) == NOTHING


def test_a_request_for_an_owner_opens_its_demands_and_for_a_vendor_its_bids(now):
    first, second = world.person(Role.INSPECTOR), world.person(Role.INSPECTOR)
    owner = world.owner()
    (scenario, parts), (other, _others) = reviewed(owner), reviewed()
    ask(first, now, scope=Scope.ORGANISATIONS, subject_uids=[owner.organisation.uid])
    assert (seen(first, scenario), seen(first, other)) == (ALL, NOTHING)
    bidder = parts["bid"].organisation
    ask(second, now, scope=Scope.ORGANISATIONS, subject_uids=[bidder.uid])
    assert seen(second, scenario) == NOTHING | {"bid": 1}


def test_the_register_opens_no_demand(now):
    inspector = world.person(Role.INSPECTOR)
    scenario, _parts = reviewed()
    ask(inspector, now, scope=Scope.REGISTER)
    assert seen(inspector, scenario) == NOTHING


@pytest.mark.parametrize("state", [State.PUBLISHED, State.WITHDRAWN])
def test_before_the_closing_no_request_shows_that_a_bid_exists(now, state):
    inspector = world.person(Role.INSPECTOR)
    scenario = world.published_scenario(state=state)
    bid(scenario)
    ask(inspector, now)
    assert seen(inspector, scenario) == NOTHING


def test_after_it_also_a_withdrawn_one(now):
    inspector = world.person(Role.INSPECTOR)
    scenario = world.published_scenario(state=State.CLOSED)
    bid(scenario, "withdrawn")
    ask(inspector, now)
    assert seen(inspector, scenario) == NOTHING | {"bid": 1}


def test_drafts_stay_with_their_owners_unless_the_request_asks(now):
    first, second = world.person(Role.INSPECTOR), world.person(Role.INSPECTOR)
    owner = world.owner()
    draft = world.draft_scenario(owner)
    filed = world.draft_scenario(owner, state=State.SUBMITTED)
    public = world.published_scenario(owner)
    ScenarioNote.objects.create(
        scenario=filed, to_state=State.RETURNED, text="补充。", author=owner.user
    )
    assert set(Scenario.objects.visible_to(first)) == {public}
    ask(first, now, scope=Scope.ORGANISATIONS, subject_uids=[owner.organisation.uid])
    ask(second, now, scope=Scope.SCENARIOS, subject_uids=[draft.uid], drafts=True)
    assert set(Scenario.objects.visible_to(first)) == {public, filed}
    assert set(Scenario.objects.visible_to(second)) == {public, draft}
    assert [note.text for note in notes(first, filed)] == ["补充。"]
    assert list(notes(second, filed)) == []


def test_the_request_that_names_it_covers_a_reading(now):
    inspector = world.person(Role.INSPECTOR)
    scenario, _parts = reviewed()
    assert covering(inspector, scenario.uid) is None
    register = ask(inspector, now, scope=Scope.REGISTER)
    assert covering(inspector, scenario.uid) == register
    whole = ask(inspector, now)
    assert covering(inspector, scenario.uid) == whole
    named = ask(inspector, now, scope=Scope.SCENARIOS, subject_uids=[scenario.uid])
    assert covering(inspector, scenario.uid) == named
    assert covering(inspector, uuid4()) == whole
