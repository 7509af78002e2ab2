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

from marketplace.ledger import receipts
from marketplace.ledger.verify import key_id, public_text
from tests.web.asking import MARKUP, get, text

pytestmark = pytest.mark.django_db


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
