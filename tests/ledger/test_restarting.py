"""A restored old backup is noticed; the log goes on under another name and says what was lost."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.ledger import keys, leaves, receipts, verify
from marketplace.ledger.log import anchor, checking, restarting, sequencer, tiles
from marketplace.ledger.log.models import Checkpoint, Leaf
from tests.ledger.test_checking import receipt

OLD, NEW = "jiebang.example/log", "jiebang.example/log2"
REASON = "数据盘损坏，恢复到前一日的备份。"


@pytest.fixture
def lost(db, settings):
    """The log had 48 leaves and is back at 16, of which a receipt knows one."""
    settings.LOG_ORIGIN, settings.LOG_BATCH_QUANTUM = OLD, 16
    made = receipt()
    sequencer.seal_batch()
    backup = transaction.savepoint()
    ledger.append("a.b", actor=SYSTEM, subjects=[])
    sequencer.seal_batch()
    newest = sequencer.seal_batch()
    transaction.savepoint_rollback(backup)
    made.event = None
    made.root_before = verify.base64_of(bytes(newest.root))
    return made


def restart(reason=REASON):
    said = StringIO()
    call_command("restart_log", reason=reason, stdout=said)
    return said.getvalue()


def refused():
    with pytest.raises(CommandError) as caught:
        restart()
    return str(caught.value)


def test_it_goes_on_under_another_name_and_says_so(lost, settings):
    assert anchor.damage().code == "log.shrunk"
    assert refused() == f"LOG_ORIGIN is {OLD}, a name that was signed before: give a new one."
    assert "log.restarted" not in str(Leaf.objects.values_list("data", flat=True))
    settings.LOG_ORIGIN = NEW
    assert restart() == f"The log goes on as {NEW} with 32 leaves.\n"
    assert anchor.damage() is None
    told = [
        json.loads(bytes(leaf.data))
        for leaf in Leaf.objects.filter(index__gte=16)
        if len(leaf.data) != leaves.OPAQUE
    ]
    [event] = [leaf for leaf in told if leaf["kind"] == "log.restarted"]
    assert event["data"] == {
        "origin_before": OLD,
        "size_before": 48,
        "root_before": lost.root_before,
        "size_kept": 16,
        "origin": NEW,
        "reason": REASON,
    }
    assert sequencer.seal_batch().size == 48
    assert checking.run().problem == ""
    aside = anchor.path().with_name("checkpoint.jiebang.example_log.48")
    assert aside.read_text("utf-8").splitlines()[:3] == [OLD, "48", lost.root_before]


def test_nothing_is_lost_of_what_was_kept(lost, settings):
    """A receipt from before is still proved, under the name that it was promised for."""
    before = keys.published()
    settings.LOG_ORIGIN = NEW
    restart()
    document = receipts.document(lost)
    assert document["inclusion"]["checkpoint"].startswith(f"{OLD}\n16\n")
    findings, signed = verify.examine(document, keys=verify.Keys.published(before))
    assert signed is not None
    assert {finding.check: finding.state for finding in findings}["checkpoint"] == "held"
    told = keys.published()
    assert [entry["origin"] for entry in told["former"]] == [OLD]
    former = verify.Keys.given([document["public_key"], *told["former"][0]["vkeys"]])
    assert verify.examine(document, keys=former)[1] is not None


def test_killed_before_the_file_was_changed(lost, settings, monkeypatch):
    settings.LOG_ORIGIN = NEW

    def die():
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(anchor, "put_aside", die)
        restart()
    assert restart() == f"The log goes on as {NEW} with 32 leaves.\n"
    assert Checkpoint.objects.count() == 2
    assert sequencer.seal_batch().size == 48


def test_what_is_refused(lost, settings):
    anchor.path().unlink()
    settings.LOG_ORIGIN = NEW
    assert refused() == (
        "There is no anchor file: put the last checkpoint that anybody saved in its place."
    )
    anchor.path().write_text("rubbish")
    assert refused().startswith("The anchor file (LOG_ANCHOR_FILE) holds no checkpoint")
    anchor.path().write_text(tiles.newest().note, "utf-8")
    assert refused() == "Nothing that was signed is lost: leave LOG_ORIGIN as it was."
    assert Checkpoint.objects.count() == 1


def test_not_while_the_sequencer_works(committing_db, settings, monkeypatch, two_at_once):
    sequencer.seal_batch()
    monkeypatch.setattr(sequencer, "alone", lambda: False)
    with pytest.raises(restarting.NotRestarted, match="stop the worker first"):
        restarting.restart(reason=REASON)
