"""What the platform gives out, checked by the files that others download."""

import json
from uuid import uuid4

import pytest

from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.ledger import keys, receipts, verify, witness
from marketplace.ledger.log import sequencer, tiles
from marketplace.ledger.models import Audience, Receipt
from tests.ledger.serving import Quiet

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def settled(settings, tmp_path):
    settings.LOG_ANCHOR_FILE = tmp_path / "anchor" / "checkpoint"
    settings.LOG_BATCH_QUANTUM = 16


def handed_out(audience=Audience.PARTIES):
    """A receipt, given out before its event is sealed."""
    body = {"size": 65_536, "说明": "密封"}
    event = ledger.append(
        "bid.submitted", actor=SYSTEM, subjects=[uuid4()], audience=audience, inputs=body,
        data={"minutes": 5, "sealed": True},
    )  # fmt: skip
    return receipts.issue("bid", subject_uid=uuid4(), body=body, event=event)


def published(folder):
    """What the log's routes serve, as files."""
    checkpoint = tiles.newest()
    for level, index, width in verify.tiles_of(checkpoint.size):
        file = folder / verify.tile_path(level, index, width)
        file.parent.mkdir(parents=True, exist_ok=True)
        bundle = level == "entries"
        raw = tiles.bundle(index, width) if bundle else tiles.tile_of(level, index, width)
        file.write_bytes(raw)
    (folder / "checkpoint").write_text(tiles.shown(checkpoint), "utf-8")
    (folder / "keys.json").write_text(json.dumps(keys.published()), "utf-8")


def states(document):
    published_keys = verify.Keys.published(json.loads(json.dumps(keys.published())))
    findings, signed = verify.examine(json.loads(json.dumps(document)), keys=published_keys)
    assert signed == document["receipt"]
    return {finding.check: finding.state for finding in findings}


@pytest.mark.parametrize("audience", [Audience.PARTIES, Audience.PUBLIC])
def test_a_receipt_of_ours_holds_down_to_the_signed_root(audience):
    receipt = handed_out(audience)
    fresh = receipts.document(receipt)
    sequencer.seal_batch()
    assert (states(fresh)["event"], states(fresh)["inclusion"]) == ("held", "absent")
    document = receipts.document(Receipt.objects.get(pk=receipt.pk))
    held = {check for check, state in states(document).items() if state == "held"}
    assert held == set(verify.CHECKS) - {"witness"}


def test_our_log_is_mirrored_witnessed_and_found_in(served, tmp_path, capsys):
    url, folder = served
    document = receipts.document(handed_out())
    sequencer.seal_batch()
    published(folder)
    file, mirror, key = tmp_path / "receipt.json", tmp_path / "mirror", tmp_path / "w.pem"
    file.write_text(json.dumps(document), "utf-8")
    trusted = ["--keys", str(folder / "keys.json")]
    assert verify.main(["fetch", url, str(mirror), *trusted]) == 0
    assert verify.main(["mirror", str(mirror), *trusted]) == 0
    capsys.readouterr()
    assert verify.main(["receipt", str(file), "--mirror", str(mirror), *trusted]) == 0
    assert "√ 日志中有这份回执的条目" in capsys.readouterr().out
    assert witness.main(["--make-key", "w.example.cn", "--key", str(key)]) == 0
    vkey = next(k["vkey"] for k in keys.published()["keys"] if k["use"] == "checkpoint")
    words = [url, "--log-vkey", vkey, "--key", str(key), "--state", str(tmp_path / "state")]
    assert witness.main([*words, "--submit"]) == 0
    sequencer.seal_batch()
    published(folder)
    assert witness.main([*words, "--submit"]) == 0
    assert verify.main(["fetch", url, str(mirror), *trusted]) == 0
    assert len(Quiet.handed_in) == 2
