"""`check_log`: whoever edits the database behind the triggers is found, and the row is named."""

import tracemalloc
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction

from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.ledger import receipts, verify
from marketplace.ledger.log import anchor, checking, sequencer, tiles
from marketplace.ledger.log.models import Checkpoint, Leaf, LogCheck, LogTile, PublishedKey
from marketplace.ledger.models import Audience, Event, PendingEvent, Receipt
from marketplace.web import health
from tests import world
from tests.bidding import bids
from tests.conftest import filled_once
from tests.ledger.tampering import tamper


def written(count, audience=Audience.PARTIES, **more):
    return [
        ledger.append("a.b", actor=SYSTEM, subjects=[uuid4()], audience=audience, **more)
        for _ in range(count)
    ]


def receipt():
    body = {"size": 1}
    event = ledger.append("a.b", actor=SYSTEM, subjects=[], inputs=body)
    return receipts.issue("bid", subject_uid=uuid4(), body=body, event=event)


@pytest.fixture(scope="module")
def filled(django_test_environment, django_db_blocker, tmp_path_factory):
    """A log as in `log`, filled once."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setattr(settings, "LOG_ANCHOR_FILE", tmp_path_factory.mktemp("log") / "checkpoint")
        patch.setattr(settings, "LOG_BATCH_QUANTUM", 4)
        with filled_once("log", fill) as name:
            yield name


def fill():
    with transaction.atomic():
        written(3, Audience.PUBLIC, data={"n": 1, "text": "公告"})
        written(200, reason="a reason", to_state="open")
        receipt()
    sequencer.seal_batch()
    with transaction.atomic():
        written(90)
    sequencer.seal_batch()
    with transaction.atomic():
        written(1)


@pytest.fixture
def log(committing_db, monkeypatch):
    """300 leaves in two batches, a receipt, one event that waits."""
    monkeypatch.setattr(settings, "LOG_BATCH_QUANTUM", 4)
    anchor.remember(tiles.newest())


def found():
    """What the command says, and what stays of it."""
    with pytest.raises(CommandError) as caught:
        call_command("check_log")
    assert LogCheck.objects.order_by("-id")[0].problem == str(caught.value)
    assert health.nightly_check() == health.Check(
        "log_check",
        "degraded",
        "The check of the whole log found a changed row: `manage.py check_log` names it.",
    )
    return str(caught.value)


def event_of(index=10):
    leaf = Leaf.objects.exclude(event_id=None).filter(index__gte=index).order_by("index")[0]
    return leaf.index, leaf.event_id


def test_everything_holds(log):
    said = StringIO()
    call_command("check_log", stdout=said)
    assert said.getvalue() == "everything holds: 300 leaves, 2 checkpoints, 1 receipts\n"
    assert health.nightly_check().status == "ok"


@pytest.mark.django_db
def test_an_empty_log_holds():
    assert checking.run().problem == ""


@pytest.mark.django_db
def test_of_what_a_bid_leaves_everything_holds(clock, settings):
    settings.LOG_BATCH_QUANTUM = 16
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.open_first(scenario, clock)
    sequencer.seal_batch()
    row = checking.run()
    assert (row.problem, row.receipts) == ("", Receipt.objects.count())
    assert row.leaves == Leaf.objects.count()


@pytest.mark.parametrize(
    "column",
    ["kind = 'c.d'", "at = at + interval '1 s'", "role = 'owner'", "data = '{\"n\": 2}'",
     "actor_uid = gen_random_uuid()", "subjects = '{}'", "to_state = 'shut'", "body = 'x'"],
)  # fmt: skip
def test_an_edited_event(log, column):
    index, pk = event_of()
    assert tamper("event", f"UPDATE marketplace_event SET {column} WHERE id = %s", pk) == 1
    assert found() == f"Event {pk} (leaf {index}) was changed: its columns and body differ."


def test_an_event_edited_with_its_body(log):
    index, pk = event_of()
    event = Event.objects.get(pk=pk)
    event.kind = "c.d"
    body = checking.canonical(ledger.leaf(event))
    tamper("event", "UPDATE marketplace_event SET kind = 'c.d', body = %s WHERE id = %s", body, pk)
    assert found() == f"Event {pk} was changed: event {pk} does not give leaf {index}."


def test_an_event_edited_with_its_leaf(log):
    index, pk = event_of()
    event = Event.objects.get(pk=pk)
    event.kind = "c.d"
    event.body = checking.canonical(ledger.leaf(event))
    tamper(
        "event",
        "UPDATE marketplace_event SET kind = 'c.d', body = %s WHERE id = %s", event.body, pk,
    )  # fmt: skip
    data = checking.leaves.leaf_data(event)
    tamper("leaf", "UPDATE marketplace_leaf SET data = %s WHERE index = %s", data, index)
    assert found() == f"Leaf {index} does not fit its hash in tile 0/0."


def test_everything_edited_up_to_the_root_is_found_by_saved_checkpoints(log, tmp_path):
    saved = tiles.newest().note
    index, _pk = event_of()
    tamper("leaf", "UPDATE marketplace_leaf SET data = %s, event_id = NULL WHERE index = %s",
           bytes(32), index)  # fmt: skip
    rows = Leaf.objects.order_by("index").values_list("data", flat=True)
    hashes = [verify.leaf_hash(bytes(data)) for data in rows]
    for number in (0, 1):
        body = b"".join(hashes[number * 256 : number * 256 + 256])
        tamper(
            "logtile",
            "UPDATE marketplace_logtile SET hashes = %s WHERE level = 0 AND index = %s",
            body, number,
        )  # fmt: skip
    tamper("logtile", "UPDATE marketplace_logtile SET hashes = %s WHERE level = 1",
           verify.tree_root(hashes[:256]))  # fmt: skip
    assert found().startswith("The first 300 leaves give another root than the one that was signed")
    # Even with new checkpoints, signed again, and no anchor file: whoever kept the old one sees it.
    checking.anchor.path().unlink()
    for row in Checkpoint.objects.all():
        root = verify.tree_root(hashes[: row.size])
        made = forged(row, root)
        tamper("checkpoint", "UPDATE marketplace_checkpoint SET root = %s, note = %s WHERE id = %s",
               root, made, row.pk)  # fmt: skip
    assert found().endswith("has no leaf and waits for none.")
    then, now = [
        verify.parse_checkpoint(verify.parse_note(note).text)
        for note in (saved, tiles.newest().note)
    ]
    with pytest.raises(verify.NotValid) as caught:
        verify.verify_consistency(then[1], then[2], now[1], now[2], [])
    assert "different histories are shown to different people" in str(caught.value)


def forged(row, root):
    key = checking.keys.log_key()
    text = f"{row.origin}\n{row.size}\n{verify.base64_of(root)}\n"
    signature = verify.named(row.origin, key.public_raw).id + key.sign(text.encode())
    return f"{text}\n— {row.origin} {verify.base64_of(signature)}\n"


def test_padding_changed(log):
    index = Leaf.objects.filter(event_id=None).order_by("index")[0].index
    tamper("leaf", "UPDATE marketplace_leaf SET data = %s WHERE index = %s", bytes(32), index)
    assert found() == f"Leaf {index} does not fit its hash in tile 0/{index // 256}."


def test_a_leaf_taken_away(log):
    tamper("leaf", "DELETE FROM marketplace_leaf WHERE index = 258")
    assert found() == "Leaf 258 is missing."


def test_an_event_taken_away(log):
    index, pk = event_of()
    tamper("event", "DELETE FROM marketplace_event WHERE id = %s", pk)
    assert found() == f"Event {pk} of leaf {index} is gone."


def test_an_event_passed_off_as_padding(log):
    index, pk = event_of()
    tamper("leaf", "UPDATE marketplace_leaf SET event_id = NULL WHERE index = %s", index)
    assert found() == f"Event {pk} has no leaf and waits for none."


def test_a_pending_row_taken_away(log):
    pk = PendingEvent.objects.get().event_id
    assert PendingEvent.objects.all().delete()[0] == 1
    assert found() == f"Event {pk} has no leaf and waits for none."


def test_a_pending_row_of_a_receipt_taken_away(log):
    with transaction.atomic():
        made = receipt()
    PendingEvent.objects.filter(event_id=made.event_id).delete()
    assert found() == f"Receipt {made.pk}: its event has no leaf and waits for none."


def test_a_tile_changed(log):
    flip = "set_byte(hashes, 64, get_byte(hashes, 64) # 1)"
    tamper(
        "logtile", f"UPDATE marketplace_logtile SET hashes = {flip} WHERE level = 0 AND index = 1"
    )
    assert found().startswith("The first 300 leaves give another root")
    tamper(
        "logtile", f"UPDATE marketplace_logtile SET hashes = {flip} WHERE level = 0 AND index = 1"
    )
    # A full tile is not on the way to the newest root: only the whole check sees it.
    tamper(
        "logtile", f"UPDATE marketplace_logtile SET hashes = {flip} WHERE level = 0 AND index = 0"
    )
    tamper("checkpoint", "DELETE FROM marketplace_checkpoint WHERE size < 300")
    assert found() == "Leaf 2 does not fit its hash in tile 0/0."


def test_an_upper_tile_changed(log):
    assert LogTile.objects.filter(level=1).count() == 1
    tree = checking.Tree()
    with pytest.raises(checking.Wrong, match=r"^Tile 1/0 is not what the leaves give\.$"):
        tamper("logtile", "UPDATE marketplace_logtile SET hashes = %s WHERE level = 1", bytes(32))
        for leaf in checking.leaf_hashes(300, []):
            if leaf:
                tree.add(leaf)
        tree.hold_the_last()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("note = replace(note, '300', '301')", ": The signature of the checkpoint does not fit"),
        ("root = '\\x00'", ": the first 208 leaves give another root."),
        ("note = 'x'", ": This is not a checkpoint of a log"),
        ("key_id = 'ffff'", " is signed with a key that is not published."),
        ("algorithm = 'SM2'", " is signed with SM2, which this program does not know."),
        ("size = 301", " is larger than the log."),
    ],
)
def test_an_edited_checkpoint(log, change, sentence):
    row = Checkpoint.objects.order_by("id")[0]
    change = change.replace("300", "208").replace("301'", "209'")
    tamper("checkpoint", f"UPDATE marketplace_checkpoint SET {change} WHERE id = %s", row.pk)
    assert found().startswith(f"Checkpoint {row.pk}{sentence}")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("signature = '\\x00'", ": its signature does not fit."),
        ("key_id = 'ffff'", " is signed with a key that is not published."),
        ("algorithm = 'SM2'", " is signed with SM2, which this program does not know."),
        ("event_id = (SELECT min(id) FROM marketplace_event)",
         " promises another leaf than its event gives."),
        ("event_id = 0", ": its event is gone."),
    ],
)  # fmt: skip
def test_an_edited_receipt(log, change, sentence):
    row = Receipt.objects.get()
    tamper("receipt", f"UPDATE marketplace_receipt SET {change}")
    assert found() == f"Receipt {row.pk}{sentence}"


def test_a_key_slipped_in(log):
    made = PublishedKey.objects.create(
        use="checkpoint", key_id="0" * 16, algorithm="Ed25519", public_key="A" * 43 + "="
    )
    assert found() == f"Published key {made.pk} was never announced in the log."


def test_memory_does_not_grow_with_the_log(log, monkeypatch):
    monkeypatch.setattr(checking, "CHUNK", 256)

    def peak():
        tracemalloc.start()
        assert checking.run().problem == ""
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    log_of(500)
    few = peak()
    log_of(2_000)
    assert peak() < 1.2 * few


def log_of(count):
    for _ in range(count // 500):
        with transaction.atomic():
            written(500)
        sequencer.seal_batch()


def test_the_check_runs_every_night_or_readiness_says_so(log, clock):
    assert health.nightly_check().status == "ok"
    clock.move(timedelta(days=2, minutes=1))
    late = health.Check("log_check", "degraded", "The whole log was not checked for two nights.")
    assert health.nightly_check() == late
    checking.run()
    assert health.nightly_check().status == "ok"
    clock.move(timedelta(days=2, minutes=1))
    assert health.nightly_check() == late
