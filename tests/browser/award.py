"""Choice, publicity, confirmation, each bidder's own result, the replays, the count."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from marketplace.base import clock as server_clock
from marketplace.bidding.models import Bid
from tests.browser.pages import Reader
from tests.browser.walk import Walk
from tests.conftest import Clock


def choose(walk: Walk, owner: Reader) -> None:
    owner.task("/decision/")
    owner.look("decision")
    owner.there_and_back("main a[href$='/report/']")
    with owner.refused_with(422):
        owner.page.click("main form[data-guard] button")
    assert len(owner.problems()) == 1
    owner.glance("decision-refused")
    owner.page.locator("[name=bid]").first.check()
    owner.press("main form[data-guard] button")
    owner.glance("decided")


def publicise(walk: Walk, officer: Reader) -> None:
    officer.task("/publicity/")
    officer.look("publicity-preview")
    officer.press("main form button")
    officer.look("publicity")
    walk.visitor.go("/")
    walk.visitor.press(".jb-entry a")
    walk.visitor.press(".jb-tabs a[href$='/publicity/']")
    walk.visitor.look("notice")
    assert "甲安" in walk.visitor.reading()
    walk.visitor.press(".jb-lang")
    walk.visitor.glance("notice-en")
    walk.visitor.press(".jb-lang")


def confirm(walk: Walk, officer: Reader, clock: Clock) -> None:
    ends_at = walk.scenario.decisions.get().publicity.ends_at
    clock.move(ends_at - server_clock.now())
    officer.task("/award/")
    officer.look("award-confirm")
    officer.press("main form button")
    officer.glance("award-confirmed")
    walk.visitor.go(walk.base)
    walk.visitor.look("scenario-awarded")


def read_own_results(vendors: list[Reader]) -> None:
    """The winner and the other one from their desks; the third, who withdrew, has none."""
    states = dict(Bid.objects.values_list("organisation__name", "state"))
    assert sorted(states.values()) == ["lost", "withdrawn", "won"]
    for vendor, place in zip(vendors[:2], ("1", "2"), strict=True):
        vendor.desk()
        vendor.look("desk-result")
        vendor.press(".jb-task a[href*='/bids/']")
        vendor.look("bid-result")
        result = vendor.page.locator("#result dd").first
        assert result.inner_text() == place


def replay(walk: Walk, loser: Reader, folder: Path) -> None:
    """Both scripts agree, each run alone on what a visitor and the one who lost downloaded."""
    link = "#result a[href$='{}']"
    scores = {
        "verify_scores.py": loser.download(link.format("verify_scores.py")),
        "scores.json": loser.download(link.format("scores.json")),
    }
    walk.visitor.go(walk.base)
    walk.visitor.press(".jb-tabs a[href$='/publicity/']")
    assert walk.visitor.page.locator("#panel + ul li").count() == 5
    walk.visitor.press("main a[href$='/draw/']")
    walk.visitor.look("draw-replay")
    draw = {
        "verify_draw.py": walk.visitor.download("main a[href$='verify_draw.py']"),
        "draw.json": walk.visitor.download("main a[href^='/draws/']"),
    }
    for files in (scores, draw):
        for name, content in files.items():
            (folder / name).write_bytes(content)
        done = subprocess.run(
            [sys.executable, "-I", "-S", *files],
            cwd=folder,
            env={"PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def count(walk: Walk) -> None:
    walk.visitor.press(".jb-nav a[href$='/goals/']")
    walk.visitor.look("goals", closely=True)
    figures = walk.visitor.page.locator(".jb-figure").all_inner_texts()
    assert [text.split()[0] for text in figures] == ["1", "1"]
