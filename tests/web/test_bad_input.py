"""What people and programs send that is wrong: told in words, never a fault of ours."""

from __future__ import annotations

import copy
import html
import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from marketplace.base import clock as site_clock
from marketplace.bidding.models import Bid, OpeningStage
from marketplace.bidding.opener import open_confirmed
from marketplace.committee.models import Sheet, SheetStage
from marketplace.management.season.content import Content
from marketplace.management.season.people import load_people
from marketplace.management.season.play import Play
from marketplace.scenarios import actions
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.bidding import bids, posting
from tests.scenarios import typed
from tests.scenarios.test_pages import posted

NOBODY = "00000000-0000-4000-8000-000000000000"  # fixed: every test process names its tests alike
pytestmark = pytest.mark.django_db
MEBIBYTE = 1024 * 1024


def browser(actor=None, **more):
    client = Client(**more)
    if actor:
        client.force_login(actor.user)
    return client


def url(name, scenario):
    return reverse(name, kwargs={"address": scenario.address})


@pytest.fixture
def draft():
    """(its owner's browser, the draft, where it is written)."""
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    return browser(owner), scenario, url("scenario-edit", scenario)


@pytest.fixture
def challenge():
    """(a vendor's browser, an open challenge, where one bids for it)."""
    scenario = world.published_scenario()
    return browser(world.vendor()), scenario, url("bid-form", scenario)


def faults(page, name):
    """What the page says beside one field."""
    return [str(sentence) for sentence in page.context["form"].errors.get(name, [])]


# -- A demand --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"criteria-0-weight": "64"}, "criteria", "99"),
        ({"criteria-0-weight": "65.01"}, "criteria", "100.01"),
        ({"payment_nodes-1-percent": "39"}, "payment_nodes", "99"),
    ],
)
def test_sums_that_are_not_100_are_named(draft, changed, field, sentence):
    client, scenario, address = draft
    page = client.post(address, posted(scenario, do="submit", **changed))
    assert page.status_code == 422
    said = page.context["demand"].rows[field].non_form_errors()
    assert any(sentence in str(one) for one in said), said
    scenario.refresh_from_db()
    assert (scenario.state, scenario.revision) == (State.DRAFT, 1)


@pytest.mark.parametrize(
    "amount",
    ["-1", "0", "10000000000.01", "1e9", "NaN", "Infinity", "12.345", "1,23", "9" * 400, "一百万"],
)
def test_absurd_budgets_are_refused_beside_the_field(draft, amount):
    client, scenario, address = draft
    page = client.post(address, posted(scenario, do="save", budget_cny=amount))
    assert page.status_code == 422
    assert len(faults(page, "budget_cny")) == 1
    assert f'value="{amount}"' in page.content.decode()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"deadline_at": "2020-01-01T09:00"}, "deadline_at"),
        ({"deadline_at": "2026-02-30T09:00"}, "deadline_at"),
        ({"deadline_at": "9999-12-31T23:59"}, "deadline_at"),
        ({"deadline_at": "0001-01-01T00:00"}, "deadline_at"),
        ({"milestones-1-month": "10"}, "milestones-1-month"),
        ({"milestones-0-month": "9", "milestones-1-month": "3"}, "milestones-1-month"),
        ({"duration_months": "2"}, "milestones-0-month"),
    ],
)
def test_dates_that_contradict_are_refused(draft, changed, field):
    client, scenario, address = draft
    page = client.post(address, posted(scenario, do="submit", **changed))
    assert page.status_code == 422
    part, _dash, rest = field.partition("-")
    if rest:
        place, name = rest.split("-")
        assert page.context["demand"].rows[part].forms[int(place)].errors[name]
    else:
        assert faults(page, field)


def test_full_width_figures_are_read(draft):
    client, scenario, address = draft
    changed = {
        "budget_cny": "２，６００，０００．５０",
        "duration_months": "１０",
        "criteria-0-weight": "６５",
        "metrics-0-value": "９８．５",
    }
    assert client.post(address, posted(scenario, do="save", **changed)).status_code == 302
    scenario.refresh_from_db()
    assert (str(scenario.budget_cny), scenario.duration_months) == ("2600000.50", 10)
    assert scenario.metrics.get(code="M1").value == pytest.approx(98.5)


