"""The pages of bidding, walked with Django's test client, in Chinese and English."""

import json
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from marketplace.base.actor import Role
from marketplace.bidding.actions import start_eligibility
from marketplace.bidding.models import Bid, BidState, OpenedFile, OpeningStage
from marketplace.bidding.opener import open_confirmed
from marketplace.bidding.sheet import sealing_sheet
from marketplace.ledger.log import sequencer
from marketplace.scenarios.actions import withdraw_scenario
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.bidding import bids

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def chinese():
    """A request leaves its language behind in the thread."""
    with translation.override("zh-hans"):
        yield


def client_of(actor):
    client = Client(enforce_csrf_checks=False)
    client.force_login(actor.user)
    return client


def address(name, scenario, *more):
    return reverse(name, args=[scenario.address, *more])


def text_of(answer):
    text = answer.content.decode()
    assert not re.search(r"<[^>]+\s(style|onclick|onsubmit)=", text)
    assert "<script>" not in text
    return text


# -- The form ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_form_asks_what_the_scenario_asks(prefix):
    scenario = world.published_scenario(consortium_allowed=True, consortium_members_max=3)
    page = client_of(world.vendor()).get(f"{prefix}/scenarios/{scenario.ref}/bid/")
    assert page.status_code == 200
    text = text_of(page)
    for name in ("statement_Q1", "statement_Q2", "commitment_M1", "node_0", "node_2"):
        assert text.count(f'name="{name}"') == 1
    for name in ("files_business", "files_technical", "files_price"):
        assert text.count(f'name="{name}"') == 1
    assert 'data-formset="consortium"' in text
    assert "no-store" in page.headers["Cache-Control"]


def test_who_sees_the_form():
    scenario = world.published_scenario()
    url = address("bid-form", scenario)
    assert Client().get(url).status_code == 302
    for actor in (world.officer(), world.owner(), world.person(Role.EXPERT)):
        assert client_of(actor).get(url).status_code == 403
    assert client_of(world.vendor()).get(f"/scenarios/{scenario.uid}/bid/").url == url
    draft = world.draft_scenario(world.owner())
    assert client_of(world.vendor()).get(address("bid-form", draft)).status_code == 404


def test_the_form_brings_what_sealing_needs_and_takes_nothing_back():
    scenario, vendor = world.published_scenario(), world.vendor()
    client = client_of(vendor)
    page = client.get(address("bid-form", scenario))
    data = page.context["data"]
    assert data["sheet"] == sealing_sheet(vendor, scenario) | {"now": data["sheet"]["now"]}
    assert data["nodes"] == ["签约", "中期", "验收"]
    assert data["sentences"]["fill_in"] == "请填写此项。"
    text = text_of(page)
    form = text[text.index("<form hidden") : text.index("</form>", text.index("<form hidden"))]
    assert "action=" not in form.split(">")[0]
    assert 'type="submit"' not in form
    assert client.post(address("bid-form", scenario), {"risks": "风险"}).status_code == 405


def test_after_the_deadline_the_form_is_closed(clock):
    scenario, vendor = world.published_scenario(), world.vendor()
    bids.pass_deadline(scenario, clock)
    page = client_of(vendor).get(address("bid-form", scenario))
    assert page.status_code == 200
    text = text_of(page)
    assert 'name="approach"' not in text
    assert "seal-data" not in text


# -- One's bid -----------------------------------------------------------------------------------------
def test_the_bid_s_page_withdraws_and_offers_to_come_back(clock):
    scenario, vendor = world.published_scenario(), world.vendor()
    bid = bids.bid(scenario, vendor).bid
    client = client_of(vendor)
    url = reverse("bid", args=[bid.uid])
    withdraw = reverse("bid-withdraw", args=[bid.uid])
    assert withdraw in text_of(client.get(url))
    assert client.get(withdraw).status_code == 405
    assert client.post(withdraw).url == url
    bid.refresh_from_db()
    assert bid.state == BidState.WITHDRAWN
    text = text_of(client.get(url))
    assert withdraw not in text
    assert address("bid-form", scenario) in text
    assert client.post(withdraw).status_code == 409
    viewer = client_of(world.member(vendor.organisation, Role.VIEWER))
    assert address("bid-form", scenario) not in text_of(viewer.get(url))
    assert viewer.post(withdraw).status_code == 403


