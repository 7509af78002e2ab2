from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from marketplace.base.errors import Invalid, NotAllowed, NotFound, Stale, StateConflict
from marketplace.bidding.models import Opening, OpeningStage, OpeningState
from marketplace.committee import actions, queries
from marketplace.committee.models import PanelState, Score, Sheet, SheetStage, SheetState
from marketplace.ledger.models import Event
from marketplace.scenarios.models import State
from tests import world
from tests.committee import factories

pytestmark = pytest.mark.django_db


def scoring(bids=1):
    panel, judges = factories.scoring_panel(factories.scenario_in_review(bids))
    return panel, judges, factories.sheets(judges[0]).first()


def save(judge, sheet, revision=None, **points):
    return actions.save_scores(
        actor=judge,
        sheet_uid=sheet.uid,
        revision=revision or sheet.revision,
        scores={code: (value, "") for code, value in points.items()},
    )


# -- Starting ----------------------------------------------------------------------------------------
def test_starting_hands_out_blind_sheets_only():
    panel, _judges, _sheet = scoring(2)
    assert panel.state == PanelState.TECHNICAL
    assert Sheet.objects.filter(stage=SheetStage.TECHNICAL).count() == 6
    assert not Sheet.objects.filter(stage=SheetStage.NAMED).exists()
    assert Event.objects.filter(kind="scoring.started").count() == 1


def test_scoring_waits_for_every_declaration():
    secretary = world.secretary()
    panel, judges = factories.seated_panel(factories.scenario_in_review(1))
    for judge in judges[:2]:
        actions.declare_interest(actor=judge, panel_uid=panel.uid, free=True)
    with pytest.raises(StateConflict) as refused:
        actions.start_scoring(actor=secretary, panel_uid=panel.uid)
    assert refused.value.code == "scoring.undeclared"
    actions.declare_interest(actor=judges[2], panel_uid=panel.uid, free=False)
    with pytest.raises(StateConflict) as refused:
        actions.start_scoring(actor=secretary, panel_uid=panel.uid)
    assert refused.value.code == "scoring.quorum"


def test_scoring_waits_for_the_end_of_eligibility_and_starts_once():
    scenario = factories.scenario_in_review(1, state=State.ELIGIBILITY)
    secretary = world.secretary()
    panel, judges = factories.seated_panel(scenario)
    for judge in judges:
        actions.declare_interest(actor=judge, panel_uid=panel.uid, free=True)
    with pytest.raises(StateConflict) as refused:
        actions.start_scoring(actor=secretary, panel_uid=panel.uid)
    assert refused.value.code == "scoring.scenario_state"
    scenario.state = State.REVIEW
    scenario.save()
    with pytest.raises(NotAllowed):
        actions.start_scoring(actor=world.officer(), panel_uid=panel.uid)
    actions.start_scoring(actor=secretary, panel_uid=panel.uid)
    with pytest.raises(StateConflict):
        actions.start_scoring(actor=secretary, panel_uid=panel.uid)


def test_a_suspended_scenario_is_not_scored():
    scenario = factories.scenario_in_review(1, suspended=True)
    panel, _judges = factories.seated_panel(scenario)
    with pytest.raises(StateConflict) as refused:
        actions.start_scoring(actor=world.secretary(), panel_uid=panel.uid)
    assert refused.value.code == "scenario.suspended"


# -- Saving ------------------------------------------------------------------------------------------
def test_saving_counts_revisions_and_refuses_older_forms():
    _panel, judges, sheet = scoring()
    saved = save(judges[0], sheet, C1="41.5")
    assert saved.revision == 2
    with pytest.raises(Stale):
        save(judges[0], sheet, revision=1, C1="10")
    save(judges[0], saved, C1="42", C2="10.25")
    points = dict(Score.objects.values_list("criterion__code", "points"))
    assert points == {"C1": Decimal("42.00"), "C2": Decimal("10.25")}


@pytest.mark.parametrize(
    ("given", "kept"),
    [("0", "0.00"), ("50", "50.00"), ("50.00", "50.00"), ("４２．５", "42.50"), (" 7 ", "7.00"),
     ("", None), (None, None)],
)  # fmt: skip
def test_points_that_are_read(given, kept):
    _panel, judges, sheet = scoring()
    save(judges[0], sheet, C1=given)
    points = Score.objects.get().points
    assert points == (Decimal(kept) if kept else None)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("50.01", "Points go from 0 to 50."),
        ("-1", "Points go from 0 to 50."),
        ("NaN", "Points go from 0 to 50."),
        ("Infinity", "Points go from 0 to 50."),
        ("1.005", "Points have at most two decimals."),
        ("vierzig", "“vierzig” is not a number."),
        ("<b>1</b>", "“<b>1</b>” is not a number."),
        ("9" * 400, "Points go from 0 to 50."),
        ("1e-9999999", "Points have at most two decimals."),
    ],
)
def test_points_that_are_refused(given, sentence):
    _panel, judges, sheet = scoring()
    with pytest.raises(Invalid) as refused:
        save(judges[0], sheet, C1=given, C2="5")
    assert refused.value.errors == {"C1": [sentence]}
    assert not Score.objects.exists()


