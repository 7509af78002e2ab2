"""The promise is watched, and a log that was cut or altered stops signing and says why."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client

from marketplace.base.actor import SYSTEM
from marketplace.bidding.models import Bid
from marketplace.ledger import actions as ledger
from marketplace.ledger import receipts, verify
from marketplace.ledger.log import anchor, sequencer, tiles, watch
from marketplace.ledger.log.models import Checkpoint, Leaf
from marketplace.ledger.models import PendingEvent, Receipt
from marketplace.web import health, metrics
from tests import world
from tests.bidding import bids
from tests.ledger.tampering import tamper
from tests.web.test_observed import lines  # noqa: F401 - a fixture

BROKEN = "Something was promised to the log and is not in it after the merge delay."


def written():
    return ledger.append("a.b", actor=SYSTEM, subjects=[])


def gauges():
    return {
        family.name: family.samples[0].value
        for family in metrics.Standing().collect()
        if family.name.startswith("jiebang_log")
    }


def checks():
    return {check.name: check for check in health.transparency_log()}


def alarms(lines):  # noqa: F811
    watch.look()
    told = [json.loads(line) for line in lines]
    return [line for line in told if line["level"] == "error"]


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "broken"), [(599, False), (601, True)])
def test_each_side_of_the_merge_delay(clock, lines, seconds, broken):  # noqa: F811
    written()
    clock.freeze(clock.now() + timedelta(seconds=seconds))
    assert watch.promise_broken() is broken
    assert checks()["promise"] == health.Check(
        "promise", "degraded" if broken else "ok", BROKEN if broken else ""
    )
    assert gauges()["jiebang_log_promise_broken"] == int(broken)
    assert [line["event"] for line in alarms(lines)] == ["log.promise_broken"] * broken
    sequencer.seal_batch()
    assert not watch.promise_broken()


@pytest.mark.django_db
def test_a_receipt_whose_leaf_never_comes(clock, lines):  # noqa: F811
    event = ledger.append("a.b", actor=SYSTEM, subjects=[], inputs={"n": 1})
    receipts.issue("bid", subject_uid=uuid4(), body={"n": 1}, event=event)
    PendingEvent.objects.all().delete()
    sequencer.seal_batch()
    assert not watch.promise_broken()
    clock.move(timedelta(minutes=11))
    assert watch.promise_broken()
    [alarm] = alarms(lines)
    assert (alarm["event"], alarm["reason"]) == ("log.promise_broken", BROKEN)


@pytest.mark.django_db
def test_receipts_from_before_the_log_promise_nothing(clock):
    receipts.issue("bid", subject_uid=uuid4(), body={"n": 1})
    clock.move(timedelta(hours=1))
    assert not watch.promise_broken()


@pytest.mark.django_db
def test_neither_health_nor_metrics_count(clock):
    told = []
    for _ in range(2):
        written()
        clock.freeze(clock.now() + timedelta(minutes=11))
        told.append((checks(), gauges()))
    assert told[0] == told[1]
    assert set(told[0][1].values()) == {0, 1}


def damaged(code, words):
    """Readiness refuses and says why, bids are received, nothing is signed."""
    answer = Client().get("/health/ready")
    found = {check["name"]: check for check in answer.json()["checks"]}["log"]
    assert (answer.status_code, found["status"]) == (503, "unavailable")
    assert found["words"] == f"The log signs nothing more ({code}). {words}"
    assert gauges()["jiebang_log_damaged"] == 1
    before = Checkpoint.objects.count(), Leaf.objects.count(), anchor.path().read_text("utf-8")
    version = bids.bid(world.published_scenario())
    assert Receipt.objects.filter(pk=version.receipt_id).exists()
    with pytest.raises(anchor.LogDamaged):
        sequencer.seal_batch()
    after = Checkpoint.objects.count(), Leaf.objects.count(), anchor.path().read_text("utf-8")
    assert after == before
    assert Bid.objects.count() == 1


def test_an_altered_log(committing_db, lines):  # noqa: F811
    sequencer.seal_batch()
    size = tiles.newest().size
    assert gauges()["jiebang_log_damaged"] == 0
    tamper("logtile", "UPDATE marketplace_logtile SET hashes = %s", bytes(32 * size))
    words = (
        f"The first {size} leaves give another root than the one that was signed: "
        "the log was altered."
    )
    [alarm] = alarms(lines)
    assert (alarm["event"], alarm["code"], alarm["reason"]) == ("log.damaged", "log.altered", words)
    damaged("log.altered", words)


def test_another_name_without_a_restart(committing_db, settings):
    sequencer.seal_batch()
    was, settings.LOG_ORIGIN = settings.LOG_ORIGIN, "other.example/log"
    damaged(
        "log.origin",
        f"The log was begun as {was}, and LOG_ORIGIN says other.example/log: a log keeps its name.",
    )


def test_an_anchor_of_somebody_else(committing_db):
    sequencer.seal_batch()
    anchor.path().write_text("mallory\n1\n" + verify.base64_of(bytes(32)) + "\n\n— x AAAAAAAA\n")
    damaged(
        "anchor.unreadable",
        "The anchor file (LOG_ANCHOR_FILE) holds no checkpoint that was signed by our keys.",
    )


def test_whoever_looks_while_a_batch_is_sealed_sees_no_damage(committing_db, two_at_once):
    def seal():
        for _ in range(15):
            with transaction.atomic():
                written()
            sequencer.seal_batch()

    def look():
        found = [anchor.damage() for _ in range(60)]
        return [str(damage) for damage in found if damage]

    assert two_at_once(seal, look) == [None, []]


def test_the_web_process_needs_no_key_of_the_log(committing_db, settings, tmp_path):
    sequencer.seal_batch()
    settings.LOG_KEY_FILE = tmp_path / "none"
    assert anchor.damage() is None
    anchor.path().write_text(anchor.path().read_text("utf-8").replace("localhost", "example"))
    assert anchor.damage().code == "anchor.unreadable"


@pytest.mark.django_db
def test_what_is_watched_costs_little(assert_max_queries):
    sequencer.seal_batch()
    with assert_max_queries(14):
        list(health.transparency_log())
