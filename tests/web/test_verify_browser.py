"""/verify/ in a browser: what it finds is what verify.py finds, and nothing leaves the window."""

import copy
import json
import random
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from playwright.sync_api import expect

from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.ledger import keys, receipts, verify
from marketplace.ledger.log import cosigning, sequencer, tiles
from marketplace.ledger.models import Receipt
from marketplace.ledger.witness import Witness
from tests.ledger.mirrors import Log, padding, public

pytestmark = pytest.mark.browser

EXAMINE = """
async ([keysText, texts]) => {
  const { examine, publishedKeys } = await import("/static/jiebang/verify.js");
  const keys = keysText === null ? null : publishedKeys(keysText);
  const spelled = (await import("/static/jiebang/verify.js")).spelled;
  return texts.map((text) => {
    const { findings, verdict } = examine(text, keys);
    return [verdict, findings.map(({ check, state, code, values }) => [
      check, state, code,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, spelled(value)])),
    ])];
  });
}
"""


def by_the_program(text, published):
    """What verify.py finds, in the form of EXAMINE."""
    trusted = None if published is None else verify.Keys.published(published)
    try:
        findings, _signed = verify.examine(json.loads(text), keys=trusted)
    except verify.CannotCheck as error:
        findings = [verify.Finding(error.check, "unknown", error.code, error.values)]
    except (ValueError, RecursionError):
        findings = [verify.Finding("format", "failed", "format")]
    told = [
        [one.check, one.state, one.code, {name: str(value) for name, value in one.values.items()}]
        for one in findings
        if one.state != "skipped"
    ]
    states = {one.state for one in findings}
    inside = any(one.check == "key" and one.state == "unchecked" for one in findings)
    verdicts = {"failed": "fails", "unknown": "unknown"}
    found = next((word for state, word in verdicts.items() if state in states), None)
    return [found or ("inside" if inside else "holds"), told]


def compared(page, texts, published):
    """Findings of the page, each held against the program's."""
    given = None if published is None else json.dumps(published)
    found = page.evaluate(EXAMINE, [given, texts])
    for text, one in zip(texts, found, strict=True):
        assert one == by_the_program(text, published), text
    return found


@pytest.fixture
def proved(committing_db, settings):
    """A receipt of ours with its proof, cosigned."""
    witness = Witness("witness.example/w", Ed25519PrivateKey.generate())
    settings.LOG_WITNESSES = [witness.vkey.text()]
    body = {"version": 1, "received_at": "2026-11-22T09:00:00.000Z", "说明": "密封 \u2028\x7f"}
    with transaction.atomic():
        event = ledger.append("bid.submitted", actor=SYSTEM, subjects=[uuid4()], inputs=body)
        for _ in range(40):
            ledger.append("a.b", actor=SYSTEM, subjects=[])
        receipt = receipts.issue("bid", subject_uid=uuid4(), body=body, event=event)
    sequencer.seal_batch()
    cosigning.cosign(note=witness.cosign(tiles.newest().note, int(datetime.now(UTC).timestamp())))
    return json.loads(json.dumps(receipts.document(Receipt.objects.get(pk=receipt.pk))))


@pytest.fixture
def opened(site, page):
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    with page.expect_response("**/log/keys.json"):
        page.goto(f"{site}/en/verify/")
    yield page
    assert complaints == []


def flipped(text, at=0):
    """Base64 with one bit of one byte changed."""
    raw = bytearray(verify.unbase64(text))
    raw[at] ^= 1
    return verify.base64_of(bytes(raw))


def other_note(document, change):
    return change(document["inclusion"]["checkpoint"])


