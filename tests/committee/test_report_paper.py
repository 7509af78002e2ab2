"""The report as a paper: what stands in the JSON, the members' words, and never a signal."""

import hashlib
import io
import json
from decimal import Decimal

import pytest
from django.urls import reverse
from pypdf import PdfReader

from marketplace.base.actor import Role
from marketplace.bidding.models import BidState
from marketplace.committee import actions
from marketplace.committee.models import PanelState
from marketplace.committee.signing.printing import pdf, values
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.committee import factories
from tests.committee.test_pages import signed_in

pytestmark = pytest.mark.django_db


def reviewed():
    """Five judges, trimmed, one bid refused and one void, one correction, one dissent."""
    scenario = factories.scenario_in_review(2, profile=world.profile("B"))
    gone = factories.opened_bid(scenario, code="B3", state=BidState.VOID)
    type(gone).objects.filter(pk=gone.pk).update(void_reason="与另一揭榜方同受一方控制。")
    shares = {"B1": Decimal("0.9"), "B2": Decimal("0.5")}
    _panel, judges = factories.scored(scenario, shares, judges=5)
    sheet = factories.sheets(judges[0]).first()
    actions.correct_sheet(
        actor=judges[0],
        sheet_uid=sheet.uid,
        revision=sheet.revision,
        kind="sum",
        reason="录入时少加一项。",
        scores={"C1": ("40", "理由")},
    )
    factories.open_prices(scenario, {"B1": "800000", "B2": "900000"})
    actions.finish_review(actor=world.secretary(), scenario_uid=scenario.uid)
    return Scenario.objects.get(pk=scenario.pk), judges


def text_of(content):
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def test_the_paper_tells_what_the_json_tells():
    scenario, judges = reviewed()
    actions.sign_report(
        actor=judges[0],
        panel_uid=scenario.panel.uid,
        dissents=True,
        reason="B1 的<b>依据</b>不足。",
    )
    report = scenario.report
    body = json.loads(bytes(report.body))
    assert body["rejected"] == [
        {
            "uid": str(scenario.bids.get(blind_code="B3").uid),
            "organisation": scenario.bids.get(blind_code="B3").organisation.name,
            "state": "void",
            "reasons": ["与另一揭榜方同受一方控制。"],
        }
    ]
    assert [row["code"] for row in body["panel"]] == ["J1", "J2", "J3", "J4", "J5"]
    content = signed_in(world.officer()).get(reverse("report-pdf", args=[scenario.address])).content
    assert content == pdf(report)
    told = text_of(content)
    found = told.replace("\n", "")
    for sought in (
        hashlib.sha256(bytes(report.body)).hexdigest(),
        scenario.ref,
        "评审报告",
        "录入时少加一项。",
        "同受一方控制",
        "汇总错误",
        "书面保留意见",
        "<b>依据</b>",
        "待签署",
        *(row["total"] for row in body["ranking"]),
        *(row["technical"]["raw"] for row in body["ranking"]),
    ):
        assert sought in found, sought
    assert found.count(judges[0].user.name) == 0
    for signal in ("|z|", "中位数", "离群", "偏差", "signal"):
        assert signal not in found
    given = values(report)
    assert len([row for row in given["lines"] if row["candidate"]]) <= 3
    assert [t["out"] for t in given["lines"][0]["stages"][0]["totals"]].count(True) == 2


def test_names_stand_in_it_with_the_result_and_an_earlier_report_says_so():
    scenario = factories.reported(1)
    judge = scenario.panel.members.first().user
    assert values(scenario.report)["seats"][0]["name"] is None
    Scenario.objects.filter(pk=scenario.pk).update(state=State.PUBLICITY)
    report = type(scenario.report).objects.get(pk=scenario.report.pk)
    assert values(report)["seats"][0]["name"] == judge.name
    other = factories.scenario_in_review(1)
    factories.scored(other)
    factories.open_prices(other, {"B1": "800000"})
    made = actions.finish_review(actor=world.secretary(), scenario_uid=other.uid)
    other.panel.state = PanelState.REPORTED
    other.panel.save()
    made = type(made).objects.get(pk=made.pk)
    assert (values(made)["earlier"], values(made)["words"]) == (True, [])
    assert pdf(made).startswith(b"%PDF")


def test_who_reads_the_paper():
    scenario = factories.reported(1)
    url = reverse("report-pdf", args=[scenario.address])
    who = (
        world.officer(),
        world.member(scenario.organisation),
        world.member(scenario.bids.get().organisation),
        world.person(Role.EXPERT),
    )
    assert [signed_in(actor).get(url).status_code for actor in who] == [200, 200, 404, 404]
