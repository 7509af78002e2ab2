"""The same step from two connections: one of them wins, the other is told."""

import pytest

from marketplace.base.errors import DomainError, NotFound, Stale, StateConflict
from marketplace.bidding.models import Opening
from marketplace.committee import actions
from marketplace.committee.models import PanelState, Report, Score, Sheet, SheetStage
from marketplace.committee.signing.actions import fall_silent
from marketplace.committee.signing.models import ReportWord
from marketplace.committee.signing.queries import sign_by
from marketplace.ledger.models import Event
from tests import world
from tests.committee import factories


def refusals(results):
    assert all(isinstance(r, DomainError) for r in results if isinstance(r, Exception)), results
    return [type(r) for r in results if isinstance(r, Exception)]


def test_two_savings_of_one_sheet(two_at_once):
    _panel, judges = factories.scoring_panel(factories.scenario_in_review(1))
    sheet = factories.sheets(judges[0]).get()
    results = two_at_once(
        *[
            lambda points=points: actions.save_scores(
                actor=judges[0], sheet_uid=sheet.uid, revision=1, scores={"C1": (points, "")}
            )
            for points in ("10", "20")
        ]
    )
    assert refusals(results) == [Stale]
    assert (Sheet.objects.get(pk=sheet.pk).revision, Score.objects.count()) == (2, 1)


def test_the_last_two_sheets_locked_at_once_move_the_panel_once(two_at_once):
    panel, judges = factories.scoring_panel(factories.scenario_in_review(1))
    factories.lock_stage(judges, SheetStage.TECHNICAL)
    factories.lock_stage(judges[:1], SheetStage.NAMED)
    last = [factories.sheets(judge, SheetStage.NAMED).get() for judge in judges[1:]]
    for judge, sheet in zip(judges[1:], last, strict=True):
        factories.fill(judge, sheet)
    results = two_at_once(
        *[
            lambda judge=judge, sheet=sheet: actions.lock_sheet(actor=judge, sheet_uid=sheet.uid)
            for judge, sheet in zip(judges[1:], last, strict=True)
        ]
    )
    assert refusals(results) == []
    panel.refresh_from_db()
    assert panel.state == PanelState.PRICE
    assert Opening.objects.count() == 1
    assert Event.objects.filter(kind="panel.named_locked").count() == 1


def test_saving_while_being_recused(two_at_once):
    _panel, judges = factories.scoring_panel(factories.scenario_in_review(1))
    sheet, secretary = factories.sheets(judges[0]).get(), world.secretary()
    results = two_at_once(
        lambda: actions.save_scores(
            actor=judges[0], sheet_uid=sheet.uid, revision=1, scores={"C1": ("10", "")}
        ),
        lambda: actions.recuse_member(actor=secretary, member_uid=sheet.member.uid, reason="x"),
    )
    assert refusals(results) in ([], [NotFound])
    sheet.refresh_from_db()
    assert sheet.state == "void"


@pytest.mark.slow
def test_two_finishes(two_at_once):
    scenario = factories.scenario_in_review(1)
    factories.scored(scenario)
    factories.open_prices(scenario, {"B1": "900000"})
    secretary = world.secretary()

    def finish():
        return actions.finish_review(actor=secretary, scenario_uid=scenario.uid)

    assert refusals(two_at_once(finish, finish)) == [StateConflict]
    assert Report.objects.count() == 1


def made():
    scenario = factories.scenario_in_review(1)
    _panel, judges = factories.scored(scenario)
    factories.open_prices(scenario, {"B1": "900000"})
    actions.finish_review(actor=world.secretary(), scenario_uid=scenario.uid)
    scenario.refresh_from_db()
    return scenario, judges


def test_the_last_two_words_and_the_sweep_complete_the_report_once(two_at_once, clock):
    scenario, judges = made()
    panel = scenario.panel

    def word(judge):
        return actions.sign_report(actor=judge, panel_uid=panel.uid)

    word(judges[0])
    assert refusals(two_at_once(lambda: word(judges[1]), lambda: word(judges[2]))) == []
    panel.refresh_from_db()
    assert panel.state == PanelState.REPORTED
    other, _judges = made()
    clock.freeze(sign_by(other.report))
    swept = two_at_once(*[lambda: fall_silent(other.panel.pk) for _ in range(2)])
    assert sorted(swept) == [False, True]
    assert ReportWord.objects.filter(word="silent").count() == 3
    assert Event.objects.filter(kind="review.finished").count() == 2


def test_two_second_declarations(two_at_once):
    panel, judges = factories.scoring_panel(factories.scenario_in_review(1))
    factories.lock_stage(judges, SheetStage.TECHNICAL)

    def deed():
        return actions.declare_against_bidders(actor=judges[0], panel_uid=panel.uid, free=True)

    assert refusals(two_at_once(deed, deed)) == [StateConflict]
    assert Sheet.objects.filter(stage=SheetStage.NAMED).count() == 1


def test_two_starts_of_the_scoring(two_at_once):
    scenario, secretary = factories.scenario_in_review(2), world.secretary()
    panel, judges = factories.seated_panel(scenario, secretary=secretary)
    for judge in judges:
        actions.declare_interest(actor=judge, panel_uid=panel.uid, free=True)

    def deed():
        return actions.start_scoring(actor=secretary, panel_uid=panel.uid)

    assert refusals(two_at_once(deed, deed)) == [StateConflict]
    assert Sheet.objects.count() == len(judges) * 2
    assert Event.objects.filter(kind="scoring.started").count() == 1


def test_two_declarations_that_differ(two_at_once):
    """Free and not free at once: whichever comes first, the judge is out and holds no grant."""
    panel, judges = factories.seated_panel(factories.scenario_in_review(1))
    results = two_at_once(
        lambda: actions.declare_interest(actor=judges[0], panel_uid=panel.uid, free=True),
        lambda: actions.declare_interest(
            actor=judges[0], panel_uid=panel.uid, free=False, reason="曾任职于需求方。"
        ),
    )
    assert not isinstance(results[1], Exception)
    assert len(refusals(results)) <= 1
    assert panel.members.get(user=judges[0].user).state == "recused"
    assert not judges[0].user.grants.filter(until_at=None).exists()