def test_the_bid_s_page_says_that_a_withdrawn_demand_is_over():
    scenario, vendor = world.published_scenario(), world.vendor()
    bid = bids.bid(scenario, vendor).bid
    owner = world.member(scenario.organisation)
    withdraw_scenario(actor=owner, scenario_uid=scenario.uid, reason="预算取消")
    text = text_of(client_of(vendor).get(reverse("bid", args=[bid.uid])))
    assert "需求已撤榜，已提交的申报一律不开封。" in text
    assert "进入下一环节前无需办理" not in text


@pytest.mark.parametrize("count", [1, 30])
def test_the_bid_s_page_asks_the_same_for_one_and_for_thirty_versions(count_queries, count):
    scenario, vendor = world.published_scenario(), world.vendor()
    for _ in range(count):
        version = bids.bid(scenario, vendor)
    client = client_of(vendor)
    url = reverse("bid", args=[version.bid.uid])
    client.get(url)
    with count_queries() as queries:
        assert client.get(url).status_code == 200
    assert len(queries) <= 20, [query["sql"] for query in queries.captured_queries]


def key_answer(scenario, holder):
    given = bids.answer(scenario, holder)
    return {"tree_size": given["tree_size"], "assertion": json.dumps(given["assertion"])}


# -- The opening ---------------------------------------------------------------------------------------
def test_the_opening_is_confirmed_watched_and_recorded(clock):
    scenario, vendor = world.published_scenario(), world.vendor()
    bids.bid(scenario, vendor)
    bids.close(scenario, clock)
    url, live = address("opening", scenario), address("opening-live", scenario)
    holders = world.key_holder_actors(scenario)
    first, second = (client_of(actor) for actor in holders)
    assert "还没有写进日志" in text_of(first.get(url))
    one, other = ({"stage": "first", **key_answer(scenario, actor)} for actor in holders)
    assert 'name="stage"' in text_of(first.get(url))
    assert first.post(url, {"stage": "first"}).status_code == 422
    assert first.post(url, other).status_code == 422  # another holder's key
    assert first.post(url, one).url == url
    assert 'name="stage"' not in text_of(first.get(url))
    watching = client_of(vendor)
    text = text_of(watching.get(live))
    assert 'hx-trigger="every 2s"' in text
    assert vendor.organisation.name in text
    assert 'name="stage"' not in text_of(watching.get(url))
    record = address("opening-record", scenario, "first")
    assert watching.get(record).status_code == 404
    assert second.post(url, other).status_code == 302
    assert watching.post(url, {"stage": "first"}).status_code == 403
    assert watching.post(url, {"stage": "other"}).status_code == 404
    open_confirmed(bids.identity())
    assert "hx-trigger" not in text_of(watching.get(live))
    file = json.loads(watching.get(record).content)
    assert [row["outcome"] for row in file["receipt"]["bids"]] == ["opened"]
    assert client_of(world.vendor()).get(url).status_code == 404


def test_a_price_opening_shows_the_prices(clock):
    scenario, vendor = world.published_scenario(), world.vendor()
    bids.bid(scenario, vendor)
    bids.open_first(scenario, clock)
    Bid.objects.update(state=BidState.ELIGIBLE)
    Scenario.objects.update(state=State.REVIEW)
    scenario.refresh_from_db()
    bids.request_prices(scenario, world.secretary())
    bids.confirm(scenario, OpeningStage.PRICE)
    client = client_of(world.officer())
    assert "900000" not in text_of(client.get(address("opening", scenario)))
    open_confirmed(bids.identity())
    assert 'value="900000.00"' in text_of(client.get(address("opening", scenario)))


