"""The opening record on paper: read back, the same bytes for the same data, and only data."""

import io
import json

import pypdf
import pytest

from marketplace.base.canonical import canonical
from marketplace.bidding.record import printing
from marketplace.bidding.record.queries import document, record_of
from marketplace.ledger.verify import base64_of
from tests import world
from tests.bidding import bids

INJECTIONS = [
    '#panic("never run")',
    '#import "@preview/cetz:0.3.0"',
    '#read("/etc/passwd")',
    "#set page(width: 1cm)",
    "$ x^2 $ *bold* _it_ `raw` ``` = heading",
    "]; #let x = [",
    "\\u{1F600} \\ // comment /* open",
    "<script>alert(1)</script><b>",
    "[link](http://example.invalid) ![x](y)",
    '"quoted" {json: 1} \' @label <label>',
    "“引号”、换行\n第二行\t制表",
]


def signed(**changes):
    envelope = {
        "envelope": "business",
        "sha256": "a" * 64,
        "size": 65536,
        "outcome": "bidder_fault",
        "fault": "bidder",
        "reason": "form",
        "why": {"zh": "内含表单不是完整的申报。", "en": "The form inside is not a complete bid."},
    }
    bid = {
        "name": "甲公司",
        "name_en": "",
        "uscc": "91310000MA1FL00000",
        "version": 2,
        "received_at": "2026-11-22T01:00:00.123Z",
        "receipt_sha256": "b" * 64,
        "outcome": "bidder_fault",
        "fault": "bidder",
        "envelopes": [envelope],
    }
    both = {"zh": "中", "en": "en"}
    said = {
        "title": "需求",
        "title_en": "",
        "scenario_ref": "LG-2026-0001",
        "stage": "first",
        "deadline_at": "2026-11-22T02:00:00.000Z",
        "requested_at": "2026-11-22T02:00:01.000Z",
        "confirmed_at": "2026-11-22T02:10:00.000Z",
        "finished_at": "2026-11-22T02:11:00.000Z",
        "time_source": both,
        "statement": both,
        "closing_tree_size": 7,
        "confirmations_needed": 1,
        "confirmations": [
            {"name_hash": "c" * 64, "confirmed_at": "2026-11-22T02:10:00.000Z", "tree_size": 8}
        ],
        "rule": {"name": "jiebang-faults/1", "sha256": "d" * 64, "url": "http://localhost/verify/"},
        "bids": [{**bid, **{k: v for k, v in changes.items() if k in bid}}],
        **{k: v for k, v in changes.items() if k not in bid},
    }
    return {
        "receipt": said,
        "signed_text": base64_of(canonical(said)),
        "key_id": "0123456789abcdef",
        "persons": [{"name": changes.get("name", "丙"), "salt": "e" * 64}],
    }


def text_of(pdf):
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def squeezed(text):
    """Without the spaces that setting type adds between Chinese and Latin, and at line ends."""
    return "".join(text.split())


@pytest.mark.django_db
def test_it_reads_back_what_was_signed(clock):
    scenario = world.published_scenario()
    versions = [bids.bid(scenario) for _ in range(3)]
    bids.open_first(scenario, clock)
    told = document(world.secretary(), record_of(world.secretary(), scenario, "first"))
    paper = printing.pdf(told)
    text = squeezed(text_of(paper))
    for words in (
        *("开标记录", "Opening record", scenario.ref, "密钥保管人", "Park office", "Witness"),
        *(version.bid.organisation.name for version in versions),
        *(version.bid.last_receipt_sha256 for version in versions),
        *(row["name"] for row in told["persons"]),
        *(row["sha256"] for bid in told["receipt"]["bids"] for row in bid["envelopes"]),
    ):
        assert squeezed(words) in text
    pages = len(pypdf.PdfReader(io.BytesIO(paper)).pages)
    assert f"第1页，共{pages}页" in text
    assert printing.pdf(json.loads(json.dumps(told))) == paper
    public = {**told, "persons": None}
    hidden = squeezed(text_of(printing.pdf(public)))
    assert "不公开" in hidden
    assert all(squeezed(row["name"]) not in hidden for row in told["persons"])


def test_one_that_could_not_be_opened_says_why_and_whose_fault():
    text = text_of(printing.pdf(signed()))
    assert "未能打开，揭榜方责任" in text
    assert "内含表单不是完整的申报。" in text


@pytest.mark.parametrize("words", INJECTIONS)
def test_values_are_never_markup(words):
    paper = printing.pdf(signed(name=words, name_en=words, title=words, title_en=words, uscc=words))
    text, shown = squeezed(text_of(paper)), squeezed(words)
    # Twice in the head, three times in the bid, once among the key holders.
    assert text.count(shown) == 6
    assert "/URI" not in str(pypdf.PdfReader(io.BytesIO(paper)).pages[0].get("/Annots"))
