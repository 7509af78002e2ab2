"""Odd signs, addresses that lead nowhere, forged and too large: told in words, no fault of ours."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from marketplace.bidding.models import Bid
from marketplace.scenarios import actions
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.scenarios import typed
from tests.scenarios.test_pages import posted
from tests.web.asking import browser, faults, url

NOBODY = "00000000-0000-4000-8000-000000000000"  # fixed: every test process names its tests alike
MEBIBYTE = 1024 * 1024
pytestmark = pytest.mark.django_db


# -- Signs that cannot be kept, addresses that lead nowhere ----------------------------------------
ODD = [b"a%00b", b"%ED%A0%80", b"%FF%FE", b"%E2%80%AEabc", b"%F4%8F%BF%BF", b"%0D%0Aevil%3A1"]


def raw(client, address, body):
    return client.post(address, body, content_type="application/x-www-form-urlencoded")


@pytest.mark.parametrize("odd", ODD)
def test_odd_signs_break_no_form(draft, odd):
    owner, _demand, edit = draft
    officer = browser(world.officer())
    waiting = world.draft_scenario(world.owner(), state=State.SUBMITTED)
    attempts = [
        (owner, edit, b"title"),
        (owner, edit, b"metrics-TOTAL_FORMS"),
        (owner, reverse("scenario-check"), b"need"),
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


def test_nothing_readable_of_a_bid_is_taken_by_its_page(challenge):
    client, _scenario, address = challenge
    for sent in ({"step": "submit"}, {"step": "check", "risks": "风险"}):
        assert client.post(address, sent).status_code == 405
    assert Bid.objects.count() == 0


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


def test_fifty_mebibytes_are_413_on_every_form(draft):
    owner, _demand, edit = draft
    body = b"need=" + b"x" * (50 * MEBIBYTE)
    for client, address in (
        (owner, edit),
        (owner, reverse("scenario-check")),
        (browser(), reverse("account_login")),
    ):
        page = raw(client, address, body)
        assert page.status_code == 413, address
        assert "提交的内容太大" in page.content.decode()
    assert Scenario.objects.count() == 1


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


def test_row_counts_that_lie_do_no_harm(draft):
    owner, demand, edit = draft
    for count in ("-1", "999999999999999999999", "abc", "", "１"):
        page = owner.post(edit, posted(demand) | {"metrics-TOTAL_FORMS": count, "do": "check"})
        assert page.status_code in {302, 409, 422}
