"""An owner invites a colleague by the page; the letter brings her, with a new account, to the desk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from marketplace.accounts.models import Membership
from marketplace.base import queue
from tests import world
from tests.browser.pages import Reader
from tests.notices.smtp import Sink, served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ADDRESS, PASSWORD = "new@test.invalid", "a long battery of horses"
LANGUAGES = {"": "zh-hans", "/en": "en"}
CALLED = {"": "经办人", "/en": "Editor"}


@pytest.fixture
def readers(browser, site) -> Iterator[Callable[..., Reader]]:
    made: list[Reader] = []

    def open_one(name: str, language: str) -> Reader:
        made.append(Reader(browser, site, name, language))
        return made[-1]

    yield open_one
    complaints = [f"{reader.name}: {said}" for reader in made for said in reader.complaints]
    for reader in made:
        reader.close()
    assert complaints == []


def invite(reader: Reader, language: str) -> None:
    """From the desk to the members of one's own organisation, and the form at its end."""
    reader.page.click(".jb-account summary")
    reader.press(".jb-account-panel a[href*='/organisations/']")
    reader.press(".jb-tabs a[href$='/members/']", "**/members/")
    reader.fill({"email": ADDRESS, "language": LANGUAGES[language]}, form(reader))
    form(reader).locator("[name=role]").select_option("editor")
    with reader.page.expect_navigation():
        form(reader).locator("button[type=submit]").click()


def form(reader: Reader):
    return reader.page.locator("main form.jb-card")


def join(reader: Reader, link: str) -> None:
    """As somebody without an account, on an own computer."""
    reader.page.goto(link)
    reader.look("invitation")
    reader.fill({"name": "林新", "password": PASSWORD}, form(reader))
    with reader.page.expect_navigation(url=f"**{reader.language}/desk/"):
        form(reader).locator("button[type=submit]").click()
    reader.look("desk")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_colleague_comes_by_letter(readers, site, settings, language):
    owner = world.owner(name="临港示例公司", name_en="Example of Lingang")
    with served(Sink(), settings) as sink:
        settings.SITE_URL = site
        host = readers("owner", language)
        host.enter(owner.user)
        invite(host, language)
        assert host.page.locator(".jb-notice a[href*='/invitations/']").count() == 0
        queue.deliver_due()
    [letter] = sink.received
    assert letter["X-RcptTo"] == ADDRESS
    text = next(part for part in letter.walk() if part.get_content_type() == "text/plain")
    found = re.search(r"https?://\S+/invitations/\S+", text.get_payload(decode=True).decode())
    assert found
    link = found[0]
    assert link.startswith(f"{site}{language}/invitations/")

    guest = readers("colleague", language)
    join(guest, link)
    seat = Membership.objects.get(user__email=ADDRESS)
    assert (seat.organisation, seat.role) == (owner.organisation, "editor")
    # The owner finds her among the members, and the link serves nobody else.
    host.page.reload()
    assert CALLED[language] in host.page.locator(".jb-task", has_text="林新").inner_text()
    stranger = readers("stranger", language)
    with stranger.refused_with(410):
        stranger.page.goto(f"{site}{urlsplit(link).path}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_mail_server_the_link_is_shown_once(readers, settings, language):
    settings.EMAIL_HOST = ""
    owner = world.owner(name="临港示例公司", name_en="Example of Lingang")
    host = readers("owner", language)
    host.enter(owner.user)
    invite(host, language)
    shown = host.page.locator(".jb-notice a[href*='/invitations/']")
    link = shown.get_attribute("href")
    host.look("link")
    host.go(f"/organisations/{owner.organisation.uid}/members/")
    assert shown.count() == 0
    join(readers("colleague", language), link)
    assert Membership.objects.get(user__email=ADDRESS).organisation == owner.organisation
