"""The public pages: who sees what, what they say, how much they ask of the database."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from marketplace.base import clock as base_clock
from marketplace.bidding.models import Bid
from marketplace.scenarios.models import State
from tests import world
from tests.bidding import bids
from tests.indicators.test_goals import publish, withdraw
from tests.web.asking import MARKUP, get, page, text

pytestmark = pytest.mark.django_db


# -- Who sees what ---------------------------------------------------------------------------------
ROUTES = ["/", "/en/", "/goals/", "/?q=隐形", "/?sort=new"]


def test_a_draft_is_on_no_public_list_for_anybody():
    owner = world.owner()
    world.draft_scenario(owner, title="隐形需求")
    for actor in (None, world.vendor(), world.officer(), owner):
        for route in ROUTES:
            path, _, query = route.partition("?")
            given = dict([query.split("=")]) if query else {}
            shown = text(get(path, actor, **given)).replace('value="隐形"', "")
            assert "隐形需求" not in shown, route


@pytest.mark.parametrize("suffix", ["", "history/", "published/1.json"])
def test_a_draft_has_no_page_for_strangers(suffix):
    draft = world.draft_scenario(world.owner())
    for actor in (None, world.vendor(), world.owner(), world.officer(), world.person("expert")):
        assert get(f"{page(draft)}{suffix}", actor).status_code == 404


def test_the_owner_reads_its_draft_and_the_office_what_was_filed():
    owner = world.owner()
    draft = world.draft_scenario(owner)
    assert "Not published yet" in text(get(f"/en{page(draft)}", owner))
    filed = world.draft_scenario(owner, state=State.SUBMITTED)
    for actor in (owner, world.officer(), world.secretary()):
        assert get(page(filed), actor).status_code == 200
    assert get(page(filed), world.vendor()).status_code == 404


def test_the_uid_leads_to_the_reference_after_publication():
    scenario = world.published_scenario()
    answer = get(f"/scenarios/{scenario.uid}/")
    assert (answer.status_code, answer["Location"]) == (302, page(scenario))
    assert (
        get(f"/en/scenarios/{scenario.uid}/history/")["Location"] == f"/en{page(scenario)}history/"
    )


@pytest.mark.parametrize(
    "address",
    ["LG-2026-9999", "nothing", "00000000-0000-4000-8000-000000000000", "LG%00", "%2e%2e"],
)
def test_what_is_not_there_is_404(address):
    assert get(f"/scenarios/{address}/").status_code == 404


# -- Nothing tells of a bid before the deadline --------------------------------------------------
def everything_public(scenario):
    paths = ["/", "/?state=open", "/goals/", page(scenario), f"{page(scenario)}history/"]
    paths += ["/api/v1/scenarios/", f"/api/v1/scenarios/{scenario.uid}/", "/api/v1/indicators/K4/"]
    return [*paths, *(f"/en{path}" for path in paths[:5])]


def nonceless(response):
    return re.sub(
        rb'name="csrfmiddlewaretoken" value="\w+"|X-CSRFToken": "\w+"', b"", response.content
    )


def test_a_submitted_bid_changes_no_byte_of_what_others_read(clock):
    clock.freeze(base_clock.now())
    scenario = publish()
    readers = [None, world.vendor(), world.officer(), world.secretary()]
    clients = []
    for reader in readers:
        client = Client()
        if reader:
            client.force_login(reader.user)
        clients.append(client)
    paths = everything_public(scenario)
    before = [[nonceless(client.get(path)) for path in paths] for client in clients]
    bids.bid(scenario)
    assert Bid.objects.filter(scenario=scenario).count() == 1
    after = [[nonceless(client.get(path)) for path in paths] for client in clients]
    assert after == before


# -- A scenario ----------------------------------------------------------------------------------------
def test_every_free_text_is_shown_as_text():
    owner = world.owner()
    texts = ("title", "title_en", "summary", "pain", "need", "deliverables", "ip_terms")
    texts += ("data_terms", "contact")
    scenario = publish(owner, **dict.fromkeys(texts, MARKUP))
    owner.organisation.name = MARKUP
    owner.organisation.save()
    for path in (
        page(scenario),
        f"/en{page(scenario)}",
        f"{page(scenario)}history/",
        "/",
        "/goals/",
    ):
        shown = text(get(path))
        assert "<script>alert" not in shown, path
        assert "<img src=x" not in shown, path
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text(get(page(scenario)))


def test_a_scenario_shows_the_one_action_of_its_reader():
    owner = world.owner()
    scenario = publish(owner)
    path = f"/en{page(scenario)}"
    assert "Sign in to bid" in text(get(path))
    assert reverse("bid-form", args=[scenario.ref]) in text(get(path, world.vendor()))
    assert "Withdraw the demand" in text(get(path, owner))
    assert "nothing to do here" in text(get(path, world.person("expert")))


def test_a_race_says_what_it_is_and_takes_bids():
    scenario = publish(organising_mode="race", race_entrants=3)
    shown = text(get(f"/en{page(scenario)}"))
    assert "Race × 3" in shown
    assert f'href="/en{page(scenario)}race/"' in shown
    assert "Sign in to bid" in shown


def test_the_reason_of_a_withdrawal_is_read_by_everybody():
    scenario = publish()
    withdraw(scenario)
    scenario.notes.create(to_state=State.WITHDRAWN, text="预算被撤销 <b>")
    scenario.notes.create(to_state=State.DEMONSTRATED, text="内部意见")
    shown = text(get(page(scenario)))
    assert "预算被撤销 &lt;b&gt;" in shown
    assert "内部意见" not in shown
    assert "jb-step-failed" in shown


def test_the_rules_are_words_with_units():
    scenario = publish()
    shown = text(get(f"/en{page(scenario)}"))
    assert "Between publication and deadline lie at least 10 days." in shown
    assert "Below 60% of the full score nobody is recommended." in shown
    assert "only when 2 different key holders confirm" in shown


def test_the_published_text_has_the_hash_that_the_history_shows():
    scenario = publish()
    answer = get(f"{page(scenario)}published/1.json")
    publication = scenario.publications.get()
    assert answer.content == bytes(publication.body)
    assert answer["Content-Disposition"] == f'attachment; filename="{scenario.ref}-1.json"'
    assert publication.sha256 in text(get(f"{page(scenario)}history/"))
    assert get(f"{page(scenario)}published/2.json").status_code == 404


# -- How they are served -----------------------------------------------------------------------------
def test_pages_for_a_person_are_kept_by_no_cache():
    scenario = publish()
    for path in ("/", "/goals/", page(scenario), "/verify/"):
        assert get(path, world.vendor())["Cache-Control"] == "private, no-store"
        visitor = get(path)
        assert "Cookie" in visitor["Vary"]
        assert "sessionid" not in visitor.cookies


def test_no_page_carries_inline_script_or_style():
    scenario = publish()
    for path in ("/", "/goals/", page(scenario), f"{page(scenario)}history/", "/verify/"):
        shown = text(get(path))
        scripts = re.findall(r"<script[^>]*>", shown)
        data = [one for one in scripts if re.search(r'type="application/(ld\+)?json"', one)]
        assert [one for one in scripts if one not in data and " src=" not in one] == [], path
        assert not re.search(r"<style|\sstyle=|\son\w+=", shown), path


@pytest.mark.parametrize("path", ["/", "/goals/", "/verify/"])
def test_both_languages(path):
    assert '<html lang="zh-Hans">' in text(get(path))
    assert '<html lang="en">' in text(get(f"/en{path}"))


@pytest.mark.parametrize("path", ["/", "/goals/"])
def test_only_reading(path):
    assert Client().post(path).status_code == 405
