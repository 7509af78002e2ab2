import pytest

from marketplace.accounts.models import Grant
from marketplace.base.actor import Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
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
from marketplace.ledger.models import Event
from tests import world
from tests.committee import factories

pytestmark = pytest.mark.django_db


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
    factories.add(panel, added)
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
    factories.add(panel, added)
    actions.declare_interest(actor=added, panel_uid=panel.uid, free=True)
    assert [bid.stage for bid in queries.blind_bids(added, panel)] == ["technical"]
    factories.lock_stage([added], SheetStage.TECHNICAL)
    assert [bid.stage for bid in queries.blind_bids(added, panel)] == ["technical"]
    factories.declare_again([added])
    assert [bid.stage for bid in queries.blind_bids(added, panel)] == ["technical", "named"]
    factories.lock_stage([added, *judges[1:]], SheetStage.NAMED)
    panel.refresh_from_db()
    assert panel.state == PanelState.PRICE


def test_once_the_prices_are_asked_for_the_panel_no_longer_changes():
    panel, judges = factories.scored(factories.scenario_in_review(1))
    member = panel.members.get(user=judges[0].user)
    for call in (
        lambda: actions.recuse_member(actor=judges[0], member_uid=member.uid, reason="x"),
    ):
        with pytest.raises(StateConflict) as refused:
            call()
        assert refused.value.code == "panel.closed"
