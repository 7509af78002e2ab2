"""Who reads panels, opened bids, sheets and reports through the API stands in the access log."""

import pytest
from django.urls import reverse

from marketplace.bidding.actions import start_eligibility
from marketplace.bidding.models import Bid
from marketplace.committee.models import Panel, Report, Sheet
from marketplace.files.access import AccessRecord
from tests import world
from tests.api.client import As, refused
from tests.bidding import bids
from tests.committee import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def optional(settings):
    settings.MFA_OPTIONAL = True


def log():
    rows = AccessRecord.objects.order_by("id")
    return list(rows.values_list("what", "subject_uid", "user_uid", "role"))


def entry(what, subject, actor):
    return what, subject.uid, actor.user_uid, str(actor.role)


def read(actor, path):
    answer = As(actor).get(path)
    assert answer.status_code == 200, answer.content
    return answer


def test_opened_bids_and_their_eligibility(clock):
    vendor = world.vendor()
    scenario = world.published_scenario()
    version = bids.bid(scenario, vendor)
    bid, secretary = Bid.objects.get(), world.secretary()
    read(vendor, f"bids/{bid.uid}/")
    refused(As(secretary).get(f"bids/{bid.uid}/"), 404, "not_found")
    bids.close(scenario, clock)
    read(secretary, f"bids/{bid.uid}/")  # still sealed: nothing of it was read
    assert (log(), version.number) == ([], 1)

    bids.confirm(scenario)
    assert bids.open_confirmed(bids.identity()) == 1
    start_eligibility(actor=secretary, scenario_uid=scenario.uid)
    owner = world.member(scenario.organisation)
    read(secretary, f"bids/{bid.uid}/")
    read(vendor, f"bids/{bid.uid}/")  # its own
    read(owner, f"scenarios/{scenario.uid}/eligibility/")
    wanted = [
        entry("bid.read", bid, secretary),
        entry("bid.eligibility", scenario, owner),
    ]
    assert log() == wanted
    # What a deed shows afterwards was read as well.
    body = {"condition": "Q1", "verdict": "pass"}
    answer = As(secretary).post(f"bids/{bid.uid}/checks/", body)
    assert answer.json()["contents"][0]["form"] is not None
    wanted.append(entry("bid.read", bid, secretary))
    assert log() == wanted
    # So was what its reader had already: 304 says that it still stands so.
    tag = read(secretary, f"bids/{bid.uid}/")["ETag"]
    same = As(secretary).get(f"bids/{bid.uid}/", **{"If-None-Match": tag})
    assert (same.status_code, log()) == (304, [*wanted, wanted[0], wanted[0]])
    read(secretary, "bids/")  # lists show nothing of what was sealed
    assert len(log()) == 5


def test_a_panel_and_its_sheets():
    panel, judges = factories.scoring_panel(factories.scenario_in_review(2))
    secretary, sheet = world.secretary(), factories.sheets(judges[0]).first()
    read(secretary, "panels/")
    read(judges[0], "sheets/")
    read(judges[0], f"panels/{panel.uid}/")  # the own seat
    assert log() == []
    read(secretary, f"panels/{panel.uid}/")
    tag = read(judges[0], f"sheets/{sheet.uid}/")["ETag"]
    refused(As(judges[1]).get(f"sheets/{sheet.uid}/"), 404, "not_found")
    refused(As(secretary).get(f"sheets/{sheet.uid}/"), 404, "not_found")
    wanted = [
        entry("sheet.read", sheet, judges[0]),
    ]
    assert log() == wanted
    # Saving nothing shows the sheet too.
    saved = As(judges[0]).patch(f"sheets/{sheet.uid}/", {"scores": {}}, match=tag)
    assert saved.json()["lines"] != []
    assert log() == [*wanted, wanted[0]]


def test_a_report_and_the_sheets_below_it():
    scenario = factories.reported(2)
    report, sheet = Report.objects.get(), Sheet.objects.first()
    officer, owner = world.officer(), world.member(scenario.organisation)
    read(owner, "reports/")
    assert log() == []
    read(owner, f"reports/{report.uid}/")
    read(officer, f"reports/{report.uid}/")
    read(officer, f"sheets/{sheet.uid}/")
    refused(As(world.vendor()).get(f"reports/{report.uid}/"), 404, "not_found")
    assert log() == [
        entry("report.read", report, owner),
        entry("report.read", report, officer),
        entry("sheet.read", sheet, officer),
    ]


def test_names_that_everybody_knows_are_not_noted():
    scenario = factories.reported(2)
    officer, panel = world.officer(), Panel.objects.get()
    read(officer, f"panels/{panel.uid}/")
    # Before the result the office reads codes; with it, what everybody knows.
    assert log() == []
    scenario.state = "publicity"
    scenario.save()
    read(officer, f"panels/{panel.uid}/")
    As(officer).get(reverse("panel", args=[scenario.address]))
    assert log() == []
