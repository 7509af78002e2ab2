"""A receipt with its proof: from the signature to the log's checkpoint, each step by itself."""

import base64
import copy
import json

import pytest

from marketplace.ledger import verify
from marketplace.ledger.verify import CannotCheck, Keys, NotValid
from tests.ledger.mirrors import Log, b64, padding

HELD = [
    "format", "key", "signature", "reading", "event", "inclusion", "checkpoint",
]  # fmt: skip


@pytest.fixture(scope="module")
def log():
    return Log(padding(299))


@pytest.fixture(scope="module")
def document(log):
    document, leaf = log.receipt(size=65_536)
    log.leaves.append(leaf)
    log.leaves += padding(21)
    return log.prove(document, 299)


def examined(document, log, keys=None):
    findings, signed = verify.examine(document, keys=Keys.published(keys or log.keys()))
    return {finding.check: (finding.state, finding.code) for finding in findings}, signed


def failure(document, log):
    found, signed = examined(document, log)
    assert signed is None
    return next(code for state, code in found.values() if state == "failed")


def test_everything_holds(log, document):
    found, signed = examined(document, log)
    assert [check for check in verify.CHECKS if found[check][0] == "held"] == HELD
    assert found["witness"] == ("absent", "witness.absent")
    assert signed == document["receipt"]


def changed(document, path, value):
    other = copy.deepcopy(document)
    place = other
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value(place[path[-1]]) if callable(value) else value
    return other


def flipped(text):
    raw = bytearray(base64.b64decode(text))
    raw[0] ^= 1
    return b64(bytes(raw))


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (["receipt", "size"], 65_537, "reading"),
        (["receipt", "size"], 65_536.0, "reading"),
        (["signature"], flipped, "signature"),
        (["key_id"], "0" * 16, "key"),
        (["event", "salt"], flipped, "event.leaf"),
        (["event", "body"], lambda text: b64(base64.b64decode(text) + b" "), "event.leaf"),
        (["inclusion", "hashes", 0], flipped, "inclusion"),
        (["inclusion", "hashes", -1], flipped, "inclusion"),
        (["inclusion", "hashes"], lambda hashes: hashes[:-1], "proof.length"),
        (["inclusion", "index"], 298, "inclusion"),
        (["inclusion", "index"], 291, "inclusion"),
        (["inclusion", "index"], 321, "proof.index"),
        (["inclusion", "index"], "299", "proof.index"),
        (["inclusion", "size"], 320, "inclusion"),
        (["inclusion", "checkpoint"], lambda note: note.replace("\n321\n", "\n320\n"), "inclusion"),
        (["inclusion", "checkpoint"], lambda note: note[:-3] + "\n", "checkpoint.format"),
        (["inclusion", "leaf"], b64(b'{"commitment":"00"}'), "inclusion.leaf"),
        (["signed_text"], "AAAA", "format"),
        (["event"], {"body": "!", "salt": ""}, "format"),
        (["inclusion"], {"index": 1}, "format"),
    ],
)  # fmt: skip
def test_what_was_changed_is_named(log, document, path, value, code):
    if path == ["inclusion", "leaf"]:
        document = changed(document, ["inclusion"], lambda proof: proof | {"leaf": ""})
    assert failure(changed(document, path, value), log) == code


def test_another_log_s_proof_of_the_same_leaf_is_refused(log, document):
    other = Log(log.leaves, origin="other.example.cn/log")
    assert failure(other.prove(document, 299), log) == "inclusion.origin"


def test_a_checkpoint_that_somebody_else_signed(log, document):
    stranger = Log(log.leaves)
    assert failure(stranger.prove(document, 299), log) == "checkpoint.unsigned"


def test_a_checkpoint_whose_signature_does_not_fit(log, document):
    text, _, line = document["inclusion"]["checkpoint"].rpartition(" ")
    note = f"{text} {flipped_last(line.strip())}\n"
    assert failure(changed(document, ["inclusion", "checkpoint"], note), log) == "checkpoint"


def flipped_last(text):
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return b64(bytes(raw))


def test_an_event_about_something_else(log):
    _other, _leaf = log.receipt(size=1)
    first, _leaf = log.receipt(size=2)
    body, salt = (base64.b64decode(first["event"][name]) for name in ("body", "salt"))
    log_entry = {"log": first["receipt"]["log"]}
    assert failure(log.sign({"size": 3} | log_entry, body, salt), log) == "event.input"


