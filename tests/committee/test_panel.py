from datetime import timedelta

import pytest

from marketplace.accounts.models import Capability, Grant, Membership, PersonRole
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.bidding.models import BidState
from marketplace.committee import actions, queries
from marketplace.committee.models import (
    MemberState,
    Panel,
    PanelState,
    Score,
    Sheet,
    SheetStage,
    SheetState,
)
from marketplace.experts.models import Expert, Interest
from marketplace.ledger.models import Event
from marketplace.scenarios.models import State
from tests import world
from tests.committee import factories

pytestmark = pytest.mark.django_db


def appoint(scenario, judges, actor=None):
    return actions.appoint_panel(
        actor=actor or world.secretary(),
        scenario_uid=scenario.uid,
        expert_uids=[judge.user.uid for judge in judges],
    )


# -- Appointing --------------------------------------------------------------------------------------
def test_appointing_leaves_members_grants_and_an_event():
    scenario, judges = factories.scenario_in_review(1), factories.experts()
    panel = appoint(scenario, judges)
    members = list(panel.members.order_by("pk"))
    assert [(m.user, m.code, m.state) for m in members] == [
        (judge.user, f"J{n}", MemberState.INVITED) for n, judge in enumerate(judges, start=1)
    ]
    grants = Grant.objects.in_force().filter(user=judges[0].user, capability=Capability.REVIEW)
    assert set(grants.values_list("subject_uid", flat=True)) == {panel.uid, scenario.uid}
    event = Event.objects.get(kind="panel.appointed")
    assert (event.audience, event.subjects) == ("office", [scenario.uid, panel.uid])
    assert str(judges[0].user.uid) not in bytes(event.body).decode()


@pytest.mark.parametrize("state", [State.ELIGIBILITY, State.REVIEW])
def test_appointed_between_opening_and_scoring(state):
    scenario = factories.scenario_in_review(1, state=state)
    assert appoint(scenario, factories.experts()).state == PanelState.APPOINTED


@pytest.mark.parametrize("state", [State.PUBLISHED, State.CLOSED, State.OPENED, State.DECISION])
def test_not_appointed_before_or_after(state):
    scenario = factories.scenario_in_review(0, state=state)
    with pytest.raises(StateConflict) as refused:
        appoint(scenario, factories.experts())
    assert refused.value.code == "panel.scenario_state"


def test_only_the_secretary_appoints():
    with pytest.raises(NotAllowed):
        appoint(factories.scenario_in_review(0), factories.experts(), world.officer())


def test_one_panel_for_a_scenario():
    scenario = factories.scenario_in_review(0)
    appoint(scenario, factories.experts())
    with pytest.raises(StateConflict) as refused:
        appoint(scenario, factories.experts())
    assert refused.value.code == "panel.exists"


@pytest.mark.parametrize(
    ("profile", "size", "fits"),
    [("A", 2, False), ("A", 3, True), ("A", 4, True), ("B", 3, False), ("B", 5, True),
     ("B", 6, False), ("B", 7, True)],
)  # fmt: skip
def test_the_size_follows_the_profile(profile, size, fits):
    scenario = factories.scenario_in_review(0, profile=world.profile(profile))
    assert queries.size_fits(scenario, size) is fits
    if fits:
        assert appoint(scenario, factories.experts(size)).members.count() == size
    else:
        with pytest.raises(Invalid):
            appoint(scenario, factories.experts(size))


def refusals(scenario, judge):
    with pytest.raises(Invalid) as refused:
        appoint(scenario, [judge, *factories.experts(2)])
    return refused.value.errors["experts"]


@pytest.mark.parametrize("role", ["witness", "evaluator", "inspector", "complaints", "operator"])
def test_who_watches_or_measures_does_not_judge(role):
    scenario, judges = factories.scenario_in_review(1), factories.experts()
    PersonRole.objects.create(user=judges[0].user, role=role)
    with pytest.raises(Invalid) as refused:
        factories.seated_panel(scenario, judges)
    assert len(refused.value.errors["experts"]) == 1
    assert judges[0].user.name in refused.value.errors["experts"][0]


def test_a_key_holder_does_not_judge():
    scenario, judge = factories.scenario_in_review(0), world.person(Role.EXPERT)
    Grant.objects.create(
        user=judge.user, subject_uid=scenario.uid, capability=Capability.KEY_HOLDER
    )
    assert refusals(scenario, judge) == [f"{judge.user.name} holds a key of this demand's bids."]