def tamperings(document):
    """(what it is, which check finds it, the document)."""

    def change(name, check, alter):
        altered = copy.deepcopy(document)
        alter(altered)
        return name, check, altered

    proof, note = document["inclusion"], document["inclusion"]["checkpoint"]
    size = proof["size"]
    stranger = Ed25519PrivateKey.generate()
    other_key = verify.base64_of(public(stranger))
    return [
        change("field", "reading", lambda d: d["receipt"].update(version=2)),
        change("1.0 for 1", "reading", lambda d: d["receipt"].update(version=1.0)),
        change("true for 1", "reading", lambda d: d["receipt"].update(version=True)),
        # The version, 1, becomes 0: still JSON, and every hash in it still hexadecimal.
        change("signed text", "signature", lambda d: d.update(signed_text=flipped(
            d["signed_text"], verify.unbase64(d["signed_text"]).index(b'"version":1') + 10))),
        change("signature", "signature", lambda d: d.update(signature=flipped(d["signature"], 40))),
        change("short signature", "signature", lambda d: d.update(signature="AAAA")),
        change("key id", "key", lambda d: d.update(key_id="0" * 16)),
        change("other key", "signature", lambda d: d.update(
            signature=verify.base64_of(stranger.sign(verify.unbase64(d["signed_text"]))),
            public_key=other_key)),
        change("algorithm", "format", lambda d: d.update(algorithm="SM2")),
        change("event body", "event", lambda d: d["event"].update(body=flipped(
            d["event"]["body"], -5))),
        change("salt", "event", lambda d: d["event"].update(salt=flipped(d["event"]["salt"]))),
        change("proof hash", "inclusion", lambda d: d["inclusion"]["hashes"].__setitem__(
            0, flipped(d["inclusion"]["hashes"][0]))),
        change("hash cut", "inclusion", lambda d: d["inclusion"]["hashes"].__setitem__(0, "AAAA")),
        change("hash missing", "inclusion", lambda d: d["inclusion"]["hashes"].pop()),
        change("hash too many", "inclusion", lambda d: d["inclusion"]["hashes"].append(
            proof["hashes"][0])),
        change("index", "inclusion", lambda d: d["inclusion"].update(
            index=(proof["index"] + 1) % size)),
        change("index past", "inclusion", lambda d: d["inclusion"].update(index=size)),
        change("index below", "inclusion", lambda d: d["inclusion"].update(index=-1)),
        change("index 3.0", "inclusion", lambda d: d["inclusion"].update(index=3.0)),
        change("index huge", "inclusion", lambda d: d["inclusion"].update(index=2**70)),
        change("size", "inclusion", lambda d: d["inclusion"].update(size=size + 1)),
        change("size of the note", "inclusion", lambda d: d["inclusion"].update(
            checkpoint=note.replace(f"\n{size}\n", f"\n{size + 1}\n"))),
        change("both sizes", "inclusion", lambda d: d["inclusion"].update(
            size=2 * size, checkpoint=note.replace(f"\n{size}\n", f"\n{2 * size}\n"))),
        change("checkpoint signature", "checkpoint", lambda d: d["inclusion"].update(
            checkpoint=broken_line(note, 0))),
        change("cosignature", "witness", lambda d: d["inclusion"].update(
            checkpoint=broken_line(note, 1))),
        change("unsigned", "checkpoint", lambda d: d["inclusion"].update(
            checkpoint="\n".join([*note.split("\n")[:4], note.split("\n")[5], ""]))),
        change("not a note", "inclusion", lambda d: d["inclusion"].update(checkpoint="x")),
        change("other log", "inclusion", lambda d: d["inclusion"].update(checkpoint="o" + note)),
    ]  # fmt: skip


def broken_line(note, number):
    """The signature line of that number with its last byte changed."""
    lines = note.split("\n")
    name, _space, encoded = lines[4 + number].rpartition(" ")
    lines[4 + number] = f"{name} {flipped(encoded, -1)}"
    return "\n".join(lines)


def test_every_tampering_is_found_as_the_program_finds_it(proved, opened):
    published = keys.published()
    cases = tamperings(proved)
    texts = [json.dumps(proved), *(json.dumps(document) for _name, _check, document in cases)]
    whole, *found = compared(opened, texts, published)
    assert (whole[0], [one[1] for one in whole[1]]) == ("holds", ["held"] * 8)
    for (name, check, _document), (verdict, findings) in zip(cases, found, strict=True):
        # A cosignature that does not fit is found when the checkpoint is opened.
        where = "checkpoint" if check == "witness" else check
        assert (name, verdict != "holds", findings[-1][0]) == (name, True, where)
    # Without published keys: whole, for the key inside.
    assert compared(opened, texts, None)[0][0] == "inside"


def test_other_logs_other_keys_and_readable_leaves(proved, opened):
    log = Log(padding(300))
    document, leaf = log.receipt()
    readable = verify.canonical({"at": "2026-11-22T09:00:00.000Z", "commitment": leaf.hex()})
    log.leaves += [leaf, readable, *padding(5)]
    cases = [
        document,
        log.prove(document, 300),
        log.prove(document, 301, leaf=verify.base64_of(readable)),
        log.prove(document, 301, leaf=verify.base64_of(readable.replace(b"09:00", b"08:00"))),
        log.prove(document, 301, leaf=verify.base64_of(b"{}")),
        *(log.sign({n: "2026-11-22T09:00:00.000Z"}, b"{}", bytes(32)) for n in verify.SIGNED_AT),
        log.sign({"n": 1}, b'{"at":"2026-11-22T09:00:00.000Z"}', bytes(32)),
        log.sign({"n": 1}, b"{}", bytes(32)),
    ]
    texts = [json.dumps(case) for case in cases]
    retired = log.keys()
    retired["keys"][1]["until"] = "2026-11-22T08:00:00Z"
    renamed = log.keys()
    renamed["keys"][0]["algorithm"] = renamed["keys"][1]["algorithm"] = "SM2"
    begun_anew = Log(padding(1), origin="log.example.cn/second").keys()
    begun_anew["keys"].append(log.keys()["keys"][1])
    after = begun_anew | {"former": [{"origin": log.origin, "vkeys": [log.vkey]}]}
    for published in (log.keys(), retired, renamed, None, begun_anew, after):
        compared(opened, texts, published)
    told = [findings[-1][2] for _verdict, findings in compared(opened, texts, retired)]
    assert (told[0], set(told[-6:-1])) == ("key.retired", {"key.retired"})
    assert told[-1] != "key.retired"
    assert compared(opened, texts[1:2], after)[0][0] == "holds"
    assert compared(opened, texts[1:2], begun_anew)[0][1][-1][2] == "inclusion.origin"