def test_a_readable_leaf_must_say_what_the_event_says(log):
    document, leaf = log.receipt()
    shown = {"type": "jiebang-event/1", "kind": "bid.submitted", "commitment": leaf.hex()}
    own = Log(log.leaves)
    own.key, own.receipt_key = log.key, log.receipt_key
    for kind, code in [("bid.submitted", None), ("bid.withdrawn", "inclusion.readable")]:
        data = verify.canonical({**shown, "kind": kind})
        own.leaves = [*log.leaves, data]
        proved = own.prove(document, len(log.leaves), leaf=b64(data))
        if code:
            assert failure(proved, log) == code
        else:
            assert examined(proved, log)[0]["inclusion"][0] == "held"


def test_receipts_without_proof_or_from_before_the_log(log, document):
    fresh = {**document, "inclusion": None}
    assert examined(fresh, log)[0]["inclusion"] == ("absent", "inclusion.absent")
    statement = {n: v for n, v in document["receipt"].items() if n not in {"log", "type"}}
    old = log.sign(statement, b"", b"")
    del old["event"], old["inclusion"], old["algorithm"]
    found, signed = examined(old, log)
    assert signed is not None
    assert found["event"] == ("absent", "event.absent")
    assert found["inclusion"] == ("absent", "inclusion.old")


def test_after_a_rotation_old_receipts_still_hold_and_late_ones_do_not(log, document):
    keys = log.keys()
    retired = next(entry for entry in keys["keys"] if entry["use"] == "receipt")
    keys["keys"].append({**Log().keys()["keys"][1]})
    retired["until"] = "2026-11-22T08:50:01Z"  # ten minutes for processes with the old key
    assert examined(document, log, keys)[0]["key"][0] == "held"
    retired["until"] = "2026-11-22T16:50:00+08:00"
    assert examined(document, log, keys)[0]["key"] == ("failed", "key.retired")


STATED = [*({name: "2026-11-22T09:00:00.000Z"} for name in verify.SIGNED_AT), {"n": 1}]


@pytest.mark.parametrize("statement", STATED, ids=str)
def test_a_retired_key_signs_nothing_later_by_whatever_name_its_time_goes(log, statement):
    """Opening records and certificates were not received; at the last their event has a time."""
    body = verify.canonical({"at": "2026-11-22T09:00:00.000Z"})
    document = log.sign(statement, body, bytes(32))
    keys = log.keys()
    retired = next(entry for entry in keys["keys"] if entry["use"] == "receipt")
    for until, told in [
        ("2026-11-22T08:50:01Z", ("held", "key.held")),
        ("2026-11-22T08:50:00Z", ("failed", "key.retired")),
    ]:
        retired["until"] = until
        assert examined(document, log, keys)[0]["key"] == told


@pytest.mark.parametrize("use", ["receipt", "checkpoint"])
def test_an_unknown_algorithm_is_neither_held_nor_failed(log, document, use):
    keys = log.keys()
    for entry in keys["keys"]:
        if entry["use"] == use:
            entry["algorithm"] = "SM2"
    with pytest.raises(CannotCheck) as error:
        examined(document, log, keys)
    assert error.value.said("zh") == "本程序不认识算法 SM2，无法核对；请使用更新的程序。"
    with pytest.raises(CannotCheck):
        examined({**document, "algorithm": "SM2"}, log)


def test_one_raw_key_checks_the_receipt_and_says_what_it_left_out(log, document):
    keys = Keys.given([document["public_key"]])
    findings, signed = verify.examine(document, keys=keys)
    assert signed == document["receipt"]
    states = {finding.check: finding.state for finding in findings}
    assert (states["inclusion"], states["checkpoint"]) == ("held", "unchecked")
    both = Keys.given([document["public_key"], log.vkey])
    states = {finding.check: finding.state for finding in verify.examine(document, keys=both)[0]}
    assert states["checkpoint"] == "held"


def test_the_library_raises_what_failed(log, document):
    assert verify.verify(document, published_key=document["public_key"]) == document["receipt"]
    with pytest.raises(NotValid) as error:
        verify.verify(changed(document, ["inclusion", "hashes", 0], flipped))
    assert (error.value.check, error.value.code) == ("inclusion", "inclusion")
    with pytest.raises(NotValid):
        verify.verify(document, published_key="not a key")


@pytest.mark.parametrize("rubbish", [None, [], 7, "x", {"signed_text": b64(b"[" * 100_000)}])
def test_rubbish_is_refused_in_words(log, rubbish):
    assert failure(rubbish, log) == "format"


def test_every_sentence_is_there_in_both_languages():
    for code, (chinese, english) in verify.SAYS.items():
        assert chinese.endswith("。"), code
        assert english.endswith("."), code
        assert set(json.dumps(english)) & set("，。；：") == set(), code
        assert {piece.split("}")[0] for piece in chinese.split("{")[1:]} == {
            piece.split("}")[0] for piece in english.split("{")[1:]
        }, code