@pytest.mark.parametrize(
    ("name", "most"), [("title", 120), ("summary", 1000), ("need", 10_000), ("contact", 200)]
)
def test_long_texts_of_a_demand_are_refused_with_their_limit(draft, name, most):
    client, scenario, address = draft
    assert client.post(address, posted(scenario, **{name: "长" * most})).status_code == 302
    scenario.refresh_from_db()
    page = client.post(address, posted(scenario, **{name: "长" * (most + 1)}))
    assert page.status_code == 422
    assert [str(most) in said and str(most + 1) in said for said in faults(page, name)] == [True]


def test_what_the_form_does_not_know_is_ignored(draft):
    client, scenario, address = draft
    sent = posted(scenario, do="save", state="awarded", ref="LG-2026-9999", organisation="1")
    assert client.post(address, sent | {"metrics-0-scenario": "7"}).status_code == 302
    scenario.refresh_from_db()
    assert (scenario.state, scenario.ref, scenario.revision) == (State.DRAFT, None, 2)


def test_a_stale_demand_names_what_changed(draft):
    client, scenario, address = draft
    assert client.post(address, posted(scenario)).status_code == 302
    scenario.refresh_from_db()
    seen = client.get(address).context["seen"]
    assert client.post(address, posted(scenario, contact="别人 021-1")).status_code == 302
    page = client.post(address, posted(scenario, title="我的", seen=seen))
    assert page.status_code == 409
    assert [change["theirs"] for change in page.context["changes"]] == ["别人 021-1"]
    assert 'value="我的"' in page.content.decode()


# -- A bid -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"total_cny": "0", "node_0": "0", "node_1": "0", "node_2": "0"}, "total_cny"),
        ({"total_cny": "1000000.01"}, "total_cny"),
        ({"total_cny": "-900000"}, "total_cny"),
        ({"total_cny": "9e5"}, "total_cny"),
        ({"node_0": "1.00"}, "total_cny"),
        ({"tax_rate_percent": "100"}, "tax_rate_percent"),
        ({"commitment_M1": "very good"}, "commitment_M1"),
        ({"contact_phone": "call me"}, "contact_phone"),
        ({"statement_Q2": ""}, "statement_Q2"),
        ({"accepts_terms": ""}, "accepts_terms"),
    ],
)
def test_a_wrong_bid_is_told_beside_the_field_and_not_kept(challenge, changed, field):
    client, scenario, address = challenge
    page = client.post(address, posting.posted(scenario, **changed) | {"step": "submit"})
    assert page.status_code == 422
    assert faults(page, field)
    assert Bid.objects.count() == 0


def test_full_width_figures_of_a_bid_are_read(challenge):
    client, scenario, address = challenge
    changed = {
        "total_cny": "９００，０００．００",
        "team-0-years": "９",
        "commitment_M1": "９９．２",
    }
    page = client.post(address, posting.posted(scenario, **changed) | {"step": "submit"})
    assert page.status_code == 302
    assert Bid.objects.get().versions_count == 1


@pytest.mark.parametrize(
    ("name", "most"),
    [("risks", 5000), ("approach", 20_000), ("note", 2000), ("project_leader", 80)],
)
def test_long_texts_of_a_bid_are_refused_with_their_limit(challenge, name, most):
    client, scenario, address = challenge
    sent = posting.posted(scenario, **{name: "长" * (most + 1)})
    page = client.post(address, sent)
    assert page.status_code == 422
    assert [str(most) in said and str(most + 1) in said for said in faults(page, name)] == [True]
    assert client.post(address, sent | {name: "长" * most}).status_code == 200


# -- The gate --------------------------------------------------------------------------------------
@pytest.mark.parametrize("step", ["return", "reject", "conclude"])
def test_words_of_the_office_have_a_limit_and_must_be_there(step):
    scenario = world.draft_scenario(world.owner(), state=State.DEMONSTRATING)
    client, address = browser(world.officer()), url("scenario-gate", scenario)
    for words, expected in (("", ""), ("长" * 4001, "4000"), ("a\x00b", "")):
        page = client.post(address, {"step": step, "words": words})
        assert page.status_code == 422
        assert expected in faults(page, "words")[0]
    assert client.post(address, {"step": "publish", "words": "好"}).status_code == 422
    scenario.refresh_from_db()
    assert scenario.state == State.DEMONSTRATING


