import json
import subprocess
import sys
from uuid import uuid4

import pytest

from marketplace.ledger import receipts
from marketplace.ledger.verify import NotValid, verify


@pytest.fixture
def document(db):
    receipt = receipts.issue("bid", subject_uid=uuid4(), body={"size": 65536, "说明": "密封"})
    return receipts.document(receipt)


def test_a_receipt_holds_offline(document, tmp_path):
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(document), "utf-8")
    command = [sys.executable, "-m", "marketplace.ledger.verify", str(file)]
    done = subprocess.run(
        [*command, "--key", document["public_key"]],
        env={"PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "VALID")


@pytest.mark.parametrize("field", ["receipt", "signed_text", "signature", "key_id"])
def test_a_changed_receipt_does_not(document, field):
    other = {
        "receipt": {**document["receipt"], "size": 1},
        "signed_text": document["signature"],
        "signature": document["signature"][::-1],
        "key_id": "0" * 16,
    }
    with pytest.raises(NotValid):
        verify({**document, field: other[field]})


def test_another_published_key_does_not_fit(document):
    with pytest.raises(NotValid):
        verify(document, published_key="A" * 43 + "=")


@pytest.mark.parametrize("rubbish", [{}, {"signed_text": 1}, {"signed_text": "!!"}])
def test_rubbish_is_refused_in_words(rubbish):
    with pytest.raises(NotValid):
        verify(rubbish)
