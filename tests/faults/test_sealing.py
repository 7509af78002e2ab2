"""The sequencer dies at any step, stands still, is started twice, is given a wrong clock."""

from datetime import timedelta

import pytest
from django.db import connection, transaction

from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.ledger.log import anchor, checking, sequencer, tiles, watch
from marketplace.ledger.log.models import Checkpoint, Leaf
from marketplace.ledger.models import Event, PendingEvent
from marketplace.web import health
from tests.conftest import run_at_once
from tests.faults.service import assert_dies

# (where, whether it dies before or after that step, whether the batch was committed by then)
STEPS = [
    ("sequencer.alone", "before", False),
    ("sequencer.alone", "after", False),
    ("anchor.require_agreement", "after", False),
    ("keys.publish_keys", "after", False),
    ("sequencer.batch", "after", False),
    ("tiles.save_tiles", "before", False),
    ("tiles.save_tiles", "after", False),
    ("sequencer.sign", "before", False),
    ("sequencer.sign", "after", False),
    ("sequencer.append_leaves", "after", False),
    ("anchor.remember", "before", True),
    ("anchor.os.fsync", "before", True),
    ("anchor.os.fsync", "after", True),
    ("anchor.Path.replace", "before", True),
    ("anchor.Path.replace", "after", True),
    ("anchor.os.open", "after", True),
    ("anchor.remember", "after", True),
]
CODE = """
import os
from marketplace.ledger import keys
from marketplace.ledger.log import anchor, sequencer, tiles
real = {step}
def die(*given, **named):
    if "{when}" == "after":
        real(*given, **named)
    os._exit(9)
{step} = die
sequencer.seal_batch()
"""


def written(count):
    with transaction.atomic():
        return [ledger.append("a.b", actor=SYSTEM, subjects=[]).pk for _ in range(count)]


def everything_is_sealed_once():
    """No event twice, none left out, one tree, and the file agrees with it."""
    assert PendingEvent.objects.count() == 0
    sealed = Leaf.objects.exclude(event_id=None).values_list("event_id", flat=True)
    assert sorted(sealed) == list(Event.objects.order_by("pk").values_list("pk", flat=True))
    newest = tiles.newest()
    indexes = Leaf.objects.order_by("index").values_list("index", flat=True)
    assert list(indexes) == list(range(newest.size))
    assert anchor.path().read_text("utf-8") == newest.note
    assert anchor.damage() is None
    assert checking.run().problem == ""


@pytest.mark.parametrize("place", STEPS, ids=[f"{when}-{step}" for step, when, _ in STEPS])
def test_killed_between_two_steps(committing_db, place):
    step, when, committed = place
    sequencer.seal_batch()
    before = anchor.path().read_text("utf-8")
    written(7)
    pending = PendingEvent.objects.count()
    count = Checkpoint.objects.count()
    assert_dies(lambda: exec(CODE.format(step=step, when=when), {}))
    assert Checkpoint.objects.count() == count + committed
    assert PendingEvent.objects.count() == (0 if committed else pending)
    # What was remembered last is whole, and older or equal: it still holds.
    assert anchor.path().read_text("utf-8") in {before, tiles.newest().note}
    assert anchor.damage() is None

    written(1)
    sequencer.seal_batch()
    everything_is_sealed_once()


def test_worker_and_beat_stand_still_for_twenty_minutes(committing_db, settings, clock):
    settings.LOG_CADENCE_SECONDS, settings.LOG_BATCH_QUANTUM = 300, 16
    first = sequencer.seal_due()
    written(20)
    clock.move(timedelta(minutes=20))
    found = {check.name: check for check in health.transparency_log()}["promise"]
    assert found == health.Check(
        "promise",
        "degraded",
        "Something was promised to the log and is not in it after the merge delay.",
    )
    assert sequencer.seal_due().size == first.size + 32
    assert Checkpoint.objects.count() == 2
    assert not watch.promise_broken()
    everything_is_sealed_once()


def test_fifty_commits_while_batches_are_sealed(committing_db, settings):
    settings.LOG_BATCH_QUANTUM = 16
    sequencer.seal_batch()
    before = Event.objects.count()

    def commit():
        with transaction.atomic():
            pk = ledger.append("a.b", actor=SYSTEM, subjects=[]).pk
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(random() * 0.3)")
        return pk

    def seal():
        for _ in range(20):
            sequencer.seal_batch()

    results = run_at_once(*[commit] * 50, seal)
    assert [result for result in results if isinstance(result, BaseException)] == []
    sequencer.seal_batch()
    assert Event.objects.count() == before + 50
    everything_is_sealed_once()


def test_what_is_remembered_never_goes_back(committing_db, settings):
    """After its transaction each remembers by itself: the later batch may be the earlier to do so."""
    settings.LOG_BATCH_QUANTUM = 16
    sealed = [sequencer.seal_batch() for _ in range(4)]
    anchor.path().unlink()
    turns = [lambda one=one: [anchor.remember(one) for _ in range(20)] for one in sealed]
    results = run_at_once(*turns, *turns)
    assert [result for result in results if isinstance(result, BaseException)] == []
    assert anchor.remembered().size == sealed[-1].size
    anchor.remember(sealed[0])
    assert anchor.path().read_text("utf-8") == sealed[-1].note


def test_eight_workers_fire_at_once(committing_db, settings, clock):
    settings.LOG_CADENCE_SECONDS, settings.LOG_BATCH_QUANTUM = 300, 16
    clock.freeze(clock.now())
    written(40)
    results = run_at_once(*[sequencer.seal_due] * 8)
    assert [result.size for result in results if result] == [48]
    assert Checkpoint.objects.count() == 1
    everything_is_sealed_once()


@pytest.mark.parametrize("hours", [-8, 8])
def test_a_clock_that_is_wrong_holds_nothing_up(committing_db, settings, clock, hours):
    """Set forward, and later back again: batches come in every slot of whatever clock there is."""
    settings.LOG_CADENCE_SECONDS, settings.LOG_BATCH_QUANTUM = 300, 16
    sequencer.seal_due()
    for step in (hours, -hours):
        clock.move(timedelta(hours=step))
        written(1)
        assert sequencer.seal_due() is not None
        assert sequencer.seal_due() is None
    assert not watch.promise_broken()
    everything_is_sealed_once()
