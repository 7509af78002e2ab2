"""Eligibility, panel, sheets and prices: secretary, five experts, the key holders again."""

from __future__ import annotations

import time
from decimal import Decimal

from marketplace.committee.draw.models import Draw, DrawState
from marketplace.ledger.log import sequencer
from tests.browser.bids import confirm_opening
from tests.browser.pages import Reader
from tests.browser.walk import Walk

# Points by stage: for the bid that promises more, and for the other. Who is B01 is drawn.
POINTS = {"technical": (("47", "17"), ("40", "15")), "named": (("13",), ("11",))}


# -- Eligibility -----------------------------------------------------------------------------------
def check_eligibility(walk: Walk) -> Reader:
    secretary = walk.person("secretary", walk.cast.secretary)
    secretary.task("/eligibility/")
    secretary.look("eligibility")
    secretary.press("main form button")
    secretary.task("/eligibility/")
    forms = secretary.page.locator("#eligibility-live form[hx-post]")
    assert forms.count() == 4
    with secretary.refused_with(422):
        forms.first.locator("[name=verdict][value=fail]").check()
        forms.first.locator("button").click()
    secretary.glance("eligibility-reason-missing")
    for place in range(4):
        forms.nth(place).locator("[name=verdict][value=pass]").check()
        secretary.send(f"#eligibility-live form[hx-post] >> nth={place} >> button")
    secretary.page.click("details.jb-confirm summary")
    secretary.look("eligibility-concluding")
    secretary.press("details.jb-confirm button[type=submit]")
    secretary.glance("eligibility-concluded")
    return secretary


def draw_panel(walk: Walk, secretary: Reader) -> None:
    """Seats, a nonce of each made in the browser, the list; then the log and the opener."""
    secretary.task("/draw/")
    secretary.look("draw-seats")
    secretary.fill({"seats-ot_security": "5"})
    secretary.press("main form:has([value=prepare]) button")
    witness = walk.person("witness", walk.cast.witness)
    witness.task("/draw/")
    witness.look("draw-witness")
    for reader in (witness, secretary):
        reader.press("form[data-nonce] button")
    secretary.look("draw-deposited")
    secretary.press("main form:has([value=commit]) button")
    secretary.glance("draw-committed")
    sequencer.seal_batch()
    ends = time.monotonic() + 120
    while not Draw.objects.filter(state=DrawState.DRAWN).exists():  # by the opener's process
        assert time.monotonic() < ends, "the opener has not drawn"
        time.sleep(0.2)
    secretary.page.reload()
    secretary.look("draw-invitations", closely=True)


# -- Review ----------------------------------------------------------------------------------------
def score_all(walk: Walk, secretary: Reader, holders: list[Reader]) -> None:
    draw_panel(walk, secretary)
    experts = [
        walk.person(f"expert{place + 1}", user, "/en" if place == 1 else "")
        for place, user in enumerate(walk.cast.experts)
    ]
    for expert in experts:
        expert.task("/")
        if expert is experts[0]:
            expert.look("invitation", closely=True)
        expert.press("main form button[value=accepted]")
        if expert is experts[0]:
            expert.look("invitation-answered")
        expert.desk()
        expert.press(".jb-task a.btn")
        if expert is experts[0]:
            expert.look("declare")
        expert.fill({"free": "yes"})
        expert.press("main form button")
    experts[0].glance("seat-waiting")
    secretary.task("/panel/")
    secretary.press("main form:has([value=start]) button")
    for stage in ("technical", "named"):
        for expert in experts:
            if stage == "named":
                declare_again(expert, looks=expert is experts[1])
            looks, reasons = expert is experts[stage == "named"], expert in experts[:2]
            score(expert, stage, looks=looks, reasons=reasons)
        secretary.page.reload()
        secretary.glance(f"panel-after-{stage}")
    sequencer.seal_batch()
    for holder in holders:
        holder.task("/opening/")
    confirm_opening(holders)
    holders[0].glance("prices-open")
    secretary.task("/panel/")
    secretary.look("panel-finish")
    secretary.press("main form:has([value=finish]) button")
    secretary.press("main a[href$='/report/']")
    secretary.look("report")
    sign_all(experts)


def sign_all(experts: list[Reader]) -> None:
    for expert in experts:
        expert.desk()
        expert.press(".jb-task a.btn")
        if expert is experts[0]:
            expert.look("report-to-sign", closely=True)
        expert.fill({"word": "signed"})
        expert.press("main form button")
    experts[0].look("report-signed")


def declare_again(expert: Reader, *, looks: bool) -> None:
    """Who bid in fact, and the second declaration."""
    expert.desk()
    expert.press(".jb-task a.btn")
    if looks:
        expert.look("declare-again", closely=True)
    expert.fill({"free": "yes"})
    expert.press("main form button")


def score(expert: Reader, stage: str, *, looks: bool, reasons: bool) -> None:
    """Both sheets of a stage by keyboard alone: leaving a box saves it, one criterion at a time."""
    expert.desk()
    expert.press(".jb-task a.btn")
    if looks:
        expert.look(f"seat-{stage}")
    table = "main table >> nth=0"
    for place in range(2):
        expert.press(f"{table} >> tbody tr >> nth={place} >> a")
        better = expert.page.locator("main:has-text('99.1'), h1:has-text('甲安')").count()
        points = POINTS[stage][0 if better else 1]
        keyboard = expert.page.keyboard
        expert.page.locator("#scores input[type=text]").first.focus()
        for given in points:
            keyboard.type(given)
            keyboard.press("Tab")
            expert.page.wait_for_selector(".jb-saved >> visible=true")
            if reasons:
                keyboard.type("有实测数据支撑。")
            keyboard.press("Alt+ArrowDown")
        expert.page.wait_for_selector("#lock summary")
        expert.settled()
        if looks and place == 0:
            expert.page.reload()
            boxes = expert.page.locator("#scores input[type=text]").all()
            assert [Decimal(box.input_value()) for box in boxes] == [*map(Decimal, points)]
            expert.look(f"sheet-{stage}", closely=True)
        expert.page.locator("#lock summary").focus()
        keyboard.press("Enter")
        if looks and place == 0:
            expert.glance(f"sheet-locking-{stage}")
        expert.press("#lock form button.btn-primary", "**/panels/**")