@pytest.mark.parametrize("whose", ["owner", "bidder", "ineligible", "partner", "office", "sister"])
def test_members_of_those_concerned_do_not_judge(whose):
    scenario, judge = factories.scenario_in_review(0), world.person(Role.EXPERT)
    partner = world.make_organisation()
    bid = factories.opened_bid(
        scenario, code="B1", consortium=[{"name": partner.name, "uscc": partner.uscc}]
    )
    lost = factories.opened_bid(scenario, code="B2", state=BidState.INELIGIBLE)
    sister = world.make_organisation()
    for controlled in (sister, bid.organisation):
        world.control(controlled, "P-1")
    organisation = {
        "owner": scenario.organisation,
        "bidder": bid.organisation,
        "ineligible": lost.organisation,
        "partner": partner,
        "office": world.office(),
        "sister": sister,
    }[whose]
    Membership.objects.create(user=judge.user, organisation=organisation, role=Role.VIEWER)
    [sentence] = refusals(scenario, judge)
    assert sentence.startswith(f"{judge.user.name}: is a member of {organisation.name}")


def test_a_bidder_that_withdrew_concerns_nobody():
    scenario, judge = factories.scenario_in_review(0), world.person(Role.EXPERT)
    bid = factories.opened_bid(scenario, code="", state=BidState.WITHDRAWN)
    Membership.objects.create(user=judge.user, organisation=bid.organisation, role=Role.VIEWER)
    assert appoint(scenario, [judge, *factories.experts(2)]).members.count() == 3


def test_an_interest_of_the_last_three_years_excludes():
    scenario, judge = factories.scenario_in_review(1), world.person(Role.EXPERT)
    expert = Expert.objects.create(user=judge.user)
    Interest.objects.create(
        expert=expert,
        organisation=scenario.bids.get().organisation,
        kind="employment",
        until_date=(factories.clock.now() - timedelta(days=420)).date(),
    )
    [sentence] = refusals(scenario, judge)
    assert "until 13 months ago" in sentence


def test_strangers_to_the_pool_and_twins_are_refused():
    scenario = factories.scenario_in_review(0)
    judges = factories.experts(2)
    with pytest.raises(Invalid):
        appoint(scenario, [*judges, Actor(Role.EXPERT, world.make_user())])
    with pytest.raises(Invalid):
        appoint(scenario, [*judges, judges[0]])


# -- Declaring and recusing --------------------------------------------------------------------------
def test_declaring_free():
    panel, judges = factories.seated_panel(factories.scenario_in_review(1))
    member = actions.declare_interest(actor=judges[0], panel_uid=panel.uid, free=True)
    assert member.state == MemberState.DECLARED
    assert member.declared_at is not None
    with pytest.raises(StateConflict):
        actions.declare_interest(actor=judges[0], panel_uid=panel.uid, free=True)


def test_strangers_do_not_find_the_panel():
    panel, _judges = factories.seated_panel(factories.scenario_in_review(1))
    for actor in (world.person(Role.EXPERT), world.vendor(), world.owner()):
        with pytest.raises(NotFound):
            actions.declare_interest(actor=actor, panel_uid=panel.uid, free=True)


def test_declaring_an_interest_recuses_at_once():
    scenario = factories.scenario_in_review(1)
    panel, judges = factories.seated_panel(scenario)
    member = actions.declare_interest(
        actor=judges[0], panel_uid=panel.uid, free=False, reason="前同事"
    )
    assert (member.state, member.recusal_reason) == (MemberState.RECUSED, "前同事")
    assert not Grant.objects.in_force().filter(user=judges[0].user).exists()
    assert not Panel.objects.visible_to(judges[0]).exists()
    event = Event.objects.get(kind="member.recused")
    assert "前同事" not in bytes(event.body).decode()


def test_recusal_voids_the_sheets_and_keeps_the_points():
    panel, judges = factories.scoring_panel(factories.scenario_in_review(2))
    first, second = factories.sheets(judges[0])
    factories.fill(judges[0], first)
    actions.lock_sheet(actor=judges[0], sheet_uid=first.uid)
    factories.fill(judges[0], second)
    points = list(Score.objects.order_by("pk").values_list("points", flat=True))
    actions.recuse_member(
        actor=world.secretary(), member_uid=first.member.uid, reason="发现利害关系"
    )
    assert set(Sheet.objects.filter(member=first.member).values_list("state", flat=True)) == {
        SheetState.VOID
    }
    assert list(Score.objects.order_by("pk").values_list("points", flat=True)) == points
    assert not Sheet.objects.visible_to(judges[0]).exists()
    assert queries.blind_bids(judges[0], panel) == []


