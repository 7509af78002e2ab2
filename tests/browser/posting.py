"""From a draft to the board: owner, two officers, a visitor."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from marketplace.base import clock as server_clock
from marketplace.web.words import SHANGHAI
from tests.browser import cast as typed
from tests.browser.pages import Reader
from tests.browser.walk import Walk

# How long the call is open.
CALL = timedelta(minutes=20)


def nothing_yet(walk: Walk) -> None:
    walk.visitor.go("/")
    walk.visitor.glance("empty-board")


def draft_and_file(walk: Walk) -> Reader:
    owner = walk.readers("owner")
    owner.go("/")
    owner.press(".jb-header-side a[href*='/accounts/login/']")
    owner.look("sign-in")
    owner.sign_in(walk.cast.owner)
    owner.glance("desk-empty")
    owner.press("a[href$='/scenarios/new/']")
    checklist = owner.page.locator("#checklist li")
    many = checklist.count()
    owner.look("form-empty", closely=True)
    owner.fill({"title": typed.TITLE, "budget_cny": "一百二十万"})
    owner.page.press("[name=budget_cny]", "Tab")
    owner.page.wait_for_function(
        "many => document.querySelectorAll('#checklist li').length < many", arg=many
    )
    with owner.refused_with(422):
        owner.page.click(".jb-actions button[value=save]")
    assert len(owner.problems()) == 1
    assert owner.page.input_value("[name=budget_cny]") == "一百二十万"
    owner.look("form-refused")
    # Half of it, kept as a draft.
    owner.fill({name: typed.DEMAND[name] for name in ("budget_cny", "summary", "pain", "need")})
    owner.fill_rows("metrics", typed.ROWS["metrics"])
    owner.press(".jb-actions button[value=save]", "**/edit/")
    owner.reload()
    with owner.refused_with(422):
        owner.page.click(".jb-actions button[value=submit]")
    assert len(owner.problems()) > 10
    # The draft waits on the desk, with what was typed.
    owner.task("/edit/")
    assert owner.page.input_value("[name=metrics-1-name]") == "告警时延"
    owner.fill(typed.DEMAND)
    for part, rows in typed.ROWS.items():
        owner.fill_rows(part, rows)
    # One row too many, and away with it.
    milestones = owner.page.locator("[data-formset=milestones]")
    milestones.locator("[data-formset-add]").click()
    milestones.locator("[data-formset-remove]:visible").last.click()
    owner.page.wait_for_selector("#checklist li", state="detached")
    owner.glance("form-complete")
    owner.press(".jb-actions button[value=submit]", "**/gate/")
    owner.look("gate-filed")
    owner.reload()
    owner.desk()
    owner.look("desk-waiting-on")
    return owner


def demonstrate(walk: Walk, first: Reader) -> Reader:
    first.desk()
    first.look("desk")
    first.task("/gate/")
    first.look("gate")
    first.fill({"step": "start"})
    first.press("main form[data-guard] button")
    ask_experts(walk, first)
    for number, user in enumerate(walk.cast.demonstrators):
        answer(walk.person(f"expert-{number}", user), closely=not number)
    conclude(walk)
    return first


def ask_experts(walk: Walk, first: Reader) -> None:
    first.task("/demonstration/")
    first.look("demonstration-asking", closely=True)
    with first.refused_with(422):
        first.fill({"experts": [str(walk.cast.demonstrators[0].uid)]})
        first.page.click("section:has(#invite) button")
    assert len(first.problems()) == 1
    first.fill({"experts": [str(user.uid) for user in walk.cast.demonstrators]})
    first.press("section:has(#invite) button")
    first.glance("demonstration-asked")


def answer(expert: Reader, *, closely: bool) -> None:
    expert.task("/demonstration/")
    if closely:
        expert.look("opinion", closely=True)
    expert.fill(dict.fromkeys(("real", "tight", "measurable", "neutral"), "yes"))
    expert.fill({"verdict": "pass", "words": "指标可由第三方测量，条件中立。"})
    expert.press("section:has(#opine) button")


def conclude(walk: Walk) -> None:
    secretary = walk.person("demonstration-secretary", walk.cast.secretary)
    secretary.task("/demonstration/")
    secretary.look("demonstration-opinions", closely=True)
    secretary.fill({"outcome": "pass", "opinion": "需求真实，指标可测，条件中立，同意发榜。"})
    secretary.press("section:has(#conclude) button")
    secretary.glance("demonstration-concluded")


def file_papers(walk: Walk, owner: Reader, first: Reader) -> Reader:
    """发榜五件: two by the owner, two by the first officer, checked by the second."""
    owner.task("/documents/")
    owner.look("documents-owner", closely=True)
    with owner.refused_with(422):
        owner.page.click("section:has(#paper-funding) form button")
    assert len(owner.problems()) > 1
    affirm(owner, "funding", {"funding-number": "资金承诺〔2026〕1号（虚构）"})
    affirm(owner, "confidentiality", {})
    first.task("/documents/")
    affirm(first, "competition", {"competition-words": "未发现限定品牌或注册地的条件。"})
    second = walk.person("second-officer", walk.cast.second)
    second.task("/documents/")
    second.look("documents-check", closely=True)
    for kind in ("confidentiality", "competition", "funding"):
        second.press(f"section:has(#paper-{kind}) button[value=accept]")
    first.task("/documents/")
    affirm(first, "approval", {"approval-number": "沪临网办审〔2026〕1号（虚构）"})
    first.glance("documents-complete")
    return second


def affirm(reader: Reader, kind: str, typed_in: dict[str, str]) -> None:
    card = reader.page.locator(f"section:has(#paper-{kind})")
    for box in card.locator("input[type=checkbox]").all():
        box.check()
    reader.fill(typed_in, card)
    reader.press(f"section:has(#paper-{kind}) form button[type=submit]")


def call(walk: Walk, first: Reader) -> None:
    """征集通知: drafted, called, read by everybody."""
    first.desk()
    first.press("a[href$='/batches/']")
    first.press("a[href$='/batches/new/']")
    first.look("call-new")
    until = server_clock.now().astimezone(SHANGHAI) + CALL
    with first.refused_with(422):
        first.fill({"number": "一"})
        first.page.click("main form[data-guard] button")
    first.fill({"number": "1", "title": "第一批需求征集（虚构）", "title_en": "First call"})
    first.fill({"call_number": "沪临网办〔2026〕1号（虚构）", "text": "征集网络安全需求。"})
    first.fill({"closes_at": f"{until:%Y-%m-%dT%H:%M}"})
    first.press("main form[data-guard] button")
    first.press("form:has([name=do][value=call]) button")
    walk.visitor.go("/batches/")
    walk.visitor.press(".jb-task a[href$='/batches/1/']")
    walk.visitor.look("call", closely=True)


def file_under_call(walk: Walk, owner: Reader) -> None:
    owner.go(f"{walk.base}gate/")
    owner.press("section:has(#batch) button")
    owner.glance("gate-in-batch")


def announce(walk: Walk, clock: Any, second: Reader) -> Reader:
    """榜单公告: gathered once the call is over, published with the batch."""
    clock.move(CALL)
    second.go("/batches/1/office/")
    second.press("form:has([name=do][value=gather]) button")
    second.look("batch-gathered", closely=True)
    form = "section:has(#announce) form"
    now = server_clock.now().astimezone(SHANGHAI)
    deadline = (now + timedelta(days=12)).replace(hour=17, minute=0, second=0)
    holders = [str(user.uid) for user in walk.cast.holders]
    with second.refused_with(422):
        second.fill({"announcement_number": "榜单公告1号（虚构）", "key_holders": holders[:1]})
        second.fill({"sure": True})
        second.page.click(f"{form} button")
    assert second.problems() != []
    second.glance("announce-refused")
    second.fill({"key_holders": holders, "deadline_at": f"{deadline:%Y-%m-%dT%H:%M}"})
    second.fill({"sure": True})
    second.press(f"{form} button")
    second.glance("announced")
    walk.visitor.go("/batches/1/")
    walk.visitor.look("batch-announced", closely=True)
    return second


def read_as_visitor(walk: Walk) -> None:
    visitor = walk.visitor
    visitor.go("/")
    visitor.look("board", closely=True)
    visitor.press(".jb-entry a")
    assert visitor.page.url.endswith(walk.base)
    assert typed.TITLE in visitor.page.inner_text("h1")
    visitor.look("scenario", closely=True)
    visitor.reload()
    visitor.press(".jb-tabs a[href$='/history/']")
    visitor.look("history")
    visitor.there_and_back("a[href$='/verify/']")
    visitor.press(".jb-tabs a:first-child")
    visitor.press(".jb-lang")
    assert visitor.page.inner_text("h1") == typed.TITLE_EN
    visitor.look("scenario-en")
    visitor.press(".jb-nav a[href$='/goals/']")
    visitor.glance("goals-en")
    visitor.press(".jb-brand")
    visitor.look("board-en")
    visitor.there_and_back(".jb-entry a")
    visitor.press(".jb-lang")
