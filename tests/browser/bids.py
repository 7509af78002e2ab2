"""Bids under seal and their opening: three vendors, two key holders."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import expect

from marketplace.base import clock as server_clock
from marketplace.base import queue
from marketplace.ledger import receipts
from marketplace.ledger.log import sequencer
from marketplace.ledger.verify import verify
from marketplace.scenarios import sweeps
from marketplace.scenarios.queries import closes_at
from tests.browser import cast as typed
from tests.browser.pages import Reader
from tests.browser.walk import Walk
from tests.conftest import Clock


def bid_under_seal(walk: Walk) -> list[Reader]:
    names = ("甲", "乙", "丙")
    vendors = [
        walk.person(f"vendor{place + 1}", user, "/en" if place == 1 else "")
        for place, user in enumerate(walk.cast.vendors)
    ]
    leader, other, third = vendors
    leader.look("desk-vendor")
    to_bid_form(leader)
    leader.look("bid-form", closely=True)
    leader.page.set_input_files("[name=files_technical]", typed.ANNEX)
    leader.page.click("[data-seal-do=check]")
    leader.page.wait_for_selector(".jb-summary:not([hidden])")
    assert len(leader.problems()) > 12
    leader.look("bid-refused")
    fill_bid(leader, names[0], 990_000, "99.1")
    # Scripts cannot see a file's place on disk; the choice itself survives the refusal.
    assert (
        leader.page.evaluate("document.querySelector('[name=files_technical]').files.length") == 1
    )
    leader.page.set_input_files("[name=files_business]", typed.LICENCE)
    seal(leader)
    leader.look("bid-sealed", closely=True)
    leader.press("[data-seal-do=submit]", "**/bids/**")
    leader.look("bid")
    leader.reload()
    check_receipt(leader)
    for reader, name, total in ((other, names[1], 880_000), (third, names[2], 700_000)):
        to_bid_form(reader)
        fill_bid(reader, name, total)
        seal(reader)
        reader.press("[data-seal-do=submit]", "**/bids/**")
    other.glance("bid-en")
    revise(leader, names[0])
    third.page.click("details.jb-confirm summary")
    third.look("bid-withdraw")
    third.press("details.jb-confirm button[type=submit]")
    assert third.page.locator("main tbody tr").count() == 2
    third.glance("bid-withdrawn")
    leader.desk()
    leader.look("desk-bid-sealed", closely=True)
    # Nobody else learns of any of this.
    walk.visitor.go(walk.base)
    assert "甲安" not in walk.visitor.reading()
    return vendors


def to_bid_form(reader: Reader) -> None:
    reader.press(".jb-nav li:first-child a")
    reader.press(".jb-entry a")
    reader.press("a.pub-act", "**/bid/")
    reader.page.wait_for_selector("form[data-seal][data-awake]")


def fill_bid(reader: Reader, name: str, *given: Any) -> None:
    reader.fill(typed.bid(name, *given))
    for part, rows in typed.bid_rows(name).items():
        reader.fill_rows(part, rows)


def seal(reader: Reader) -> None:
    reader.page.click("[data-seal-do=check]")
    reader.page.wait_for_selector("[data-seal-checked] .jb-good")
    reader.page.check("[data-seal-confirm]")
    reader.page.click("[data-seal-do=seal]")
    reader.page.wait_for_selector("[data-seal-sealed] .jb-good li")


def check_receipt(vendor: Reader) -> None:
    """The file holds by the offline script and on the page."""
    raw = vendor.download("main tbody a[download]")
    said = verify(json.loads(raw), published_key=receipts.public_key_text())
    assert (said["type"], said["version"]) == ("jiebang-receipt/1/bid-submitted", 1)
    vendor.press("main a[href$='/verify/']")
    vendor.glance("verify")
    file = {"name": "receipt.json", "mimeType": "application/json", "buffer": raw}
    vendor.page.set_input_files("[name=file]", file)
    # By the page's own script, at once; the proof is not in the receipt yet.
    expect(vendor.page.locator("[data-verify-lines] li")).to_have_count(8)
    expect(vendor.page.locator(".pub-check-held")).to_have_count(5)
    expect(vendor.page.locator(".pub-check-failed")).to_have_count(0)
    vendor.look("verify-holds")


def revise(vendor: Reader, name: str) -> None:
    """From the desk to the bid and to its form again: a new version in the place of the first."""
    vendor.desk()
    vendor.press(".jb-task a[href*='/bids/']")
    vendor.press("main a.btn[href$='/bid/']", "**/bid/")
    vendor.page.wait_for_selector("form[data-seal][data-awake]")
    fill_bid(vendor, name, 960_000, "99.1")
    vendor.page.set_input_files("[name=files_technical]", typed.ANNEX)
    seal(vendor)
    vendor.press("[data-seal-do=submit]", "**/bids/**")
    assert vendor.page.locator("main tbody tr").count() == 2
    vendor.glance("bid-revised")


# -- Opening ---------------------------------------------------------------------------------------
def close_and_open(walk: Walk, clock: Clock) -> list[Reader]:
    clock.move(closes_at(walk.scenario) - server_clock.now())
    sweeps.close_due()
    queue.deliver_due()
    sequencer.seal_batch()
    holders = [
        walk.person(f"holder{place + 1}", user) for place, user in enumerate(walk.cast.holders)
    ]
    for holder in holders:
        holder.task("/opening/")
    holders[0].look("opening-asked")
    confirm_opening(holders)
    holders[0].glance("opening-done")
    assert holders[0].page.locator("#opening-live tbody tr").count() == 2
    record = json.loads(holders[0].download("#opening-live a[download][href$='.json']"))
    assert len(record["receipt"]["bids"]) == 2
    walk.visitor.go(walk.base)
    walk.visitor.glance("scenario-opened")
    return holders


def confirm_opening(holders: list[Reader]) -> None:
    """The first waits and watches; the second's confirmation shows him the result by itself."""
    first, second = holders
    done = first.page.locator("#opening-live a[download]").count()
    first.press("main form button")
    first.glance(f"opening-waits-{done}")
    first.page.evaluate("window.neverReloaded = true")
    second.press("main form button")
    first.page.wait_for_function(
        "done => document.querySelectorAll('#opening-live a[download]').length > done", arg=done
    )
    assert first.page.evaluate("window.neverReloaded") is True
    second.page.reload()
    second.reload()
