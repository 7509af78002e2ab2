"""A bidder and the key holders in a real browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pyrage
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import expect

from marketplace.base.actor import Actor
from marketplace.bidding.models import (
    Bid,
    BidState,
    BidVersion,
    OpenedEnvelope,
    SealedPackage,
)
from marketplace.bidding.opener import open_confirmed
from marketplace.ledger.log import sequencer
from marketplace.scenarios.models import EnvelopeKey
from tests import world
from tests.bidding import bidding_page, bids
from tests.browser.keys import hold_key

pytestmark = [pytest.mark.browser, pytest.mark.slow]
UserModel = get_user_model()


def signed_in(browser: Any, site: str, actor: Actor, **options: Any) -> Any:
    client = Client()
    client.force_login(actor.user)
    context = browser.new_context(**options)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    place = {"domain": urlsplit(site).hostname, "path": "/"}
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, **place}])
    page = context.new_page()
    page.broken = []
    page.on("pageerror", lambda error: page.broken.append(str(error)))
    page.on(
        "console",
        lambda line: page.broken.append(line.text) if "Content Security" in line.text else None,
    )
    return page


CANARY = "KANARIENVOGEL-"


def watch(page: Any) -> list[Any]:
    """Every request that the page makes, its body with it."""
    sent: list[Any] = []
    page.on("request", lambda one: sent.append((one.method, one.url, one.post_data_buffer or b"")))
    return sent


def opened_by_envelope(bid: Bid) -> dict[str, Any]:
    rows = OpenedEnvelope.objects.filter(sealed__version__bid=bid).select_related("sealed")
    return {row.sealed.envelope: row for row in rows}


def test_faults_are_told_at_once_and_nothing_is_lost(site: str, browser: Any) -> None:
    scenario, vendor = world.published_scenario(), world.vendor()
    page = signed_in(browser, site, vendor)
    bidding_page.open_page(page, site, scenario)
    # Everything that is missing, at once; what is chosen and typed stays.
    bidding_page.choose(page, "technical", plan_txt=b"plan")
    page.locator('[name="risks"]').fill("kept")
    bidding_page.press(page, "check")
    page.locator(".jb-summary").wait_for()
    expect(page.locator(".jb-summary")).to_be_focused()
    assert page.locator(".jb-summary li").count() > 12
    assert page.locator('[name="risks"]').input_value() == "kept"
    expect(page.locator("#id_total_cny_error")).not_to_be_empty()
    page.locator(".jb-summary a").first.click()
    expect(page.locator('[name="legal_representative"]')).to_be_focused()
    assert page.locator('[name="files_technical"]').evaluate("e => e.files.length") == 1
    assert page.broken == []
    page.context.close()


@pytest.mark.long
def test_a_bid_is_tried_sealed_revised_withdrawn_and_opened(
    site: str, browser: Any, clock: Any
) -> None:
    scenario, vendor = world.published_scenario(), world.vendor()
    page = signed_in(browser, site, vendor)
    sent = watch(page)
    bidding_page.open_page(page, site, scenario)
    body = (CANARY + "plan ").encode() * 60_000
    bidding_page.fill(page, scenario, risks=f"{CANARY}risks", note=f"{CANARY}note")
    bidding_page.choose(page, "technical", plan_txt=body, b_txt=CANARY.encode())
    bidding_page.press(page, "rehearse")
    page.get_by_text("every hash came back").wait_for()
    expect(page.get_by_text("came back the same")).to_have_count(5)
    # Nobody seals what was not looked at.
    bidding_page.press(page, "seal")
    page.get_by_text("Confirm first").wait_for()
    bidding_page.seal(page)
    bidding_page.submit(page)
    bid = Bid.objects.get()
    assert page.url == f"{site}/en/bids/{bid.uid}/"
    assert page.evaluate("localStorage.length") == 0

    # A revision, a withdrawal, and once more.
    bidding_page.open_page(page, site, scenario)
    # The last version's answers stand there again; its files are to be chosen anew.
    page.get_by_text("answers of your last submission").wait_for()
    assert page.get_by_text("(plan.txt, b.txt)").count() == 1
    assert page.locator('[name="risks"]').input_value() == f"{CANARY}risks"
    assert page.locator('[name="plan-1-result"]').input_value() == "验收"
    assert page.locator('[name="accepts_terms"]').is_checked()
    page.locator('[name="risks"]').fill(f"{CANARY}second")
    bidding_page.seal(page)
    bidding_page.submit(page)
    page.locator("details.jb-confirm summary").click()
    page.locator("details.jb-confirm button[type=submit]").click()
    page.get_by_text("The bid is withdrawn").first.wait_for()
    bidding_page.open_page(page, site, scenario)
    bidding_page.fill(page, scenario, risks=f"{CANARY}third")
    bidding_page.choose(page, "technical", plan_txt=body)
    bidding_page.seal(page)
    bidding_page.submit(page)
    assert BidVersion.objects.count() == 4
    assert page.broken == []
    page.context.close()
    assert sum(method == "PATCH" for method, _url, _body in sent) >= 9
    assert [url for _method, url, raw in sent if CANARY.encode() in raw] == []

    bids.open_first(scenario, clock)
    opened = opened_by_envelope(bid)
    assert opened["technical"].form["risks"] == f"{CANARY}third"
    assert opened["business"].form == bids.forms()["business"]
    assert [(file.name, file.size) for file in opened["technical"].files.all()] == [
        ("plan.txt", len(body))
    ]
    bid.refresh_from_db()
    assert bid.state == BidState.OPENED


def test_what_is_sealed_and_typed_outlives_the_page(site: str, browser: Any) -> None:
    scenario, vendor = world.published_scenario(), world.vendor()
    page = signed_in(browser, site, vendor)
    bidding_page.open_page(page, site, scenario)
    bidding_page.fill(page, scenario)
    bidding_page.choose(page, "price", b_bin=bytes(3_000_000))
    bidding_page.seal(page)
    page.locator("form[data-kept]").wait_for()
    # The connection goes on the way, the window is closed, the server answers again.
    page.route("**/api/v1/packages/**", lambda route: route.abort())
    bidding_page.press(page, "submit")
    page.locator("[data-seal-submitted] .jb-bad").wait_for()
    page.unroute("**/api/v1/packages/**")
    page.reload()
    page.locator("form[data-seal][data-awake]").wait_for()
    assert page.locator('[name="risks"]').input_value() == bids.forms()["technical"]["risks"]
    assert page.locator('[name="plan-1-result"]').input_value() == "验收"
    page.get_by_text("of an earlier visit").wait_for()
    asked = watch(page)
    bidding_page.submit(page)
    # What had arrived was not sent again.
    assert [url for method, url, _body in asked if method == "PATCH"] == []
    assert (BidVersion.objects.count(), SealedPackage.objects.count()) == (1, 1)
    assert page.broken == []
    page.context.close()


def test_discarding_and_forgetting_leave_nothing(site: str, browser: Any) -> None:
    scenario, vendor = world.published_scenario(), world.vendor()
    page = signed_in(browser, site, vendor)
    bidding_page.open_page(page, site, scenario)
    bidding_page.fill(page, scenario)
    bidding_page.seal(page)
    page.locator("[data-seal-discard]").click()
    page.get_by_text("are gone from this browser").wait_for()
    expect(page.locator('[data-seal-do="submit"]')).to_be_disabled()
    page.locator("[data-seal-forget-draft]").click()
    page.get_by_text("The draft is gone").wait_for()
    assert page.evaluate("localStorage.length") == 0
    page.reload()
    page.locator("form[data-seal][data-awake]").wait_for()
    assert page.locator('[name="risks"]').input_value() == ""
    page.context.close()


def test_recipients_other_than_the_announced_are_refused(site: str, browser: Any) -> None:
    """The log says which keys were published; a page that shows others is not believed."""
    scenario, vendor = world.published_scenario(), world.vendor()
    world.announce(scenario)
    sequencer.seal_batch()
    page = signed_in(browser, site, vendor)
    bidding_page.open_page(page, site, scenario)
    page.get_by_text("are those that the log announced").wait_for()
    shown = EnvelopeKey.objects.get(scenario=scenario, envelope="price").recipient
    other = str(pyrage.x25519.Identity.generate().to_public())

    def lie(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace(shown, other))

    page.route("**/bid/", lie)
    bidding_page.open_page(page, site, scenario)
    bidding_page.fill(page, scenario)
    bidding_page.press(page, "check")
    page.locator("[data-seal-checked] .jb-good").wait_for()
    page.locator("[data-seal-confirm]").check()
    bidding_page.press(page, "seal")
    refusal = page.locator("[data-seal-sealed] .jb-bad")
    expect(refusal).to_contain_text("not those that the log announced")
    page.context.close()


def test_without_scripts_the_page_says_what_it_needs(site: str, browser: Any) -> None:
    scenario, vendor = world.published_scenario(), world.vendor()
    page = signed_in(browser, site, vendor, java_script_enabled=False)
    page.goto(f"{site}/en/scenarios/{scenario.ref}/bid/")
    expect(page.get_by_text("nothing readable may reach the server")).to_be_visible()
    expect(page.locator('[name="risks"]')).to_be_hidden()
    page.context.close()


def test_the_opening_moves_by_itself(site: str, browser: Any, clock: Any) -> None:
    scenario, vendor = world.published_scenario(), world.vendor()
    bids.bid(scenario, vendor)
    bids.close(scenario, clock)
    sequencer.seal_batch()
    one, other = world.key_holder_actors(scenario)
    watching = signed_in(browser, site, vendor)
    watching.goto(f"{site}/en/scenarios/{scenario.ref}/opening/")
    for holder in (one, other):
        page = signed_in(browser, site, holder)
        hold_key(page, holder.person)
        page.goto(f"{site}/en/scenarios/{scenario.ref}/opening/")
        page.get_by_role("button", name="Confirm with my security key").click()
        page.get_by_text("Your confirmation is recorded").wait_for()
        page.context.close()
    watching.get_by_text("2 / 2").wait_for()
    assert open_confirmed(bids.identity()) == 1
    watching.get_by_text("Signed record (JSON)").wait_for()
    assert Bid.objects.get().state == BidState.OPENED
    assert watching.broken == []
    watching.context.close()
