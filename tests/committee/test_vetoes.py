"""Veto items and minimums, from the demand to the report."""

import json

import pytest

from marketplace.base.errors import Invalid
from marketplace.committee import actions
from marketplace.committee.models import Score, SheetStage
from tests import world
from tests.api.client import As
from tests.committee import factories
from tests.committee.test_pages import sheet_url, signed_in

pytestmark = pytest.mark.django_db


def demand(bids=2):
    """In review; C1 may be vetoed and needs 30 of its 50 points."""
    return factories.scenario_in_review(bids, criteria={"C1": {"veto": True, "minimum": 30}})


def test_a_veto_needs_a_veto_item_and_is_locked_with_its_reason_only():
    _panel, judges = factories.scoring_panel(demand(1))
    sheet = factories.sheets(judges[0]).get()

    def save(**scores):
        sheet.refresh_from_db()
        return actions.save_scores(
            actor=judges[0], sheet_uid=sheet.uid, revision=sheet.revision, scores=scores
        )

    with pytest.raises(Invalid) as refused:
        save(C2=("10", "", True))
    assert refused.value.errors == {"C2": ["This criterion is no veto item."]}
    save(C1=("10", "", True), C2=("10", ""))
    with pytest.raises(Invalid) as refused:
        actions.lock_sheet(actor=judges[0], sheet_uid=sheet.uid)
    assert refused.value.errors == {"C1": ["The veto of 技术方案 needs its reason."]}
    save(C1=("10", "方案依赖被禁用的组件。", True))
    actions.lock_sheet(actor=judges[0], sheet_uid=sheet.uid)
    assert list(Score.objects.filter(veto=True).values_list("comment", flat=True)) == [
        "方案依赖被禁用的组件。"
    ]


def test_page_and_api_carry_the_veto():
    _panel, judges = factories.scoring_panel(demand(1))
    sheet, client = factories.sheets(judges[0]).get(), signed_in(judges[0])
    page = client.get(sheet_url(sheet)).content.decode()
    assert [f'name="veto-{code}"' in page for code in ("C1", "C2")] == [True, False]
    given = {"points-C1": "10", "comment-C1": "缺少证明", "veto-C1": "yes", "revision": "1"}
    assert client.post(sheet_url(sheet), given).status_code == 302
    api = As(judges[0])
    line = api.get(f"sheets/{sheet.uid}/").json()["lines"][0]
    assert (line["may_veto"], line["veto"]) == (True, True)
    told = api.patch(f"sheets/{sheet.uid}/", {"scores": {"C1": {"points": "10"}}}, match='"r2"')
    assert told.json()["lines"][0]["veto"] is False


def test_the_report_counts_vetoes_by_the_frozen_share_and_shows_their_reasons():
    scenario = demand(3)
    _panel, judges = factories.scoring_panel(scenario)
    for place, judge in enumerate(judges):
        for sheet in factories.sheets(judge, SheetStage.TECHNICAL):
            code = sheet.bid.blind_code
            # Two of three veto B1, one vetoes B2; B3 stays under the minimum of C1.
            veto = (code, place) in {("B1", 0), ("B1", 1), ("B2", 0)}
            actions.save_scores(
                actor=judge,
                sheet_uid=sheet.uid,
                revision=sheet.revision,
                scores={
                    "C1": ("29.9" if code == "B3" else "45", "不满足底线" if veto else "", veto),
                    "C2": ("18", ""),
                },
            )
            actions.lock_sheet(actor=judge, sheet_uid=sheet.uid)
    factories.lock_stage(judges, SheetStage.NAMED)
    factories.open_prices(scenario, {"B1": "100", "B2": "500000", "B3": "200"})
    report = factories.finish(scenario)
    body = json.loads(bytes(report.body))
    assert (body["type"], body["formula"]) == ("jiebang-report/2", "jiebang-score/2")
    assert body["price_basis_cny"] == "500000.00"
    rows = {line["blind_code"]: line for line in body["ranking"]}
    assert {
        code: (row["place"], row["invalid"], row["vetoed"], row["below"], row["price"])
        for code, row in rows.items()
    } == {
        "B1": (None, "vetoed", ["C1"], [], "0.00"),
        "B2": (1, "", [], [], "10.00"),
        "B3": (None, "below_minimum", [], ["C1"], "0.00"),
    }
    bids = {bid["blind_code"]: bid for bid in body["bids"]}
    assert bids["B1"]["vetoes"] == {"C1": {"J1": "不满足底线", "J2": "不满足底线"}}
    page = signed_in(world.officer()).get(f"/en/scenarios/{scenario.address}/report/")
    text = page.content.decode()
    assert [word in text for word in ("Vetoed", "Below a minimum", "不满足底线")] == [True] * 3


def test_an_older_profile_keeps_the_older_formula():
    scenario = factories.reported(1, profile=world.profile("A", version=2))
    body = json.loads(bytes(scenario.report.body))
    assert (body["type"], body["formula"]) == ("jiebang-report/1", "jiebang-score/1")
    assert set(body["rules"]) == {
        "trim_extremes",
        "trim_panel_min",
        "pass_line_percent",
        "recommend_max",
        "budget_cny",
    }
