"""In a real browser, what follows a publication: change, question, file, standstill, another round."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from marketplace.base.actor import Actor
from marketplace.scenarios.actions import close_scenario
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.browser.pages import Reader
from tests.notices.steps import deliver
from tests.scenarios.files import published_files, until

pytestmark = pytest.mark.usefixtures("own_storage")
SEND = "main form .jb-actions .btn-primary"


@pytest.fixture
def enter(browser, site) -> Iterator[Callable[[str, Actor], Reader]]:
    made: list[Reader] = []

    def one(name: str, actor: Actor) -> Reader:
        made.append(Reader(browser, site, name, "/en"))
        made[-1].enter(actor.user)
        return made[-1]

    yield one
    complaints = [f"{reader.name}: {said}" for reader in made for said in reader.complaints]
    for reader in made:
        reader.close()
    assert complaints == []


@pytest.mark.browser
def test_from_a_change_to_another_round(enter, clock):
    owner_actor, scenario, _public, restricted = published_files()
    vendor_actor, stranger = world.vendor(), world.vendor()
    home = f"/scenarios/{scenario.address}/"
    owner, officer = enter("owner", owner_actor), enter("officer", world.officer())
    vendor, other = enter("vendor", vendor_actor), enter("other", stranger)

    # A change: drafted by the owner, published by an officer, read by everybody as a difference.
    owner.go(f"{home}amend/")
    owner.fill({"reason": "说明不够清楚。", "need": "检出率须可测量，并可复算。"})
    owner.press(SEND, "**/amendments/")
    officer.go(f"{home}amendments/")
    officer.press("button[value=publish]")
    other.go(f"{home}amendments/")
    expect(other.page.locator("#amendment-1 ins").first).to_be_visible()

    # A question under a pseudonym; the answer to everybody.
    vendor.go(f"{home}questions/")
    vendor.fill({"text": "样本由谁提供？"})
    vendor.press("section:has(#ask) button[type=submit]")
    owner.go(f"{home}questions/")
    owner.page.locator("section:has(#answer) [name=questions]").check()
    owner.fill({"text": "由需求方提供。"})
    owner.press("section:has(#answer) button[type=submit]")
    other.go(f"{home}questions/")
    expect(other.page.locator("main")).to_contain_text("由需求方提供。")
    assert vendor_actor.party.name not in other.page.content()

    # A restricted file for one reader, who undertakes to keep it; nobody else gets it.
    owner.go(f"{home}files/{restricted.uid}/readers/")
    owner.fill({"organisation": str(vendor_actor.party.uid), "until_date": f"{until():%F}"})
    owner.press(SEND)
    vendor.go(home)
    vendor.press(f"a[href$='{restricted.uid}/undertaking/']")
    file = vendor.download("main form.jb-actions .btn-primary")
    assert file.startswith(b"%PDF")
    other.go(home)
    assert other.page.locator(f"a[href*='{restricted.uid}']").count() == 0

    # A standstill, for everybody to see, and its end.
    officer.go(f"{home}standstill/")
    officer.fill({"reason": "异议待核实。"})
    officer.press("main form .jb-actions button[type=submit]")
    other.go(home)
    expect(other.page.locator("main")).to_contain_text("异议待核实。")
    officer.go(f"{home}standstill/")
    officer.fill({"reason": "已核实。"})
    officer.press(SEND)

    # Nobody bids: it fails in the open, and its owner lists it anew with what was changed.
    scenario.refresh_from_db()
    clock.freeze(scenario.deadline_at + timedelta(days=1))
    close_scenario(scenario_uid=scenario.uid)
    deliver()
    other.go(home)
    expect(other.page.locator("main")).to_contain_text("No bid stood at the deadline.")
    owner.go(f"{home}relist/")
    owner.press(SEND)
    draft = Scenario.objects.get(root=scenario)
    assert (draft.state, draft.need) == (State.DRAFT, "检出率须可测量，并可复算。")
