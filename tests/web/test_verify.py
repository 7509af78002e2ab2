"""The page that checks a receipt, and the script that checks it without us."""

import hashlib
import html
import json
import re
import subprocess
import sys
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.ledger import keys, receipts, verify
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Receipt
from marketplace.ledger.verify import key_id, public_text
from tests.web.asking import MARKUP, get, text

pytestmark = pytest.mark.django_db


def handed_out(**body):
    body = {"version": 1, "说明": MARKUP, **body}
    event = ledger.append("bid.submitted", actor=SYSTEM, subjects=[], inputs=body)
    return receipts.issue("bid", subject_uid=uuid4(), body=body, event=event)


def document_of(receipt):
    return json.loads(json.dumps(receipts.document(Receipt.objects.get(pk=receipt.pk))))


@pytest.fixture
def document(db):
    """A receipt whose proof is there."""
    receipt = handed_out()
    sequencer.seal_batch()
    return document_of(receipt)


def check(document, language="en"):
    raw = document if isinstance(document, str) else json.dumps(document)
    return Client().post("/en/verify/" if language == "en" else "/verify/", {"pasted": raw})


def states(response):
    found = re.findall(r'<li class="pub-check-(\w+)"', text(response))
    return "".join(state[0] for state in found)


def test_a_receipt_holds_and_every_check_is_said(document):
    answer = check(document)
    assert states(answer) == "hhhhhhha"
    assert "This receipt holds<" in text(answer)
    assert "<script>alert" not in text(answer)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_says_what_the_program_says(document, language):
    findings, _signed = verify.examine(document, keys=verify.Keys.published(keys.published()))
    said = html.unescape(text(check(document, language)))
    assert [finding.said(language) in said for finding in findings] == [True] * 8


def test_before_the_log_and_before_the_proof(db):
    plain = receipts.issue("bid", subject_uid=uuid4(), body={"version": 1})
    assert states(check(document_of(plain))) == "hhhhaaaa"
    assert states(check(document_of(handed_out()))) == "hhhhhaaa"


def test_a_file_may_be_chosen(document, tmp_path):
    file = tmp_path / "receipt.json"
    file.write_text("\ufeff" + json.dumps(document), "utf-8")
    with file.open("rb") as opened:
        answer = Client().post("/en/verify/", {"file": opened})
    assert states(answer) == "hhhhhhha"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("signed_text", 7, "f"),
        ("key_id", "0" * 16, "hf"),
        ("signature", "A" * 86 + "==", "hhf"),
        ("receipt", {"version": 2}, "hhhf"),
    ],
)
def test_a_changed_receipt_shows_which_check_fails(document, field, value, expected):
    answer = check({**document, field: value})
    assert states(answer) == expected
    assert "This receipt does not hold" in text(answer)


def test_another_algorithm_is_said_to_be_unknown(document):
    answer = check({**document, "algorithm": "SM2"})
    assert states(answer) == "u"
    assert "This receipt cannot be checked here" in text(answer)


def test_another_platform_with_its_own_key_is_told_apart(document):
    """A receipt that is whole, but whose key is not the published one."""
    key = Ed25519PrivateKey.generate()
    forged = {**document, "public_key": public_text(key.public_key())}
    forged["key_id"] = key_id(key.public_key())
    assert states(check(forged)) == "hf"


@pytest.mark.parametrize(
    "rubbish", ["", "{", "[1]", "null", '"x"', "[" * 50_000, "{}" + " " * 70_000 + "x", "\x00"]
)
def test_rubbish_is_refused_in_words(rubbish):
    answer = check(rubbish)
    assert answer.status_code == 422
    assert "jb-summary" in text(answer)
    assert states(answer) == ""


def test_the_script_runs_alone(document, tmp_path):
    """The three lines of the page, followed."""
    said = html.unescape(text(get("/verify/")))
    script, keys_file = tmp_path / "jiebang_verify.py", tmp_path / "keys.json"
    script.write_bytes(get("/log/verify.py").content)
    assert hashlib.sha256(script.read_bytes()).hexdigest() in said
    keys_file.write_bytes(get("/log/keys.json").content)
    (tmp_path / "receipt.json").write_text(json.dumps(document), "utf-8")
    command = "python3 jiebang_verify.py receipt.json --keys keys.json"
    assert command in said
    done = subprocess.run(
        [sys.executable, "-I", *command.split()[1:]],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "VALID"