def test_who_may_recuse():
    panel, judges = factories.seated_panel(factories.scenario_in_review(1))
    member = panel.members.order_by("pk")[0]
    with pytest.raises(NotFound):
        actions.recuse_member(actor=judges[1], member_uid=member.uid, reason="x")
    with pytest.raises(NotAllowed):
        actions.recuse_member(actor=world.officer(), member_uid=member.uid, reason="x")
    with pytest.raises(Invalid):
        actions.recuse_member(actor=judges[0], member_uid=member.uid, reason=" ")
    actions.recuse_member(actor=judges[0], member_uid=member.uid, reason="x")
    with pytest.raises(StateConflict):
        actions.recuse_member(actor=world.secretary(), member_uid=member.uid, reason="x")


def test_below_the_quorum_nothing_moves_until_somebody_is_added():
    scenario = factories.scenario_in_review(1)
    panel, judges = factories.scoring_panel(scenario)
    for judge in judges[:2]:
        factories.lock_stage([judge], SheetStage.TECHNICAL)
    third = panel.members.order_by("pk")[2]
    actions.recuse_member(actor=world.secretary(), member_uid=third.uid, reason="x")
    panel.refresh_from_db()
    assert panel.state == PanelState.TECHNICAL
    added = world.person(Role.EXPERT)
    actions.add_member(actor=world.secretary(), panel_uid=panel.uid, expert_uid=added.user.uid)
    actions.declare_interest(actor=added, panel_uid=panel.uid, free=True)
    factories.lock_stage([added], SheetStage.TECHNICAL)
    panel.refresh_from_db()
    assert panel.state == PanelState.NAMED
    assert panel.members.get(user=added.user).code == "J4"


def test_a_recusal_above_the_quorum_may_complete_the_stage():
    panel, judges = factories.scoring_panel(factories.scenario_in_review(1), factories.experts(4))
    factories.lock_stage(judges[:3], SheetStage.TECHNICAL)
    actions.recuse_member(
        actor=judges[3], member_uid=panel.members.get(user=judges[3].user).uid, reason="x"
    )
    panel.refresh_from_db()
    assert panel.state == PanelState.NAMED


def test_a_replacement_in_the_named_stage_scores_blind_first():
    scenario = factories.scenario_in_review(1)
    panel, judges = factories.scoring_panel(scenario)
    factories.lock_stage(judges, SheetStage.TECHNICAL)
    member = panel.members.get(user=judges[0].user)
    actions.recuse_member(actor=judges[0], member_uid=member.uid, reason="x")
    added = world.person(Role.EXPERT)
    actions.add_member(actor=world.secretary(), panel_uid=panel.uid, expert_uid=added.user.uid)
    actions.declare_interest(actor=added, panel_uid=panel.uid, free=True)
    assert [bid.stage for bid in queries.blind_bids(added, panel)] == ["technical"]
    factories.lock_stage([added], SheetStage.TECHNICAL)
    assert [bid.stage for bid in queries.blind_bids(added, panel)] == ["technical", "named"]
    factories.lock_stage([added, *judges[1:]], SheetStage.NAMED)
    panel.refresh_from_db()
    assert panel.state == PanelState.PRICE


def test_once_the_prices_are_asked_for_the_panel_no_longer_changes():
    panel, judges = factories.scored(factories.scenario_in_review(1))
    member = panel.members.get(user=judges[0].user)
    for call in (
        lambda: actions.recuse_member(actor=judges[0], member_uid=member.uid, reason="x"),
        lambda: actions.add_member(
            actor=world.secretary(),
            panel_uid=panel.uid,
            expert_uid=world.person(Role.EXPERT).user.uid,
        ),
    ):
        with pytest.raises(StateConflict) as refused:
            call()
        assert refused.value.code == "panel.closed"


def test_nobody_sits_twice():
    panel, judges = factories.seated_panel(factories.scenario_in_review(1))
    with pytest.raises(Invalid) as refused:
        actions.add_member(
            actor=world.secretary(), panel_uid=panel.uid, expert_uid=judges[0].user.uid
        )
    assert refused.value.code == "panel.member_known"


def test_adding_asks_the_same_questions_as_appointing():
    scenario = factories.scenario_in_review(1)
    panel, _judges = factories.seated_panel(scenario)
    tied = world.person(Role.EXPERT)
    Membership.objects.create(user=tied.user, organisation=scenario.organisation, role=Role.VIEWER)
    with pytest.raises(Invalid):
        actions.add_member(actor=world.secretary(), panel_uid=panel.uid, expert_uid=tied.user.uid)
    with pytest.raises(NotAllowed):
        actions.add_member(
            actor=world.officer(),
            panel_uid=panel.uid,
            expert_uid=world.person(Role.EXPERT).user.uid,
        )
