"""The outbox: kept with its transaction, delivered once though several try, never given up."""

import time
from datetime import timedelta

import pytest
from django.db import transaction

from marketplace.base import queue
from marketplace.base.models import OutboxJob


@pytest.fixture
def seen(monkeypatch):
    calls = []
    monkeypatch.setitem(queue.HANDLERS, "test_kind", lambda **given: calls.append(given))
    return calls


def test_a_rolled_back_promise_is_gone(committing_db, seen):
    with pytest.raises(RuntimeError), transaction.atomic():
        queue.enqueue("test_kind", number=1)
        raise RuntimeError
    assert queue.deliver_due() == 0
    assert seen == []


def test_a_kept_promise_is_delivered_once(committing_db, seen):
    with transaction.atomic():
        queue.enqueue("test_kind", number=1)
    assert [queue.deliver_due(), queue.deliver_due()] == [1, 0]
    assert seen == [{"number": 1}]


def test_two_workers_share_the_work(two_at_once, seen):
    with transaction.atomic():
        for number in range(20):
            queue.enqueue("test_kind", number=number)
    counts = two_at_once(queue.deliver_due, queue.deliver_due)
    assert sum(counts) == 20
    assert sorted(call["number"] for call in seen) == list(range(20))


@pytest.mark.django_db
def test_a_failure_stops_nobody_and_is_tried_again(seen, monkeypatch, clock):
    def fail(**_):
        raise ValueError("secret text")

    monkeypatch.setitem(queue.HANDLERS, "failing", fail)
    clock.freeze(clock.now())
    queue.enqueue("failing")
    queue.enqueue("test_kind", number=2)
    assert queue.deliver_due() == 1
    job = OutboxJob.objects.get(kind="failing")
    assert (job.attempts, job.last_error, job.done_at) == (1, "ValueError", None)
    assert job.due_at == clock.now() + timedelta(seconds=5)
    assert queue.deliver_due() == 0
    monkeypatch.setitem(queue.HANDLERS, "failing", lambda **_: None)
    clock.move(timedelta(seconds=5))
    assert queue.deliver_due() == 1


@pytest.mark.django_db
def test_a_failing_handler_leaves_nothing_half_done(monkeypatch):
    def half(**_):
        OutboxJob.objects.create(kind="left_behind", payload={})
        raise ValueError

    monkeypatch.setitem(queue.HANDLERS, "half", half)
    queue.enqueue("half")
    assert queue.deliver_due() == 0
    assert not OutboxJob.objects.filter(kind="left_behind").exists()


def test_a_real_worker_hears_the_nudge(worker, committing_db):
    """Through Valkey: the commit nudges, the worker of another process finds the row."""
    with transaction.atomic():
        queue.enqueue("nobody_handles_this", number=1)
    deadline = time.monotonic() + 60
    while OutboxJob.objects.get().attempts == 0:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert OutboxJob.objects.get().last_error == "KeyError"
