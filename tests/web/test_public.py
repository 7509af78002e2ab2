"""The public pages: who sees what, what they say, how much they ask of the database."""

import hashlib
import html
import json
import re
import subprocess
import sys
from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from django.urls import reverse

from marketplace.base import clock as base_clock
from marketplace.bidding.models import Bid
from marketplace.ledger import receipts
from marketplace.ledger.verify import key_id, public_text
from marketplace.scenarios.models import State
from tests import world
from tests.bidding import bids
from tests.indicators.test_goals import publish, withdraw

pytestmark = pytest.mark.django_db
MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def get(path, actor=None, **query):
    client = Client()
    if actor:
        client.force_login(actor.user)
    return client.get(path, query)


def text(response):
    return response.content.decode()


def page(scenario):
    return f"/scenarios/{scenario.address}/"


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


# -- The board ---------------------------------------------------------------------------------------
def test_the_board_says_what_it_is_and_how_far(clock):
    clock.freeze(base_clock.now())
    publish()
    shown = text(get("/en/"))
    assert "Security demands of Lingang" in shown
    assert re.search(
        r'Demands opened <strong class="jb-num">1</strong> <span class="jb-num">/ 50</span>', shown
    )


def test_filters_stand_in_the_address_and_search_finds():
    publish(title="港口勒索恢复", domain=world.term("domain", "ai"))
    publish(title="工控流量检测", organising_mode="race", race_entrants=3)
    titles = {"港口勒索恢复", "工控流量检测"}

    def found(**query):
        shown = text(get("/", **query))
        return {title for title in titles if f">{title}</a>" in shown}

    assert found() == titles
    assert found(domain="ai") == {"港口勒索恢复"}
    assert found(mode="race") == {"工控流量检测"}
    assert found(q="勒索") == {"港口勒索恢复"}
    assert found(q="勒索", mode="race") == set()
    assert found(state="open") == titles
    assert found(state="done") == set()


def test_an_empty_result_says_which_filter_to_drop():
    publish(title="港口勒索恢复", domain=world.term("domain", "ai"))
    shown = text(get("/en/", domain="ai", mode="race"))
    assert "No demand fits all of these filters" in shown
    drop = re.search(r'<ul class="pub-drops">(.*?)</ul>', shown, re.DOTALL).group(1)
    assert 'href="/en/?domain=ai"' in drop
    assert "1 demand" in drop
    assert 'href="/en/?mode=race"' not in drop  # that would not help


def test_an_empty_board_says_so():
    assert "No demand has been posted yet" in text(get("/en/"))


@pytest.mark.parametrize(
    "query",
    [
        {"domain": "\x00"},
        {"q": "\x00"},
        {"q": "%' OR 1=1"},
        {"page": "99999999999999999999"},
        {"page": "x"},
        {"sort": "nothing"},
        {"state": "draft"},
        {"carrier": MARKUP},
        {"q": MARKUP},
        {"q": "长" * 5000},
    ],
)
def test_odd_addresses_do_no_harm(query):
    publish()
    answer = get("/", **query)
    assert answer.status_code == 200
    assert "<script>alert" not in text(answer)


def test_htmx_gets_the_part_and_history_the_whole():
    publish()
    part = Client().get("/?state=open", headers={"HX-Request": "true"})
    assert text(part).lstrip().startswith('<div id="board"')
    whole = Client().get(
        "/?state=open", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"}
    )
    assert "<!DOCTYPE html>" in text(whole)
    assert "HX-Request" in part["Vary"]


def test_a_published_demand_past_its_deadline_is_shown_closed(clock):
    clock.freeze(base_clock.now())
    scenario = publish()
    clock.freeze(scenario.deadline_at)
    shown = text(get(f"/en{page(scenario)}"))
    assert "</svg>Closed</span>" in shown
    assert "Sign in to bid" not in shown
    for path in ("/en/", "/en/goals/"):
        assert "</svg>Closed</span>" in text(get(path))


def test_pages_of_the_board_hold_twenty():
    owner = world.owner()
    for _ in range(21):
        publish(owner)
    assert text(get("/")).count('class="jb-entry"') == 20
    assert text(get("/", page="2")).count('class="jb-entry"') == 1


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


def test_a_race_says_that_its_room_opens_later():
    scenario = publish(organising_mode="race", race_entrants=3)
    shown = text(get(f"/en{page(scenario)}"))
    assert "Race × 3" in shown
    assert "The race room opens later" in shown
    assert "Sign in to bid" not in shown


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


