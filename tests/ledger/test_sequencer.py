"""The sequencer: what was committed becomes leaves, once, on a cadence, filled up, signed."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, connections, transaction

from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.ledger import keys, leaves
from marketplace.ledger.log import anchor, sequencer, tiles
from marketplace.ledger.log.models import Checkpoint, Leaf, LogTile, PublishedKey
from marketplace.ledger.models import Audience, Event, PendingEvent
from marketplace.ledger.verify import (
    commitment,
    leaf_hash,
    named,
    open_checkpoint,
    tree_root,
    unbase64,
    verify_consistency,
    verify_inclusion,
)
from tests import world

START = datetime(2026, 11, 22, 1, 0, 0, tzinfo=UTC)


@pytest.fixture
def log(settings, tmp_path, clock):
    """A log as in production: 300 s, sixteen."""
    settings.LOG_CADENCE_SECONDS = 300
    settings.LOG_BATCH_QUANTUM = 16
    settings.LOG_ANCHOR_FILE = tmp_path / "log" / "checkpoint"
    settings.LOG_ORIGIN = "jiebang.example/log"
    clock.freeze(START)
    return settings


def opened(checkpoint):
    """Checked with the published keys, as anybody would."""
    key = keys.published()["keys"][-1]
    return open_checkpoint(tiles.shown(checkpoint), key["vkey"])


def readable():
    datas = [bytes(leaf.data) for leaf in Leaf.objects.order_by("index")]
    return [json.loads(data) for data in datas if len(data) != leaves.OPAQUE]


def written(count, audience=Audience.PARTIES):
    return [
        ledger.append("a.b", actor=SYSTEM, subjects=[], audience=audience) for _ in range(count)
    ]


@pytest.mark.django_db
def test_a_batch_is_filled_up_to_a_multiple(log):
    written(3)
    checkpoint = sequencer.seal_batch()
    # Three events and the two keys that are published with the first batch.
    assert checkpoint.size == 16
    assert Leaf.objects.exclude(event_id=None).count() == 5
    assert PendingEvent.objects.count() == 0
    written(17)
    assert sequencer.seal_batch().size == 48
    assert sequencer.seal_batch().size == 64, "an empty batch is filled up too"


@pytest.mark.django_db
def test_nothing_tells_padding_from_a_commitment(log):
    written(3)
    sequencer.seal_batch()
    opaque = [leaf for leaf in Leaf.objects.all() if not bytes(leaf.data).startswith(b"{")]
    assert {len(bytes(leaf.data)) for leaf in opaque} == {32}
    assert len(opaque) == 14
    assert [leaf.event_id for leaf in opaque].count(None) == 11


@pytest.mark.django_db
def test_readable_leaves_keep_their_order_and_name_nobody(log):
    officer = world.officer()
    events = [
        ledger.append("a.b", actor=officer, subjects=[], audience=Audience.PUBLIC, data={"n": n})
        for n in range(5)
    ]
    sequencer.seal_batch()
    told = [leaf for leaf in readable() if leaf["kind"] == "a.b"]
    assert [leaf["data"]["n"] for leaf in told] == [0, 1, 2, 3, 4]
    assert set(told[0]) == {
        "type", "kind", "at", "role", "subjects", "from", "to", "profile", "data", "commitment",
    }  # fmt: skip
    assert str(officer.user.uid) not in json.dumps(told)
    event = events[0]
    assert told[0]["commitment"] == commitment(bytes(event.body), bytes(event.salt)).hex()


@pytest.mark.django_db
def test_the_checkpoint_is_the_root_of_the_leaves_and_signed(log):
    written(300)
    first = sequencer.seal_batch()
    written(700)
    second = sequencer.seal_batch()
    datas = [bytes(leaf.data) for leaf in Leaf.objects.order_by("index")]
    hashes = [leaf_hash(data) for data in datas]
    assert opened(first).root == tree_root(hashes[: first.size])
    assert opened(second).root == tree_root(hashes)
    assert opened(second)[:2] == ("jiebang.example/log", 1008)
    proof = tiles.consistency(first.size, second.size)
    verify_consistency(first.size, bytes(first.root), second.size, bytes(second.root), proof)
    for leaf in Leaf.objects.filter(index__in=[0, 255, 256, 303, 304, 1007]):
        found = tiles.inclusion(leaf, second)
        path = [unbase64(item) for item in found["hashes"]]
        verify_inclusion(leaf_hash(bytes(leaf.data)), leaf.index, 1008, path, bytes(second.root))


@pytest.mark.django_db
def test_one_batch_in_each_slot(log, clock):
    assert sequencer.seal_due().size == 16
    written(1)
    clock.move(timedelta(seconds=299))
    assert sequencer.seal_due() is None
    clock.move(timedelta(seconds=1))
    assert sequencer.seal_due().size == 32
    assert sequencer.seal_due() is None
    clock.move(timedelta(hours=5))
    assert sequencer.seal_due().size == 48, "slots that were missed are not made up for"


@pytest.mark.django_db
def test_a_backlog_is_sealed_in_several_batches(log, monkeypatch):
    monkeypatch.setattr(sequencer, "BATCH_MOST", 20)
    written(75)
    checkpoint = sequencer.seal_due()
    assert PendingEvent.objects.count() == 0 or checkpoint.size >= 77
    assert Leaf.objects.exclude(event_id=None).count() >= 60


@pytest.mark.django_db
def test_without_padding_nothing_new_means_no_checkpoint(log):
    log.LOG_BATCH_QUANTUM = 1
    assert sequencer.seal_batch().size == 2  # the keys
    assert sequencer.seal_batch() is None
    written(1)
    assert sequencer.seal_batch().size == 3


def test_what_is_not_committed_is_not_sealed_and_comes_later(committing_db, log, two_at_once):
    with transaction.atomic():
        written(1)
        done, again = two_at_once(sequencer.seal_batch, sequencer.seal_batch)
    assert sorted(c.size if c else 0 for c in (done, again)) in ([0, 16], [16, 32])
    assert PendingEvent.objects.count() == 1
    before = Checkpoint.objects.count()
    sequencer.seal_batch()
    assert Checkpoint.objects.count() == before + 1
    assert PendingEvent.objects.count() == 0


def test_two_sequencers_at_once_seal_each_event_once(committing_db, log, two_at_once):
    with transaction.atomic():
        events = written(40)
    two_at_once(sequencer.seal_batch, sequencer.seal_batch)
    sealed = list(Leaf.objects.exclude(event_id=None).values_list("event_id", flat=True))
    assert sorted(set(sealed)) == sorted(sealed)
    assert {event.pk for event in events} <= set(sealed)
    last = tiles.newest()
    assert Leaf.objects.count() == last.size
    assert tiles.root(last.size) == bytes(last.root)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE marketplace_leaf SET data = 'x'",
        "DELETE FROM marketplace_leaf",
        "TRUNCATE marketplace_leaf",
        "UPDATE marketplace_checkpoint SET size = 1",
        "DELETE FROM marketplace_checkpoint",
        "UPDATE marketplace_logtile SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1)",
        "UPDATE marketplace_logtile SET hashes = substr(hashes, 1, 32)",
        "DELETE FROM marketplace_logtile",
        "DELETE FROM marketplace_publishedkey",
    ],
)
def test_the_application_cannot_rewrite_the_log(log, statement):
    sequencer.seal_batch()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


HISTORY = [
    "anchor", "checkpoint", "cosignature", "event", "leaf", "logcheck", "publishedkey", "receipt",
]  # fmt: skip


@pytest.mark.django_db
def test_what_the_application_s_role_may_do_to_the_log():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, string_agg(privilege_type, ' ' ORDER BY privilege_type)"
            " FROM information_schema.table_privileges"
            " WHERE grantee = current_user AND table_name = ANY(%s) GROUP BY 1 ORDER BY 1",
            [[f"marketplace_{name}" for name in [*HISTORY, "logtile", "pendingevent"]]],
        )
        found = dict(cursor.fetchall())
    # A tile grows and a pending row goes when it is sealed; what may become of a tile its trigger
    # says.
    rewritten = dict.fromkeys(["logtile", "pendingevent"], "DELETE INSERT SELECT UPDATE")
    wanted = dict.fromkeys(HISTORY, "INSERT SELECT") | rewritten
    assert found == {f"marketplace_{name}": rights for name, rights in wanted.items()}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE marketplace_leaf DISABLE TRIGGER USER",
        "ALTER TABLE marketplace_event ADD COLUMN x int",
        "DROP TABLE marketplace_checkpoint",
        "DROP FUNCTION marketplace_now()",
        "SET session_replication_role = replica",
        "CREATE TABLE other (id int)",
    ],
)
def test_the_application_s_role_cannot_switch_the_guards_off(statement):
    with (
        pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.django_db
def test_the_keys_are_published_before_what_they_sign(log):
    sequencer.seal_batch()
    kinds = readable()
    assert [(leaf["kind"], leaf["data"]["use"]) for leaf in kinds] == [
        ("key.published", "receipt"),
        ("key.published", "checkpoint"),
    ]
    told = keys.published()
    assert [key["until"] for key in told["keys"]] == [None, None]
    assert told["keys"][1]["vkey"] == named("jiebang.example/log", keys.log_key().public_raw).text()
    sequencer.seal_batch()
    assert PublishedKey.objects.count() == 2


# -- The anchor file -------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_tree_smaller_than_anchored_is_not_signed(log):
    sequencer.seal_batch()
    note = anchor.path().read_text("utf-8")
    assert note == tiles.newest().note
    backup = transaction.savepoint()
    sequencer.seal_batch()
    transaction.savepoint_rollback(backup)
    assert tiles.newest().size == 16
    with pytest.raises(anchor.LogDamaged) as caught:
        sequencer.seal_batch()
    assert caught.value.code == "log.shrunk"
    assert "old backup was restored" in str(caught.value)


@pytest.mark.django_db
def test_an_altered_anchor_is_not_believed(log):
    sequencer.seal_batch()
    path = anchor.path()
    path.write_text(path.read_text("utf-8").replace("\n16\n", "\n15\n"), "utf-8")
    with pytest.raises(anchor.LogDamaged) as caught:
        sequencer.seal_batch()
    assert caught.value.code == "anchor.unreadable"


def test_an_edit_by_the_owner_of_the_database_stops_the_signing(committing_db, log):
    sequencer.seal_batch()
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE marketplace_logtile DISABLE TRIGGER USER")
        cursor.execute("UPDATE marketplace_logtile SET hashes = decode(repeat('00', 512), 'hex')")
    with pytest.raises(anchor.LogDamaged) as caught:
        sequencer.seal_batch()
    assert caught.value.code == "log.altered"
    assert LogTile.objects.count() == 1


@pytest.mark.django_db
def test_what_the_database_commits_to_is_what_python_says(log):
    """Commitments are computed where the bodies are."""
    written(20)
    written(3, Audience.PUBLIC)
    ledger.append("a.b", actor=world.officer(), subjects=[], reason="原因", data={"n": "1"})
    sequencer.seal_batch()
    sealed = dict(Leaf.objects.exclude(event_id=None).values_list("event_id", "data"))
    events = {event.pk: event for event in Event.objects.all()}
    assert {pk: bytes(data) for pk, data in sealed.items()} == {
        pk: leaves.leaf_data(event) for pk, event in events.items()
    }


@pytest.mark.django_db
def test_a_leaf_is_what_the_event_says(log):
    public, hidden = written(1, Audience.PUBLIC)[0], written(1)[0]
    assert leaves.leaf_data(hidden) == commitment(bytes(hidden.body), bytes(hidden.salt))
    assert json.loads(leaves.leaf_data(public))["type"] == "jiebang-event/1"
    assert Event.objects.count() == 2
