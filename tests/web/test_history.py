"""The history of a demand and the log's own page: plain words, each with its proof."""

import ast
import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from django.utils import translation

from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.ledger import keys, verify
from marketplace.ledger.log import cosigning, sequencer, tiles
from marketplace.ledger.log.models import Anchor, Leaf
from marketplace.ledger.models import Audience, Event
from marketplace.ledger.witness import Witness
from marketplace.scenarios.models import Scenario
from marketplace.web import happened
from tests import world
from tests.bidding import bids
from tests.web.asking import get, page, text

pytestmark = pytest.mark.django_db
ROOT = Path(happened.__file__).parents[1]
# Public, and about no demand.
ELSEWHERE = {"key.published", "access_day.sealed", "log.restarted", "batch.called"}


def history(scenario, language="en"):
    return text(get(f"{'/en' if language == 'en' else ''}{page(scenario)}history/"))


def rows(shown):
    """(what, in the log) of each line."""
    body = shown[shown.index('id="course"') :]
    body = body[body.index("<tbody>") : body.index("</tbody>")]
    plain = [
        re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", body)
    ]
    return [(plain[at], plain[at + 2]) for at in range(0, len(plain), 3)]


def posted():
    """A published demand with the event of its publication."""
    scenario = world.published_scenario()
    world.announce(scenario)
    return scenario


# -- Sentences -------------------------------------------------------------------------------------
def public_kinds():
    """Of every `append("kind", …, audience=Audience.PUBLIC)` in the source."""
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or "append" not in ast.unparse(node.func):
                continue
            told = [ast.unparse(word.value) for word in node.keywords if word.arg == "audience"]
            if told and "Audience.PUBLIC" in told[0]:
                kind = node.args[0]
                yield getattr(kind, "value", None) or ast.unparse(kind)


# Kinds that are not written out where they are appended, and what they may be.
COMPOSED = {
    "f'scenario.{to.value}'": {"scenario.withdrawn", "scenario.failed"},
    "kind": {
        *("panel.technical_locked", "scenario.suspended", "scenario.resumed"),
        *("heat.opened", "heat.closed"),
    },
    "RESTARTED": {"log.restarted"},
}


def test_every_public_kind_has_its_sentence():
    written = set()
    for kind in public_kinds():
        written |= COMPOSED.get(kind, {kind})
    assert written == set(happened.SENTENCES) | ELSEWHERE


def test_an_unknown_kind_is_told_honestly():
    scenario = world.published_scenario()
    ledger.append("scenario.sung", actor=SYSTEM, subjects=[scenario.uid], audience=Audience.PUBLIC)
    assert rows(history(scenario))[-1][0] == (
        "An event of the kind “scenario.sung”, for which this page has no words."
    )


@pytest.mark.parametrize("kind", list(happened.SENTENCES))
def test_each_sentence_is_whole_in_both_languages(kind):
    data = dict.fromkeys(happened.UNTIL.values(), "2026-11-22T09:00:00.000Z")
    for language in ("zh-hans", "en"):
        with translation.override(language):
            said = happened.sentence(Event(kind=kind, data=data))
            bare = happened.sentence(Event(kind=kind, data={}))
        assert "%" not in said + bare
        assert (said != bare) == (kind in happened.UNTIL)


# -- The page -----------------------------------------------------------------------------------------
def test_what_is_not_sealed_says_so_and_then_has_its_proof():
    scenario = posted()
    waiting = rows(history(scenario))
    assert waiting[0][0].startswith("The demand was published; bids are taken until ")
    assert re.fullmatch(r"Not sealed yet; by .+ at the latest", waiting[0][1])
    sequencer.seal_batch()
    event = Event.objects.get(kind="scenario.published", subjects__contains=[scenario.uid])
    index = Leaf.objects.get(event_id=event.pk).index
    shown = history(scenario)
    assert rows(shown)[0][1] == f"Entry {index} and its proof"
    assert f'href="/log/proofs/{index}.json"' in shown
    assert "需求已发榜" in history(scenario, "zh")


def test_a_proof_holds_and_says_what_happened():
    scenario = posted()
    sequencer.seal_batch()
    event = Event.objects.get(kind="scenario.published", subjects__contains=[scenario.uid])
    leaf = Leaf.objects.get(event_id=event.pk)
    told = get(f"/log/proofs/{leaf.index}.json").json()
    data = base64.b64decode(told["leaf"])
    assert data == bytes(leaf.data)
    said = told["text"]
    assert said == json.loads(data)
    assert (said["kind"], said["data"]["ref"]) == ("scenario.published", scenario.ref)
    proof = told["inclusion"]
    opened = verify.Keys.published(keys.published()).open(proof["checkpoint"])
    path = [base64.b64decode(item) for item in proof["hashes"]]
    verify.verify_inclusion(verify.leaf_hash(data), proof["index"], opened.size, path, opened.root)