# -- Signs that cannot be kept, addresses that lead nowhere ----------------------------------------
ODD = [b"a%00b", b"%ED%A0%80", b"%FF%FE", b"%E2%80%AEabc", b"%F4%8F%BF%BF", b"%0D%0Aevil%3A1"]


def raw(client, address, body):
    return client.post(address, body, content_type="application/x-www-form-urlencoded")


@pytest.mark.parametrize("odd", ODD)
def test_odd_signs_break_no_form(draft, challenge, odd):
    owner, _demand, edit = draft
    vendor, _scenario, bid = challenge
    officer = browser(world.officer())
    waiting = world.draft_scenario(world.owner(), state=State.SUBMITTED)
    attempts = [
        (owner, edit, b"title"),
        (owner, edit, b"metrics-TOTAL_FORMS"),
        (owner, reverse("scenario-check"), b"need"),
        (vendor, bid, b"risks"),
        (vendor, bid, b"team-TOTAL_FORMS"),
        (officer, url("scenario-gate", waiting), b"step"),
        (officer, url("scenario-gate", waiting), b"words"),
        (officer, reverse("acting"), b"acting"),
        (browser(), reverse("account_login"), b"login"),
    ]
    for client, address, field in attempts:
        page = raw(client, address, field + b"=" + odd)
        assert page.status_code < 500, (address, field)
    assert Bid.objects.count() == 0


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\u202e", "\x85"])
def test_signs_that_cannot_be_shown_are_refused_by_name(draft, sign):
    client, scenario, address = draft
    page = client.post(address, posted(scenario, do="save", title=f"需求{sign}名"))
    assert page.status_code == 422
    assert len(faults(page, "title")) == 1


def test_control_signs_in_a_bid_are_refused_by_name(challenge):
    client, scenario, address = challenge
    for sign in ("\x00", "\x1b"):
        sent = posting.posted(scenario, risks=f"风险{sign}。") | {"step": "submit", "once": sign}
        page = client.post(address, sent)
        assert page.status_code == 422
        assert len(faults(page, "risks")) == 1


def test_an_odd_key_of_repetition_is_no_fault(challenge):
    client, scenario, address = challenge
    for once in ("\x00", "长" * 5000):
        sent = posting.posted(scenario) | {"step": "submit", "once": once}
        assert client.post(address, sent).status_code == 302


NOWHERE = [
    *("LG-2026-9999", "lg-2026-0001", "%00", "LG-2026-0001%00", "%ED%A0%80", "..%2F..%2Fetc"),
    *("%F0%9F%92%A9", "0", "x" * 3000, NOBODY, "{" + NOBODY + "}"),
]


@pytest.mark.parametrize("address", NOWHERE)
@pytest.mark.parametrize(
    "page", ["", "edit/", "gate/", "publish/", "withdraw/", "bid/", "opening/", "report/"]
)
def test_addresses_that_lead_nowhere_are_404(address, page):
    world.published_scenario()
    assert browser(world.officer()).get(f"/scenarios/{address}/{page}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        *(f"/{room}/{NOBODY}/" for room in ("bids", "panels", "sheets", "bids/files")),
        *(f"/{room}/{word}/" for room in ("bids", "sheets") for word in ("1", "%00", "abc")),
        f"/receipts/{NOBODY}.json",
        "/receipts/1.json",
        f"/sheets/{NOBODY}/files/999999999999999999999/",
    ],
)
def test_ids_that_name_nothing_are_404(path):
    assert browser(world.officer()).get(path).status_code == 404


# -- Forged and too large --------------------------------------------------------------------------
def test_without_its_token_a_form_is_refused_with_a_page():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    client = browser(owner, enforce_csrf_checks=True)
    page = client.post(url("scenario-edit", scenario), posted(scenario, title="冒用"))
    assert page.status_code == 403
    assert "页面已过期" in page.content.decode()
    scenario.refresh_from_db()
    assert scenario.revision == 1