def test_a_sheet_knows_only_the_criteria_of_its_stage():
    _panel, judges, sheet = scoring()
    with pytest.raises(Invalid):
        save(judges[0], sheet, C3="5")
    with pytest.raises(Invalid):
        actions.save_scores(
            actor=judges[0],
            sheet_uid=sheet.uid,
            revision=1,
            scores={"C1": ("5", "长" * 2001)},
        )


def test_nobody_else_finds_the_sheet():
    _panel, judges, sheet = scoring()
    others = [judges[1], world.secretary(), world.officer(), world.vendor(), world.owner()]
    for actor in others:
        with pytest.raises(NotFound):
            save(actor, sheet, C1="1")
        with pytest.raises(NotFound):
            actions.lock_sheet(actor=actor, sheet_uid=sheet.uid)


# -- Locking -----------------------------------------------------------------------------------------
def test_locking_needs_every_criterion_and_freezes():
    _panel, judges, sheet = scoring()
    sheet = save(judges[0], sheet, C1="41")
    with pytest.raises(Invalid) as refused:
        actions.lock_sheet(actor=judges[0], sheet_uid=sheet.uid)
    assert list(refused.value.errors) == ["C2"]
    sheet = save(judges[0], sheet, C2="20")
    with pytest.raises(Stale):
        actions.lock_sheet(actor=judges[0], sheet_uid=sheet.uid, revision=sheet.revision - 1)
    locked = actions.lock_sheet(actor=judges[0], sheet_uid=sheet.uid, revision=sheet.revision)
    assert locked.state == SheetState.LOCKED
    with pytest.raises(StateConflict):
        save(judges[0], locked, C1="1")
    with pytest.raises(StateConflict):
        actions.lock_sheet(actor=judges[0], sheet_uid=sheet.uid)
    with pytest.raises(DatabaseError), transaction.atomic():
        Score.objects.update(points=1)
    event = Event.objects.get(kind="sheet.locked")
    assert event.data == {"judge": "J1", "stage": "technical"}
    assert "41" not in str(event.data)


def test_the_last_sheet_of_a_stage_moves_the_panel():
    panel, judges, _sheet = scoring(2)
    factories.lock_stage(judges[:2], SheetStage.TECHNICAL)
    last = list(factories.sheets(judges[2]))
    factories.fill(judges[2], last[0])
    actions.lock_sheet(actor=judges[2], sheet_uid=last[0].uid)
    panel.refresh_from_db()
    assert panel.state == PanelState.TECHNICAL
    factories.fill(judges[2], last[1])
    actions.lock_sheet(actor=judges[2], sheet_uid=last[1].uid)
    panel.refresh_from_db()
    assert panel.state == PanelState.NAMED
    assert not Sheet.objects.filter(stage=SheetStage.NAMED).exists()
    factories.declare_again(judges)
    assert Sheet.objects.filter(stage=SheetStage.NAMED).count() == 6
    assert not Opening.objects.exists()
    factories.lock_stage(judges, SheetStage.NAMED)
    panel.refresh_from_db()
    assert panel.state == PanelState.PRICE
    opening = Opening.objects.get()
    assert (opening.stage, opening.state) == (OpeningStage.PRICE, OpeningState.WAITING)
    kinds = ["panel.technical_locked", "panel.named_locked", "opening.requested"]
    assert [Event.objects.filter(kind=kind).count() for kind in kinds] == [1, 1, 1]


# -- Nobody sees another's, the office only progress -------------------------------------------------
def test_sheets_are_seen_by_their_judge_only_until_the_report():
    panel, judges, _sheet = scoring(2)
    own = set(factories.sheets(judges[0]).values_list("pk", flat=True))
    assert set(Sheet.objects.visible_to(judges[0]).values_list("pk", flat=True)) == own
    assert not Sheet.objects.visible_to(world.secretary()).exists()
    assert not Sheet.objects.visible_to(world.owner()).exists()
    factories.lock_stage(judges[:1], SheetStage.TECHNICAL)
    counts = [(p.member.code, p.locked, p.total) for p in queries.progress(panel)]
    assert counts == [("J1", 2, 2), ("J2", 0, 2), ("J3", 0, 2)]


@pytest.mark.parametrize("bids", [1, 30])
def test_the_list_of_sheets_costs_the_same_for_many(bids, count_queries):
    panel, judges, _sheet = scoring(bids)
    with count_queries() as queried:
        assert len(queries.blind_bids(judges[0], panel)) == bids
    assert len(queried) == 4


@pytest.mark.parametrize("members", [3, 30])
def test_progress_is_one_query(members, count_queries):
    panel, _judges = factories.seated_panel(
        factories.scenario_in_review(1), factories.experts(members)
    )
    with count_queries() as queried:
        assert len(queries.progress(panel)) == members
    assert len(queried) == 1