def test_what_is_no_receipt(opened, committing_db):
    texts = [
        "", "{", "[]", "[1]", "null", '"x"', "7", "{}", "01", "1.", '{"a":01}', "[" * 9000,
        '{"signed_text": 1}', '{"signed_text": "!!"}', '{"signed_text": "bnVsbA==", "signature": ""}',
    ]  # fmt: skip
    compared(opened, texts, keys.published())


def test_changes_made_at_random(proved, opened):
    """A few hundred documents with one or two values replaced, at any depth."""
    chance = random.Random(20261122)
    values = [
        None, True, False, 0, 1, -1, 1.5, 2.0, 2**53, 2**60, "", "x", "AAAA", [], {}, [1], {"a": 1},
        "0" * 64, "2026-11-22T09:00:00.000Z", "Ed25519",
    ]  # fmt: skip

    def places(value, path=()):
        yield path
        if isinstance(value, dict):
            for name in value:
                yield from places(value[name], (*path, name))
        elif isinstance(value, list):
            for at in range(len(value)):
                yield from places(value[at], (*path, at))

    texts = []
    for _ in range(400):
        document = copy.deepcopy(proved)
        for path in chance.sample(
            [path for path in places(document) if path], chance.choice([1, 2])
        ):
            above = document
            try:
                for step in path[:-1]:
                    above = above[step]
                above[path[-1]] = copy.deepcopy(chance.choice(values))
            except (TypeError, KeyError, IndexError):
                continue
        texts.append(json.dumps(document))
    found = compared(opened, texts, keys.published())
    assert {verdict for verdict, _findings in found} == {"holds", "fails", "unknown"}


def lines(page):
    return page.locator("[data-verify-lines] li > span:last-child").all_inner_texts()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_is_asked_when_a_receipt_is_dropped(proved, site, page, language, tmp_path):
    with page.expect_response("**/log/keys.json"):
        page.goto(f"{site}/{'en/' if language == 'en' else ''}verify/")
    page.wait_for_load_state("networkidle")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    published = verify.Keys.published(keys.published())
    findings, _signed = verify.examine(proved, keys=published)
    drop(page, json.dumps(proved))
    expect(page.locator("[data-verify-lines] li")).to_have_count(8)
    assert lines(page) == [finding.said(language) for finding in findings]
    expect(page.locator("#result")).to_be_focused()
    held = page.inner_text("#result")
    # Chosen, and then pasted.
    altered = {**proved, "receipt": {**proved["receipt"], "version": 2}}
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(altered), "utf-8")
    page.set_input_files("[name=file]", file)
    expect(page.locator("[data-verify-lines] li")).to_have_count(4)
    assert lines(page)[-1] == verify.sentence("reading", language)
    assert page.inner_text("#result") != held
    page.fill("[name=pasted]", json.dumps(proved))
    page.click("form[data-verify] button[type=submit]")
    expect(page.locator("[data-verify-lines] li")).to_have_count(8)
    assert page.inner_text("#result") == held
    assert asked == []


def drop(page, text):
    page.evaluate(
        """(text) => {
          const data = new DataTransfer();
          data.items.add(new File([text], "receipt.json", { type: "application/json" }));
          for (const kind of ["dragenter", "dragover", "drop"]) {
            const at = document.querySelector("main");
            at.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true }));
          }
        }""",
        text,
    )


def test_without_the_keys_it_says_so(proved, site, page):
    page.route("**/log/keys.json", lambda route: route.abort())
    page.goto(f"{site}/en/verify/")
    drop(page, json.dumps(proved))
    expect(page.locator("#result")).to_have_text("This receipt holds for the key inside it")
    assert lines(page)[1] == verify.sentence("key.unchecked", "en")


def test_without_scripts_the_form_answers_the_same(proved, site, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/en/verify/")
    page.fill("[name=pasted]", json.dumps(proved))
    # The click returns before the answer is there.
    with page.expect_navigation():
        page.click("form[data-verify] button[type=submit]")
    findings, _signed = verify.examine(proved, keys=verify.Keys.published(keys.published()))
    assert lines(page) == [finding.said("en") for finding in findings]
    context.close()