def test_fifty_mebibytes_are_413_on_every_form(draft, challenge):
    owner, _demand, edit = draft
    vendor, scenario, bid = challenge
    body = b"need=" + b"x" * (50 * MEBIBYTE)
    for client, address in (
        (owner, edit),
        (owner, reverse("scenario-check")),
        (vendor, bid),
        (browser(), reverse("account_login")),
    ):
        page = raw(client, address, body)
        assert page.status_code == 413, address
        assert "提交的内容太大" in page.content.decode()
    big = SimpleUploadedFile("big.bin", b"\0" * (50 * MEBIBYTE))
    page = vendor.post(bid, posting.posted(scenario) | {"step": "submit", "files_price": big})
    assert page.status_code == 413
    assert posting.posted(scenario)["approach"] in page.content.decode()
    assert (Bid.objects.count(), Scenario.objects.count()) == (0, 2)


def test_a_file_on_a_form_that_takes_none_is_left_alone(draft):
    client, scenario, address = draft
    big = SimpleUploadedFile("big.bin", b"\0" * (50 * MEBIBYTE))
    assert client.post(address, posted(scenario) | {"file": big}).status_code < 500


def test_more_fields_than_any_form_has_are_refused(draft):
    client, _scenario, address = draft
    body = "&".join(f"f{number}=1" for number in range(2001)).encode()
    page = raw(client, address, body)
    assert page.status_code == 400
    assert "请求无法识别" in page.content.decode()


def test_row_counts_that_lie_do_no_harm(draft, challenge):
    owner, demand, edit = draft
    vendor, scenario, bid = challenge
    for count in ("-1", "999999999999999999999", "abc", "", "１"):
        page = owner.post(edit, posted(demand) | {"metrics-TOTAL_FORMS": count, "do": "check"})
        assert page.status_code in {302, 409, 422}
        page = vendor.post(bid, posting.posted(scenario) | {"team-TOTAL_FORMS": count})
        assert page.status_code in {200, 422}


# -- Markup in every text --------------------------------------------------------------------------
MARKUP = "<script>x()</script>{{7}}{% x %}"


def marked(value, *, skip=()):
    """The same content with markup at the end of every text; codes and figures stay."""
    if isinstance(value, dict):
        return {k: v if k in skip else marked(v, skip=skip) for k, v in value.items()}
    if isinstance(value, list):
        return [marked(item, skip=skip) for item in value]
    free = isinstance(value, str) and any(ord(sign) > 0x2E80 for sign in value)
    return f"{value}{MARKUP}" if free else value


class Marked(Content):
    """The demo's content as somebody would write it who wants to break our pages."""

    def scenario(self, code):
        plain = super().scenario(code)
        english = {"title_en": plain["title_en"] + MARKUP, "summary_en": "x" + MARKUP}
        return marked(plain) | english

    def bid(self, scenario, vendor):
        return marked(copy.deepcopy(super().bid(scenario, vendor)))

    def scores(self, scenario, expert, vendor):
        found = super().scores(scenario, expert, vendor)
        return {code: (points, words + MARKUP) for code, (points, words) in found.items()}


@pytest.mark.slow
def test_markup_is_text_on_every_page_that_shows_it(settings, clock):
    settings.DEMO = True
    content = Marked()
    people = load_people(content, "x")
    play = Play(content, people, "S15")
    later = site_clock.now() + timedelta(days=30)
    play.draft(profile="D", award_mode="owner_choice", deadline_at=later)
    seen = Pages(people, play)
    to_the_deadline(play, seen, later)
    clock.move(later - site_clock.now())
    play.wait_for_deadline()
    to_the_ranking(play, seen)
    seen.look("o5-owner", "decision", shows=True)
    play.decide("v10", reason=f"更合适{MARKUP}")
    seen.look("officer2", "publicity", shows=True)
    play.publicise(ends_at=site_clock.now() + timedelta(seconds=5))
    clock.move(timedelta(seconds=6))
    seen.look("officer", "award-confirm", shows=True)
    play.confirm_award()
    seen.everything()
    shown = {name for name, shows in seen.shown.items() if shows}
    assert shown >= {
        *("board", "scenario", "desk", "bid", "opening", "eligibility", "panel-desk", "sheet"),
        *("report", "decision", "publicity", "scenario-history", "scenario-gate"),
    }