def test_there_is_no_proof_of_what_is_not_public():
    bids.bid(posted())
    sequencer.seal_batch()
    readable = 0
    for leaf in Leaf.objects.all():
        answer = get(f"/log/proofs/{leaf.index}.json")
        assert (answer.status_code == 200) == (len(bytes(leaf.data)) != 32)
        readable += answer.status_code == 200
    assert readable == Event.objects.filter(audience=Audience.PUBLIC).count()
    for index in ("9999", str(2**63), "9" * 40, "-1", "x"):
        assert get(f"/log/proofs/{index}.json").status_code == 404


def test_a_bid_before_the_deadline_changes_nothing_in_the_history():
    scenario = posted()
    sequencer.seal_batch()
    visible = rows(history(scenario)), rows(history(scenario, "zh"))
    bids.bid(scenario)
    bids.bid(scenario)
    sequencer.seal_batch()
    assert (rows(history(scenario)), rows(history(scenario, "zh"))) == visible
    log = [bytes(leaf.data) for leaf in Leaf.objects.all()]
    assert not any(b'"bid.' in data for data in log)


def test_the_course_is_told_up_to_the_opening(clock):
    scenario = posted()
    bids.bid(scenario)
    bids.bid(scenario)
    bids.bid(scenario)
    bids.open_first(scenario, clock)
    sequencer.seal_batch()
    told = [what for what, _entry in rows(history(scenario))]
    assert told[1:] == [
        "The deadline passed; no bid is taken any more.",
        "The bids were opened, after the key holders had confirmed.",
    ]


def test_an_invisible_demand_has_the_page_of_one_that_is_not():
    draft = world.draft_scenario(world.owner())
    number = re.compile(r"[0-9a-f-]{36}|20\d\d[^<]*")
    hidden = get(f"/scenarios/{draft.uid}/history/")
    nothing = get(f"/scenarios/{uuid4()}/history/")
    assert hidden.status_code == nothing.status_code == 404
    assert number.sub("", text(hidden)) == number.sub("", text(nothing))


@pytest.mark.parametrize("count", [1, 30])
def test_the_history_asks_the_same_for_one_and_for_thirty(count, count_queries):
    scenario = posted()
    for _ in range(count):
        ledger.append(
            "scenario.closed", actor=SYSTEM, subjects=[scenario.uid], audience=Audience.PUBLIC
        )
    sequencer.seal_batch()
    visitor = Client()
    with count_queries() as queries:
        visitor.get(f"{page(Scenario.objects.get(pk=scenario.pk))}history/")
    assert len(queries) <= 9, [query["sql"] for query in queries.captured_queries]


# -- The log's page ---------------------------------------------------------------------------------
def test_an_empty_log_says_so(settings):
    settings.LOG_BATCH_QUANTUM = 16
    shown = text(get("/en/log/"))
    assert "Nothing has been sealed yet." in shown
    assert "filled up with random entries to a multiple of 16" in shown
    assert "nothing is hidden by padding" not in shown


def test_a_demo_says_that_it_hides_nothing(settings):
    settings.LOG_BATCH_QUANTUM, settings.LOG_CADENCE_SECONDS = 1, 2
    assert "Here nothing is hidden by padding: the log is sealed every 2 seconds" in text(
        get("/en/log/")
    )
    assert "此处未用填充隐藏任何信息" in text(get("/log/"))


def test_the_log_tells_how_it_stands(settings, assert_max_queries):
    witness = Witness("witness.example/w", Ed25519PrivateKey.generate())
    silent = Witness("silent.example/w", Ed25519PrivateKey.generate())
    settings.LOG_WITNESSES = [witness.vkey.text(), silent.vkey.text()]
    settings.LOG_CADENCE_SECONDS, settings.LOG_BATCH_QUANTUM = 300, 16
    posted()
    sequencer.seal_batch()
    last = tiles.newest()
    cosigning.cosign(note=witness.cosign(last.note, int(datetime.now(UTC).timestamp())))
    Anchor.objects.create(
        checkpoint=last, authority="tsa.example", token=b"x", stamped_at=datetime.now(UTC)
    )
    visitor = Client()
    with assert_max_queries(4):
        shown = visitor.get("/en/log/").content.decode()
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown))
    for words in (
        f"Entries {last.size} ",
        f"Name of the log {last.origin}",
        "every 300 seconds, by the clock alone: no event wakes it",
        "witness.example/w",
        "silent.example/w has not cosigned yet",
        "Last by tsa.example",
        "python3 jiebang_verify.py fetch http://testserver/log mirror",
    ):
        assert words in plain, words
    assert bytes(last.root).hex() in shown
