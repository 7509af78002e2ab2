"""The page that bids, as a bidder goes through it in a browser."""

from __future__ import annotations

from typing import Any

from tests.bidding.posting import posted


def open_page(page: Any, site: str, scenario: Any, language: str = "/en") -> None:
    page.goto(f"{site}{language}/scenarios/{scenario.ref}/bid/")
    page.locator("form[data-seal][data-awake]").wait_for()


def fill(page: Any, scenario: Any, **changes: Any) -> None:
    for name, value in posted(scenario, **changes).items():
        if name.endswith("_FORMS"):
            continue
        field = page.locator(f'[name="{name}"]')
        if name == "accepts_terms":
            field.check()
        else:
            field.fill(str(value))


def choose(page: Any, envelope: str, **files: bytes) -> None:
    chosen = [
        {"name": name.replace("_", "."), "mimeType": "application/octet-stream", "buffer": body}
        for name, body in files.items()
    ]
    page.locator(f'[name="files_{envelope}"]').set_input_files(chosen)


def press(page: Any, deed: str) -> None:
    page.locator(f'[data-seal-do="{deed}"]').click()


def seal(page: Any) -> None:
    """Check, confirm and seal what is filled in."""
    press(page, "check")
    page.locator("[data-seal-checked] .jb-good").wait_for()
    page.locator("[data-seal-confirm]").check()
    press(page, "seal")
    page.locator("[data-seal-sealed] .jb-good li").first.wait_for()


def submit(page: Any) -> None:
    """Until the receipt's page is there."""
    press(page, "submit")
    page.locator(".jb-receipt").wait_for()
