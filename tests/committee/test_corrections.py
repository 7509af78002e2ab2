"""Corrections of locked sheets: four reasons, the judge's own, until the report."""

import json
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from marketplace.base.errors import Invalid, NotFound, Stale, StateConflict
from marketplace.committee import actions
from marketplace.committee.models import Correction, CorrectionKind, Score, SheetStage
from marketplace.ledger.models import Event
from tests import world
from tests.committee import factories
from tests.committee.test_pages import sheet_url, signed_in

pytestmark = pytest.mark.django_db


def locked(bids=1):
    """A panel whose blind stage is locked, and a sheet of its first judge: 40 of 50, 16 of 20."""
    scenario = factories.scenario_in_review(bids)
    _panel, judges = factories.scoring_panel(scenario)
    factories.lock_stage(judges, SheetStage.TECHNICAL)
    return scenario, judges, factories.sheets(judges[0]).first()


def correct(judge, sheet, revision=None, kind="sum", reason="录入时少加一项。", **points):
    return actions.correct_sheet(
        actor=judge,
        sheet_uid=sheet.uid,
        revision=revision or sheet.revision,
        kind=kind,
        reason=reason,
        scores={code: (value, "理由") for code, value in (points or {"C1": "41.5"}).items()},
    )


def test_a_correction_keeps_the_old_points_and_makes_a_new_version():
    _scenario, judges, sheet = locked()
    row = correct(judges[0], sheet, C1="41.5", C2="16")
    before = {"points": "40.00", "comment": "理由", "veto": False}
    assert row.changes == {"C1": {"before": before, "after": before | {"points": "41.50"}}}
    assert (row.version, row.made_by) == (2, judges[0].user)
    sheet.refresh_from_db()
    points = dict(Score.objects.filter(sheet=sheet).values_list("criterion__code", "points"))
    assert points == {"C1": Decimal("41.50"), "C2": Decimal("16.00")}
    event = Event.objects.get(kind="sheet.corrected")
    assert event.data == {"judge": "J1", "stage": "technical", "correction": "sum", "version": 2}
    assert event.audience == "office"
    assert correct(judges[0], sheet, C1="42").version == 3
    with pytest.raises(Stale):
        correct(judges[0], sheet, C1="43")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"kind": "better"}, "correction.grounds"),
        ({"kind": ""}, "correction.grounds"),
        ({"reason": "  "}, "correction.grounds"),
        ({"reason": "长" * 2001}, "correction.grounds"),
        ({"C1": "40"}, "correction.empty"),
        ({"C1": "50.01"}, "scores.invalid"),
        ({"C1": ""}, "sheet.incomplete"),
        ({"C9": "1"}, "scores.invalid"),
    ],
)
def test_what_is_no_correction_is_refused(given, code):
    _scenario, judges, sheet = locked()
    with pytest.raises(Invalid) as refused:
        correct(judges[0], sheet, **given)
    assert refused.value.code == code
    assert not Correction.objects.exists()


def test_the_four_reasons_are_the_rules():
    assert CorrectionKind.values == ["sum", "range", "objective", "extreme"]


def test_only_the_judge_and_only_between_lock_and_report():
    scenario, judges, sheet = locked()
    for who in (judges[1], world.secretary(), world.officer(), world.vendor()):
        with pytest.raises(NotFound):
            correct(who, sheet)
    named = factories.sheets(judges[0], SheetStage.NAMED).get()
    with pytest.raises(StateConflict) as refused:
        correct(judges[0], named, C3="10")
    assert refused.value.code == "correction.not_locked"
    factories.lock_stage(judges, SheetStage.NAMED)
    factories.open_prices(scenario, {"B1": "800000"})
    correct(judges[0], sheet, kind="extreme", C1="30")
    report = factories.finish(scenario)
    body = json.loads(bytes(report.body))
    assert [(r["judge"], r["kind"], r["version"]) for r in body["corrections"]] == [
        ("J1", "extreme", 2)
    ]
    assert body["bids"][0]["points"]["J1"]["C1"] == "30.00"
    sheet.refresh_from_db()
    with pytest.raises(StateConflict) as refused:
        correct(judges[0], sheet)
    assert refused.value.code == "correction.reported"
    page = signed_in(world.officer()).get(f"/en/scenarios/{scenario.address}/report/")
    assert "录入时少加一项。" in page.content.decode()


def test_the_database_lets_points_change_with_their_correction_alone():
    _scenario, judges, sheet = locked()
    with pytest.raises(DatabaseError), transaction.atomic():
        Score.objects.filter(sheet=sheet).update(points=1)
    row = correct(judges[0], sheet)
    for change in ({"reason": "x"}, {"kind": "sum"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Correction.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Score.objects.filter(sheet=factories.sheets(judges[1]).first()).update(points=1)


def test_the_page_corrects_and_shows_both_versions():
    _scenario, judges, sheet = locked()
    client = signed_in(judges[0])
    page = client.get(sheet_url(sheet)).content.decode()
    assert "Correct this sheet" in page
    given = {"do": "correct", "revision": sheet.revision, "points-C1": "44", "comment-C1": "理由"}
    refused = client.post(sheet_url(sheet), given)
    assert refused.status_code == 422
    assert 'value="44"' in refused.content.decode()
    given |= {"kind": "objective", "reason": "与同类材料尺度不一"}
    assert client.post(sheet_url(sheet), given).status_code == 302
    page = client.get(sheet_url(sheet)).content.decode()
    assert [word in page for word in ("Version 2", "与同类材料尺度不一", "44.00")] == [True] * 3
    assert signed_in(judges[1]).post(sheet_url(sheet), given).status_code == 404