def to_the_deadline(play, seen, later):
    seen.look("o5-editor", "scenario-edit", shows=True)
    play.submit()
    play.send_back(f"请补充{MARKUP}")
    seen.look("o5-owner", "scenario-edit", shows=True)
    play.submit()
    play.start_demonstration()
    seen.look("officer", "scenario-gate", shows=True)
    play.conclude_demonstration()
    seen.look("officer2", "scenario-publish", shows=True)
    play.publish(keyholders=["keyholder1", "keyholder2"], deadline_at=later)
    seen.look("v5", "bid-form", shows=True)
    for vendor in ("v5", "v10"):
        play.bid(vendor)
    seen.everything()


def to_the_ranking(play, seen):
    play.confirm(OpeningStage.FIRST, "keyholder1", "keyholder2")
    assert open_confirmed(bids.identity()) == 1
    seen.look("witness", "opening", shows=True)
    play.start_eligibility()
    play.check("v5")
    play.check("v10", failing="Q1", reason=f"证照不全{MARKUP}")
    seen.everything()
    play.check("v10")
    play.conclude_eligibility()
    experts = ["e2", "e4", "e9"]
    play.appoint(experts)
    play.score(SheetStage.TECHNICAL, experts, lock=False)
    seen.panel("e2")
    play.score(SheetStage.TECHNICAL, experts)
    play.score(SheetStage.NAMED, experts, lock=False)
    seen.panel("e4")
    play.score(SheetStage.NAMED, experts)
    play.confirm(OpeningStage.PRICE, "keyholder1", "keyholder2")
    assert open_confirmed(bids.identity()) == 1
    play.finish_review()


class Pages:
    """Every page for everybody: whether it shows the markup, and only as text."""

    ACTORS = (*("", "o5-owner", "officer", "secretary", "v10", "e2", "keyholder1", "inspector"),)
    BY_ADDRESS = (
        *("scenario", "scenario-history", "scenario-gate", "scenario-publish", "bid-form"),
        *("scenario-withdraw", "opening", "opening-live", "eligibility", "panel", "report"),
        *("decision", "publicity", "award-confirm"),
    )

    def __init__(self, people, play):
        self.people, self.play = people, play
        self.shown = {}
        self.clients = {
            local: browser(people.actor(local) if local else None) for local in self.ACTORS
        }

    def look(self, local, name, *, shows=False, args=None):
        if local not in self.clients:
            self.clients[local] = browser(self.people.actor(local))
        args = [self.play.scenario.address] if args is None else args
        answer = self.clients[local].get(reverse(name, args=args), follow=True)
        assert answer.status_code in {200, 403, 404}, (local, name, answer.status_code)
        if answer.status_code != 200 or "html" not in answer.headers["Content-Type"]:
            return
        text = b"".join(answer).decode()
        assert "<script>x()" not in text, (local, name)
        found = html.escape(MARKUP) in text
        self.shown[name] = self.shown.get(name, False) or found
        assert found or not shows, (local, name)

    def everything(self):
        scenario = self.play.scenario
        for local in self.ACTORS:
            for name in ("board", "goals", "desk"):
                self.look(local, name, args=[])
            for name in self.BY_ADDRESS:
                self.look(local, name)
            for row in Bid.objects.filter(scenario=scenario):
                self.look(local, "bid", args=[row.uid])

    def panel(self, expert):
        """What a judge sees while the sheets are open."""
        self.look(expert, "panel-desk", args=[self.play.scenario.panel.uid])
        self.look("secretary", "panel")
        sheets = Sheet.objects.filter(member__user=self.people.user(expert))
        for row in sheets:
            self.look(expert, "sheet", args=[row.uid], shows=True)


def test_markup_in_the_api_is_a_json_string():
    scenario = world.published_scenario(title=f"需求{MARKUP}")
    answer = Client().get(f"/api/v1/scenarios/{scenario.uid}/")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert MARKUP in json.dumps(answer.json(), ensure_ascii=False)
