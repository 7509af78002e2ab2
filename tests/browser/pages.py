"""One person at a browser of his own, who notices what a careful reader would notice.

Every page that is looked at is measured at two widths: nothing sticks out, axe finds nothing. With
BROWSER_SHOTS=folder in the environment a picture of each is kept there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Download, Locator, Page, Response

from marketplace.accounts.models import User
from tests import world

PHONE, DESKTOP, HEIGHT = 390, 1280, 900
SHOTS = os.environ.get("BROWSER_SHOTS", "")
WATCH_POLICY = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""
# A page says the same again when this is the same: countdowns go on, seconds are left out.
READING = """
() => {
  const copy = document.querySelector("main").cloneNode(true);
  for (const part of copy.querySelectorAll("[data-countdown], input[type=hidden]")) part.remove();
  return copy.textContent.replace(/\\s+/g, " ");
}
"""
# htmx asks nothing, and has wired what arrived: it does that some milliseconds after the swap.
SETTLED = """
() => !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")
"""
AXE = Axe()


class Reader:
    """A browser context with what went wrong in it. `language` is "" (Chinese) or "/en"."""

    def __init__(self, browser: Browser, site: str, name: str, language: str = "") -> None:
        self.site, self.name, self.language = site, name, language
        self.complaints: list[str] = []
        self.allowed: set[int] = set()
        self.shots = 0
        self.context = browser.new_context(
            viewport={"width": DESKTOP, "height": HEIGHT}, locale="zh-CN", accept_downloads=True
        )
        self.context.set_default_timeout(30_000)
        self.context.add_init_script(WATCH_POLICY)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("response", self._answered)

    def _heard(self, said: ConsoleMessage) -> None:
        # A refused request is judged by its status, in _answered.
        if said.type in {"error", "warning"} and "Failed to load resource" not in said.text:
            self.complaints.append(f"console: {said.text} at {self.page.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.allowed:
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")

    @contextmanager
    def refused_with(self, *statuses: int) -> Iterator[None]:
        """Inside, these answers are what is meant to happen, and at least one of them does.

        Afterwards the page shows it: the new document is there, or htmx has put it in its place.
        """
        self.allowed = set(statuses)
        self.page.evaluate("window.asking = true")
        with self.page.expect_event("response", lambda r: r.status in statuses) as caught:
            yield
        caught.value.finished()
        if caught.value.request.is_navigation_request():
            self.page.wait_for_function("() => !window.asking")
            self.page.wait_for_load_state()
        self.settled()
        self.allowed = set()

    def close(self) -> None:
        self.context.close()

    # -- going about -------------------------------------------------------------------------------
    def go(self, path: str) -> None:
        self.page.goto(f"{self.site}{self.language}{path}")

    def sign_in(self, user: User) -> None:
        """From the board by the button of the header; ends on the desk."""
        self.go("/")
        self.press(".jb-header-side a[href*='/accounts/login/']")
        self.page.fill("[name=login]", user.email)
        self.page.fill("[name=password]", world.PASSWORD)
        with self.page.expect_navigation():
            self.page.press("[name=password]", "Enter")
        self.desk()

    def enter(self, user: User) -> None:
        """On the desk with a session of this person's, whoever else signs in by the page."""
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        cookie = {"name": name, "value": client.cookies[name].value, "url": self.site}
        self.context.add_cookies([cookie])
        self.go("/desk/")

    def desk(self) -> None:
        self.press(".jb-nav a[href$='/desk/']", "**/desk/")

    def task(self, ending: str) -> None:
        """From the desk to the page of the task whose address ends so."""
        self.desk()
        self.press(f".jb-task a.btn[href$='{ending}']")

    def press(self, selector: str, then: str = "**") -> None:
        """Press what leads to another page, and wait for that."""
        with self.page.expect_navigation(url=then):
            self.page.click(selector)

    def send(self, selector: str) -> None:
        """Press a button that htmx answers in place."""
        with self.page.expect_response(lambda r: r.request.method == "POST"):
            self.page.click(selector)
        self.settled()

    def settled(self) -> None:
        self.page.wait_for_function(SETTLED)

    def download(self, selector: str) -> bytes:
        with self.page.expect_download() as caught:
            self.page.click(selector)
        done: Download = caught.value
        return Path(done.path()).read_bytes()

    # -- filling in --------------------------------------------------------------------------------
    def fill(self, values: Mapping[str, Any], within: Locator | None = None) -> None:
        """{name of the control: what to type, choose or tick}."""
        root = within or self.page.locator("main")
        for name, value in values.items():
            control = root.locator(f"[name='{name}']")
            kind = control.first.evaluate("control => control.type")
            if kind == "radio":
                root.locator(f"[name='{name}'][value='{value}']").check()
            elif kind == "checkbox" and isinstance(value, bool):
                control.set_checked(value)
            elif kind == "checkbox":
                for one in value:
                    root.locator(f"[name='{name}'][value='{one}']").check()
            elif kind == "select-one":
                control.select_option(value)
            else:
                control.fill(str(value))

    def fill_rows(self, part: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows of a formset, pressing its button for as many as it has too few."""
        box = self.page.locator(f"[data-formset={part}]")
        while box.locator("[data-formset-row]").count() < len(rows):
            box.locator("[data-formset-add]").click()
        for place, row in enumerate(rows):
            self.fill({f"{part}-{place}-{name}": value for name, value in row.items()}, box)

    # -- looking -----------------------------------------------------------------------------------
    def look(self, label: str, *, closely: bool = False) -> None:
        """A glance, and axe finds nothing: at the desktop's width, closely at the phone's too."""
        self.glance(label, check=(PHONE, DESKTOP) if closely else (DESKTOP,))

    def glance(self, label: str, check: Sequence[int] = ()) -> None:
        """At both widths nothing sticks out, below one main heading. Faults are told in the end."""
        if self.page.locator("h1").count() != 1:
            self.complaints.append(f"{label}: not one main heading")
        for width in (PHONE, DESKTOP):
            self.page.set_viewport_size({"width": width, "height": HEIGHT})
            if SHOTS:
                self.shots += 1
                name = f"{self.name}-{self.shots:02d}-{label}-{width}.png"
                self.page.screenshot(path=Path(SHOTS, name), full_page=True, caret="initial")
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                self.complaints.append(f"{label} at {width}: {wide} px wide")
            if width in check:
                self._check(f"{label} at {width}")

    def _check(self, label: str) -> None:
        for fault in AXE.run(self.page).response["violations"]:
            places = [node["html"][:200] for node in fault["nodes"]]
            self.complaints.append(f"{label}: {fault['id']} {places}")

    def reading(self) -> str:
        """What the page says, without what runs on by the second."""
        return re.sub(r"\d\d:\d\d:\d\d", "", self.page.evaluate(READING))

    def reload(self) -> None:
        """The same page again says the same."""
        before = self.reading()
        self.page.reload()
        assert self.reading() == before

    def there_and_back(self, selector: str) -> None:
        """Follow a link and come back by the browser's button: the same page as before."""
        url, before = self.page.url, self.reading()
        self.press(selector)
        self.page.go_back()
        self.page.wait_for_url(url)
        assert self.reading() == before

    def problems(self) -> list[str]:
        """The error summary's lines; each leads to a control that is there."""
        lines = self.page.locator(".jb-summary li")
        for link in lines.locator("a").all():
            anchor = link.get_attribute("href") or ""
            assert self.page.locator(f"[id='{anchor[1:]}']").count() == 1, anchor
        return lines.all_inner_texts()
