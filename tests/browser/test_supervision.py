"""The pages of supervision in a browser: both languages, both widths, and axe finds nothing."""

from datetime import timedelta

import pytest
from django.urls import reverse

from marketplace.base import clock
from marketplace.base.actor import Role
from marketplace.supervision.actions import answer_tip, register_approach, send_tip
from marketplace.supervision.models import Tip
from tests import world
from tests.accounts.test_pledges import fresh
from tests.browser.pages import Reader
from tests.supervision.test_inspections import ask, reviewed

pytestmark = pytest.mark.browser


@pytest.fixture
def reader(browser, site):
    made = Reader(browser, site, "supervision")
    yield made
    made.close()
    assert made.complaints == []


def look(reader, name, args=()):
    """One page: in Chinese with axe, in English that nothing sticks out."""
    address = reverse(name, args=args)
    reader.language = ""
    reader.go(address)
    reader.look(name)
    reader.language = "/en"
    reader.go(address)
    reader.glance(f"{name}-en")
    reader.language = ""


@pytest.mark.slow
def test_an_inspector_s_pages(reader):
    inspector, now = world.person(Role.INSPECTOR), clock.now()
    scenario, _parts = reviewed()
    made = ask(inspector, now, until_at=now + timedelta(days=3))
    ask(inspector, now, until_at=now + timedelta(days=3), from_at=now + timedelta(days=1))
    register_approach(
        actor=world.officer(),
        who="王某，某单位负责人",
        happened_at=now,
        what="来电请求在评审中予以关照。",
        scenario_uid=scenario.uid,
    )
    send_tip(text="某揭榜方的申报材料由他人代写，另一家单位的文件出自同一人之手。")
    tip = Tip.objects.get()
    answer_tip(actor=inspector, tip_uid=tip.uid, text="已收到，正在核查。")
    reader.enter(inspector.person)
    for name in ("desk", "inspections", "inspection-new", "approaches", "tip-inbox", "pledges"):
        look(reader, name)
    look(reader, "eligibility", [scenario.address])
    look(reader, "inspection", [made.uid])
    look(reader, "tip", [tip.uid])


def test_a_visitor_s_tip_and_its_answer(reader):
    look(reader, "tips")
    look(reader, "tip-answer")
    reader.go(reverse("tips"))
    reader.fill({"text": "一条举报。"})
    reader.press("main form button.btn-primary")
    number, secret = reader.page.locator("main dd").all_inner_texts()
    reader.press("main a[href$='/tips/answer/']")
    reader.fill({"number": number, "secret": secret})
    reader.press("main form button.btn-primary")
    assert number in reader.page.locator("main").inner_text()


def test_a_new_expert_signs_before_anything_else(reader):
    reader.enter(fresh(Role.EXPERT).person)
    look(reader, "pledges")
    reader.desk()
    reader.press(".jb-notice a.btn-primary", "**/pledges/")
    for _ in range(2):
        reader.press("main form button.btn-primary")
    reader.page.wait_for_url("**/desk/")
    assert reader.page.locator("main .jb-notice.jb-warn").count() == 0
    reader.press("main a[href$='/pledges/']", "**/pledges/")
    reader.press("#signed + ul li:first-child a")
    assert "SHA-256" in reader.page.locator("main").inner_text()
    reader.look("pledge")


@pytest.mark.parametrize("role", [Role.WITNESS, Role.COMPLAINTS, Role.EVALUATOR])
def test_the_other_desks(reader, role):
    reader.enter(world.person(role).person)
    look(reader, "desk")