# -- Goals ---------------------------------------------------------------------------------------------
def test_goals_show_cells_figures_and_reasons():
    counted = publish(title="甲需求")
    outside = publish(world.owner(in_lingang=False), title="乙需求")
    gone = publish(title="丙需求")
    withdraw(gone)
    shown = text(get("/en/goals/"))
    cells = re.search(r'<ol class="jb-fifty-cells">(.*?)</ol>', shown, re.DOTALL).group(1)
    assert cells.count("<li") == 50
    assert cells.count("jb-cell-after") == 2
    assert f'href="/en{page(counted)}"' in cells
    assert f'href="/en{page(gone)}"' not in cells
    assert "the owner is not in Lingang" in shown
    assert "withdrawn by the owner before the deadline" in shown
    assert "the official text of the administration prevails" in shown
    assert all(f">K{n}</span>" in shown for n in range(1, 13) if n != 4)
    assert outside.ref in shown


# -- Verify --------------------------------------------------------------------------------------------
@pytest.fixture
def document(db):
    receipt = receipts.issue("bid", subject_uid=uuid4(), body={"version": 1, "说明": MARKUP})
    return receipts.document(receipt)


def check(document):
    raw = document if isinstance(document, str) else json.dumps(document)
    return Client().post("/en/verify/", {"pasted": raw})


def states(response):
    return re.findall(r'class="pub-check-(\w+)"', text(response))


def test_a_receipt_holds_and_every_check_is_said(document):
    answer = check(document)
    assert states(answer) == ["passed"] * 4
    assert "This receipt holds" in text(answer)
    assert "<script>alert" not in text(answer)


def test_a_file_may_be_chosen(document, tmp_path):
    file = tmp_path / "receipt.json"
    file.write_text("\ufeff" + json.dumps(document), "utf-8")
    with file.open("rb") as opened:
        answer = Client().post("/en/verify/", {"file": opened})
    assert states(answer) == ["passed"] * 4


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("signed_text", 7, ["failed", "skipped", "skipped", "skipped"]),
        ("key_id", "0" * 16, ["passed", "failed", "skipped", "skipped"]),
        ("signature", "A" * 86 + "==", ["passed", "passed", "failed", "skipped"]),
        ("receipt", {"version": 2}, ["passed", "passed", "passed", "failed"]),
    ],
)
def test_a_changed_receipt_shows_which_check_fails(document, field, value, expected):
    answer = check({**document, field: value})
    assert states(answer) == expected
    assert "This receipt does not hold" in text(answer)


def test_another_platform_with_its_own_key_is_told_apart(document):
    """A receipt that is whole, but whose key is not the published one."""
    key = Ed25519PrivateKey.generate()
    forged = {**document, "public_key": public_text(key.public_key())}
    forged["key_id"] = key_id(key.public_key())
    assert states(check(forged)) == ["passed", "failed", "skipped", "skipped"]


@pytest.mark.parametrize(
    "rubbish", ["", "{", "[1]", "null", '"x"', "[" * 50_000, "{}" + " " * 70_000 + "x", "\x00"]
)
def test_rubbish_is_refused_in_words(rubbish):
    answer = check(rubbish)
    assert answer.status_code == 422
    assert "jb-summary" in text(answer)
    assert states(answer) == []


def test_the_script_runs_alone(document, tmp_path):
    script = tmp_path / "jiebang_verify.py"
    script.write_bytes(get("/verify/jiebang_verify.py").content)
    assert hashlib.sha256(script.read_bytes()).hexdigest() in text(get("/verify/"))
    receipt = tmp_path / "receipt.json"
    receipt.write_text(json.dumps(document), "utf-8")
    key = receipts.public_key_text()
    assert f"--key {key}" in html.unescape(text(get("/verify/")))
    done = subprocess.run(
        [sys.executable, "-I", str(script), str(receipt), "--key", key],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "VALID"


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
        assert shown.count("<script") == shown.count("<script src=") + shown.count(
            "<script defer"
        ), path
        assert not re.search(r"<style|\sstyle=|\son\w+=", shown), path


@pytest.mark.parametrize("path", ["/", "/goals/", "/verify/"])
def test_both_languages(path):
    assert '<html lang="zh-Hans">' in text(get(path))
    assert '<html lang="en">' in text(get(f"/en{path}"))


@pytest.mark.parametrize("path", ["/", "/goals/"])
def test_only_reading(path):
    assert Client().post(path).status_code == 405


# -- How many queries --------------------------------------------------------------------------------
@pytest.mark.parametrize(("path", "expected"), [("/", 8), ("/?q=示例", 9), ("/goals/", 5)])
def test_queries_do_not_grow_with_the_rows(path, expected, count_queries):
    owner = world.owner()
    seen = []
    for rows in (1, 29):
        for _ in range(rows):
            publish(owner)
        with count_queries() as queries:
            assert get(path).status_code == 200
        seen.append(len(queries))
    assert seen == [expected, expected]


def test_a_scenario_takes_as_many_queries_with_a_long_history(count_queries, clock):
    scenario = publish()
    client = Client()
    with count_queries() as few:
        client.get(page(scenario))
    clock.move(timedelta(hours=1))
    for _ in range(5):
        publish(root=scenario)
    with count_queries() as many:
        client.get(page(scenario))
    assert len(few) == len(many)