# -- Eligibility ---------------------------------------------------------------------------------------
def test_the_eligibility_check_from_start_to_conclusion(clock):
    scenario, vendor = world.published_scenario(), world.vendor()
    bid = bids.bid(scenario, vendor, files={"business": [("证照.pdf", b"%PDF")]}).bid
    url = address("eligibility", scenario)
    secretary = world.secretary()
    client = client_of(secretary)
    assert client.get(url).status_code == 404
    bids.open_first(scenario, clock)
    assert 'value="start"' in text_of(client.get(url))
    assert client.post(url, {"step": "start"}).url == url
    given = {"step": "check", "bid": str(bid.uid), "condition": "Q1"}
    page = client.post(url, {**given, "verdict": "fail", "reason": ""}, headers=HTMX)
    assert page.status_code == 422
    assert f"id_{bid.uid}_Q1_reason_error" in text_of(page)
    # Names and blind codes do not meet on a page before the report.
    bid.refresh_from_db()
    assert bid.blind_code == "B01"
    assert "B01" not in text_of(client.get(url))
    assert client.post(url, {**given, "verdict": "pass"}, headers=HTMX).status_code == 200
    assert client.post(url, {"step": "conclude"}).status_code == 409
    given["condition"] = "Q2"
    page = client.post(url, {**given, "verdict": "fail", "reason": "没有承诺书"})
    assert page.url == url
    text = text_of(client.get(url))
    assert 'value="conclude"' in text
    file = OpenedFile.objects.get()
    download = reverse("opened-file", args=[file.uid])
    assert download in text
    got = client.get(download)
    assert (b"".join(got.streaming_content), got["Content-Type"]) == (
        b"%PDF",
        "application/octet-stream",
    )
    assert client_of(world.vendor()).get(download).status_code == 404
    assert "没有承诺书" in text_of(client_of(vendor).get(reverse("bid", args=[bid.uid])))
    assert client.post(url, {"step": "conclude"}).url == url
    scenario.refresh_from_db()
    assert (scenario.state, scenario.failure) == (State.FAILED, "none_eligible")
    # The sentence is ours, so that it is told in the reader's language.
    assert "没有申报符合本榜全部条件" in text_of(client.get(address("scenario", scenario)))
    own = text_of(client_of(vendor).get(reverse("bid", args=[bid.uid])))
    assert "本榜已流榜，未产生中榜方" in own
    assert client_of(vendor).get(url).status_code == 403
    assert client.post(url, {"step": "none"}).status_code == 404
    assert client.post(url, {"step": "check", "bid": "x"}).status_code == 404
    english = text_of(client.get(f"/en{address('scenario', scenario)}"))
    assert "No bid met all conditions of this demand." in english


def test_the_owner_reads_verdicts_and_gives_none(clock):
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.open_first(scenario, clock)
    secretary = world.secretary()
    start_eligibility(actor=secretary, scenario_uid=scenario.uid)
    owner = client_of(world.member(scenario.organisation))
    url = address("eligibility", scenario)
    text = text_of(owner.get(url))
    assert 'name="verdict"' not in text
    assert "三个同类项目" not in text
    assert owner.post(url, {"step": "conclude"}).status_code == 403


@pytest.mark.parametrize("count", [1, 30])
def test_the_eligibility_page_asks_the_same_for_one_and_for_thirty(clock, count_queries, count):
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.open_first(scenario, clock)
    secretary = world.secretary()
    start_eligibility(actor=secretary, scenario_uid=scenario.uid)
    for number in range(count - 1):
        Bid.objects.create(
            scenario=scenario,
            organisation=world.vendor().organisation,
            state=BidState.OPENED,
            blind_code=f"B{number + 2:02d}",
        )
    client = client_of(secretary)
    url = address("eligibility", scenario)
    client.get(url)
    with count_queries() as queries:
        assert client.get(url).status_code == 200
    assert len(queries) <= 14, [query["sql"] for query in queries.captured_queries]


# -- The receipt and its proof ---------------------------------------------------------------------
def test_the_page_says_by_when_the_proof_is_there_and_then_that_it_is():
    scenario, vendor = world.published_scenario(), world.vendor()
    row = bids.bid(scenario, vendor)
    client = client_of(vendor)
    page = f"/en/bids/{row.bid.uid}/"
    waiting = text_of(client.get(page))
    assert "The proof that it is in the log is added by" in waiting
    assert "Proof to come" in waiting
    assert "On record, can be verified offline" not in waiting
    sequencer.seal_batch()
    sealed = text_of(client.get(page))
    assert "The proof that it is in the log is added by" not in sealed
    assert sealed.count("On record") == 2
    assert '<a href="/en/verify/">On record, can be verified offline</a>' in sealed
    assert "已存证，可离线核验" in text_of(client.get(f"/bids/{row.bid.uid}/"))
