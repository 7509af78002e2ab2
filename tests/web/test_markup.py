"""Markup that people type is text on every page that shows it."""

from __future__ import annotations

import copy
import html
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from marketplace.base import clock as site_clock
from marketplace.bidding.models import Bid, OpeningStage
from marketplace.bidding.opener import open_confirmed
from marketplace.committee.draw.drawing import draw_committed
from marketplace.committee.models import Sheet, SheetStage
from marketplace.management.season.content import Content
from marketplace.management.season.people import load_people
from marketplace.management.season.play import Play
from tests import world
from tests.bidding import bids
from tests.web.asking import browser

pytestmark = pytest.mark.django_db


MARKUP = "<script>x()</script>{{7}}{% x %}"


def marked(value, *, skip=()):
    """The same content with markup at the end of every text; codes and figures stay."""
    if isinstance(value, dict):
        return {k: v if k in skip else marked(v, skip=skip) for k, v in value.items()}
    if isinstance(value, list):
        return [marked(item, skip=skip) for item in value]
    free = isinstance(value, str) and any(ord(sign) > 0x2E80 for sign in value)
    return f"{value}{MARKUP}" if free else value


class Marked(Content):
    """The demo's content as somebody would write it who wants to break our pages."""

    def scenario(self, code):
        plain = super().scenario(code)
        english = {"title_en": plain["title_en"] + MARKUP, "summary_en": "x" + MARKUP}
        return marked(plain) | english

    def bid(self, scenario, vendor):
        return marked(copy.deepcopy(super().bid(scenario, vendor)))

    def scores(self, scenario, expert, vendor):
        found = super().scores(scenario, expert, vendor)
        return {code: (points, words + MARKUP) for code, (points, words) in found.items()}


@pytest.mark.slow
def test_markup_is_text_on_every_page_that_shows_it(settings, clock, demo_keys):
    settings.DEMO = True
    content = Marked()
    people = load_people(content, "x")
    play = Play(content, people, "S15")
    later = site_clock.now() + timedelta(days=30)
    play.draft(profile="D", award_mode="owner_choice", deadline_at=later)
    seen = Pages(people, play)
    to_the_deadline(play, seen, later)
    clock.move(later - site_clock.now())
    play.wait_for_deadline()
    to_the_ranking(play, seen)
    seen.look("o5-owner", "decision", shows=True)
    play.decide("v10", reason=f"更合适{MARKUP}")
    seen.look("officer2", "publicity", shows=True)
    play.publicise(ends_at=site_clock.now() + timedelta(seconds=5))
    clock.move(timedelta(seconds=6))
    seen.look("officer", "award-confirm", shows=True)
    play.confirm_award()
    seen.everything()
    shown = {name for name, shows in seen.shown.items() if shows}
    assert shown >= {
        *("board", "scenario", "desk", "bid", "opening", "eligibility", "panel-desk", "sheet"),
        *("report", "decision", "publicity", "scenario-history", "scenario-gate"),
    }


def to_the_deadline(play, seen, later):
    seen.look("o5-editor", "scenario-edit", shows=True)
    play.submit()
    play.send_back(f"请补充{MARKUP}")
    seen.look("o5-owner", "scenario-edit", shows=True)
    play.submit()
    play.start_demonstration()
    seen.look("officer", "scenario-gate", shows=True)
    play.conclude_demonstration()
    play.file_documents()
    seen.look("officer2", "scenario-publish", shows=True)
    play.publish(keyholders=["keyholder1", "keyholder2"], deadline_at=later)
    seen.look("v5", "bid-form", shows=True)
    for vendor in ("v5", "v10"):
        play.bid(vendor)
    seen.everything()


def to_the_ranking(play, seen):
    play.confirm(OpeningStage.FIRST, "keyholder1", "keyholder2")
    assert open_confirmed(bids.identity()) == 1
    seen.look("witness", "opening", shows=True)
    play.start_eligibility()
    play.check("v5")
    play.check("v10", failing="Q1", reason=f"证照不全{MARKUP}")
    seen.everything()
    play.check("v10")
    play.conclude_eligibility()
    experts = ["e2", "e4", "e9"]
    play.draw(experts)
    assert draw_committed(bids.identity()) == 1
    play.begin_scoring(experts)
    play.score(SheetStage.TECHNICAL, experts, lock=False)
    seen.panel("e2")
    play.score(SheetStage.TECHNICAL, experts)
    play.score(SheetStage.NAMED, experts, lock=False)
    seen.panel("e4")
    play.score(SheetStage.NAMED, experts)
    play.confirm(OpeningStage.PRICE, "keyholder1", "keyholder2")
    assert open_confirmed(bids.identity()) == 1
    play.finish_review()


class Pages:
    """Every page for everybody: whether it shows the markup, and only as text."""

    ACTORS = (*("", "o5-owner", "officer", "secretary", "v10", "e2", "keyholder1", "inspector"),)
    BY_ADDRESS = (
        *("scenario", "scenario-history", "scenario-gate", "scenario-publish", "bid-form"),
        *("scenario-withdraw", "opening", "opening-live", "eligibility", "panel", "report"),
        *("decision", "publicity", "award-confirm"),
    )

    def __init__(self, people, play):
        self.people, self.play = people, play
        self.shown = {}
        self.clients = {
            local: browser(people.actor(local) if local else None) for local in self.ACTORS
        }

    def look(self, local, name, *, shows=False, args=None):
        if local not in self.clients:
            self.clients[local] = browser(self.people.actor(local))
        args = [self.play.scenario.address] if args is None else args
        answer = self.clients[local].get(reverse(name, args=args), follow=True)
        assert answer.status_code in {200, 403, 404, 409}, (local, name, answer.status_code)
        if answer.status_code in {403, 404} or "html" not in answer.headers["Content-Type"]:
            return
        text = b"".join(answer).decode()
        assert "<script>x()" not in text, (local, name)
        found = html.escape(MARKUP) in text
        self.shown[name] = self.shown.get(name, False) or found
        assert found or not shows, (local, name)

    def everything(self):
        scenario = self.play.scenario
        for local in self.ACTORS:
            for name in ("board", "goals", "desk"):
                self.look(local, name, args=[])
            for name in self.BY_ADDRESS:
                self.look(local, name)
            for row in Bid.objects.filter(scenario=scenario):
                self.look(local, "bid", args=[row.uid])

    def panel(self, expert):
        """What a judge sees while the sheets are open."""
        self.look(expert, "panel-desk", args=[self.play.scenario.panel.uid])
        self.look("secretary", "panel")
        sheets = Sheet.objects.filter(member__user=self.people.user(expert))
        for row in sheets:
            self.look(expert, "sheet", args=[row.uid], shows=True)


def test_markup_in_the_api_is_a_json_string():
    scenario = world.published_scenario(title=f"需求{MARKUP}")
    answer = Client().get(f"/api/v1/scenarios/{scenario.uid}/")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert MARKUP in json.dumps(answer.json(), ensure_ascii=False)
