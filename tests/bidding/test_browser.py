"""A bidder and the key holders in a real browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from marketplace.base.actor import Actor
from marketplace.bidding.models import Bid, BidState
from marketplace.bidding.opener import open_confirmed
from marketplace.ledger.log import sequencer
from tests import world
from tests.bidding import bids
from tests.bidding.posting import posted
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


def fill(page: Any, scenario: Any) -> None:
    for name, value in posted(scenario).items():
        if name.endswith("_FORMS"):
            continue
        field = page.locator(f'[name="{name}"]')
        if name == "accepts_terms":
            field.check()
        else:
            field.fill(str(value))


def test_check_keeps_the_chosen_files_and_submit_brings_the_receipt(
    site: str, browser: Any
) -> None:
    scenario, vendor = world.published_scenario(), world.vendor()
    page = signed_in(browser, site, vendor)
    page.goto(f"{site}/en/scenarios/{scenario.ref}/bid/")
    chosen = {"name": "plan.pdf", "mimeType": "application/pdf", "buffer": b"%PDF plan"}
    page.locator('[name="files_technical"]').set_input_files([chosen])
    page.locator('[name="risks"]').fill("kept")
    page.get_by_role("button", name="Check now").click()
    page.locator(".jb-summary").wait_for()
    assert page.locator('[name="risks"]').input_value() == "kept"
    assert page.locator('[name="files_technical"]').evaluate("e => e.files.length") == 1
    assert page.evaluate("document.activeElement.classList.contains('jb-summary')") is True

    fill(page, scenario)
    page.get_by_role("button", name="Check now").click()
    page.get_by_text("Nothing is missing").wait_for()
    assert "plan.pdf" in page.locator(".jb-notice.jb-good").inner_text()
    page.get_by_role("button", name="Seal and submit").click()
    page.locator(".jb-receipt").wait_for()
    bid = Bid.objects.get()
    assert page.url == f"{site}/en/bids/{bid.uid}/"
    assert page.broken == []
    page.context.close()


def test_without_scripts_the_form_works_as_well(site: str, browser: Any) -> None:
    scenario, vendor = world.published_scenario(), world.vendor()
    page = signed_in(browser, site, vendor, java_script_enabled=False)
    page.goto(f"{site}/en/scenarios/{scenario.ref}/bid/")
    fill(page, scenario)
    page.get_by_role("button", name="Seal and submit").click()
    assert page.url == f"{site}/en/bids/{Bid.objects.get().uid}/"
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
    watching.get_by_text("Download the record").wait_for()
    assert Bid.objects.get().state == BidState.OPENED
    assert watching.broken == []
    watching.context.close()
