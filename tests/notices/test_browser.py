"""The counter, the inbox and the choices in a real browser, in both languages and at two widths."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import translation

from marketplace.base.clock import SHANGHAI
from marketplace.bidding.models import Bid
from marketplace.notices import actions, reminders
from marketplace.notices.mail import digest_message, token_for
from marketplace.notices.models import Digest, MailRefusal
from marketplace.notices.queries import inbox, lines
from marketplace.scenarios.models import State
from tests import world
from tests.browser.pages import Reader
from tests.notices.steps import deliver, happen

pytestmark = pytest.mark.browser
MORNING = datetime(2026, 11, 25, 9, 0, tzinfo=SHANGHAI)
SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@transaction.atomic
def returned(owner):
    scenario = world.draft_scenario(
        owner, state=State.RETURNED, title="工控流量异常检测", title_en="OT anomaly detection"
    )
    happen("scenario.returned", scenario)


def reminded(vendor, clock):
    """A bid whose deadline is today."""
    clock.freeze(MORNING - timedelta(days=5))
    scenario = world.published_scenario(
        deadline_at=MORNING + timedelta(hours=8),
        title="跨境支付隐私求交",
        title_en="Cross-border payment PSI",
    )
    Bid.objects.create(scenario=scenario, organisation=vendor.organisation)
    clock.freeze(MORNING)
    reminders.send_due()


@pytest.fixture
def read(browser, site):
    made = []

    def reader(name, language=""):
        made.append(Reader(browser, site, f"notices-{name}", language))
        return made[-1]

    yield reader
    for one in made:
        one.close()
        assert one.complaints == []


def test_the_counter_comes_by_itself_and_moves_nothing(read, clock):
    owner = world.owner(is_vendor=True)
    returned(owner)
    deliver()
    reader = read("counter", "/en")
    reader.context.add_init_script(SHIFTS)
    reader.enter(owner.user)
    page = reader.page
    page.wait_for_selector(".jb-unread-number >> text=1")
    assert page.evaluate("window.shifted") < 0.001
    assert page.get_by_role("status").get_by_role("link").inner_text().split() == [
        "Messages",
        "1",
        "1",
        "unread",
    ]
    returned(owner)
    deliver()
    reader.settled()
    with page.expect_response("**/notices/unread/**") as changed:
        page.evaluate("window.dispatchEvent(new Event('focus'))")
    page.wait_for_selector(".jb-unread-number >> text=2")
    reader.settled()
    with page.expect_response("**/notices/unread/**") as same:
        page.evaluate("window.dispatchEvent(new Event('focus'))")
    reader.settled()
    assert (changed.value.status, same.value.status) == (200, 304)
    assert page.locator(".jb-unread-number").inner_text() == "2"
    assert page.evaluate("window.shifted") < 0.001
    # Signed out in another window: the counter stops asking and breaks nothing.
    reader.context.clear_cookies()
    with page.expect_response("**/notices/unread/**") as ended:
        page.evaluate("window.dispatchEvent(new Event('focus'))")
    reader.settled()
    assert ended.value.status == 286
    assert page.locator("#unread a").count() == 1


@pytest.mark.parametrize("language", ["", "/en"])
def test_inbox_choices_and_the_link_of_a_mail_read_well(read, clock, settings, language):
    owner = world.owner(is_vendor=True)
    returned(owner)
    deliver()
    reminded(owner, clock)
    settings.EMAIL_HOST = "mail.test"
    reader = read(f"pages{language[1:]}", language)
    reader.enter(owner.user)
    page = reader.page
    page.click(".jb-unread-link")
    page.wait_for_url("**/desk/notices/")
    assert page.locator(".jb-task").count() == 2
    reader.look("inbox", closely=True)
    MailRefusal.objects.create(
        user=owner.user,
        email=owner.user.email,
        code=550,
        answer="5.1.1 The mailbox you tried to reach does not exist",
        refused_at=MORNING,
    )
    reader.press("main a[href$='/accounts/notices/']")
    reader.look("choices", closely=True)
    reader.fill({"demands": "daily", "reminders": "inbox"})
    reader.press("main form[data-guard] button[type=submit]")
    assert page.locator("[name=reminders][value=inbox]").is_checked()
    assert page.locator("[name=awards][value=inbox]").count() == 0
    stranger = read(f"stop{language[1:]}", language)
    stranger.go(f"/accounts/notices/stop/{token_for(owner.user, 'demands')}/")
    stranger.look("asked", closely=True)
    stranger.press("main form button")
    stranger.look("stopped")
    reader.reload()
    assert page.locator("[name=demands][value=inbox]").is_checked()
    digest = Digest(user=owner.user, day=MORNING.date())
    with translation.override("en" if language else "zh-hans"):
        mail = digest_message(digest, lines(owner.user, inbox(owner)))
    [(html, _type)] = mail.alternatives
    page.set_content(html)
    assert page.locator("li a").count() == 2
    page.evaluate("document.body.insertAdjacentHTML('afterbegin', '<h1>mail</h1>')")
    reader.glance("digest")


def test_the_office_sees_who_cannot_be_reached(read, clock):
    officer, owner = world.officer(), world.owner()
    MailRefusal.objects.create(
        user=owner.user, email=owner.user.email, code=550, answer="no", refused_at=MORNING
    )
    reader = read("office", "/en")
    reader.enter(officer.user)
    reader.go("/desk/notices/refused/")
    reader.look("refused", closely=True)
    assert owner.user.email in reader.page.locator("main").inner_text()
    assert actions.mark_all_read(actor=officer) == 0
