"""Timestamps by an outside authority: kept only when they hold, and nobody waits for them."""

import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction

from marketplace.base import clock as site_clock
from marketplace.base import queue
from marketplace.base.actor import SYSTEM
from marketplace.base.models import OutboxJob
from marketplace.bidding.models import Bid
from marketplace.ledger import actions as ledger
from marketplace.ledger.log import sequencer, stamping, tiles
from marketplace.ledger.log.models import Anchor
from marketplace.ledger.models import Audience
from marketplace.web import health, standing
from tests import world
from tests.bidding import bids
from tests.ledger.authorities import Authority, openssl


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("tsa") / "honest")
    yield authority
    authority.stop()


@pytest.fixture
def authority(made, settings):
    made.behave, made.asked = made.honest, 0
    settings.LOG_TIMESTAMP_URL, settings.LOG_TIMESTAMP_CA = made.url, made.ca
    settings.LOG_BATCH_QUANTUM = 16
    return made


def stamp():
    """What beat and worker do; how many were delivered."""
    stamping.promise_due()
    return queue.deliver_due()


def timestamps():
    return {check.name: check for check in health.transparency_log()}["timestamps"]


def refused():
    """The sentence with which the newest checkpoint is not stamped."""
    with pytest.raises(stamping.StampRefused) as caught:
        stamping.stamp_newest()
    assert Anchor.objects.count() == 0
    return str(caught.value)


def by_openssl(note, token, ca, tmp_path):
    (tmp_path / "note").write_bytes(note)
    (tmp_path / "token").write_bytes(token)
    done = openssl(
        *("ts", "-verify", "-data", tmp_path / "note", "-in", tmp_path / "token", "-CAfile", ca),
        check=False,
    )
    return done.returncode == 0


@pytest.mark.django_db
def test_a_checkpoint_is_stamped_and_openssl_agrees(authority, tmp_path):
    checkpoint = sequencer.seal_batch()
    assert stamp() == 1
    anchor = Anchor.objects.get()
    assert (anchor.checkpoint, anchor.authority) == (checkpoint, "127.0.0.1")
    assert abs(anchor.stamped_at - site_clock.now()) < timedelta(seconds=5)
    note, token = checkpoint.note.encode(), bytes(anchor.token)
    assert by_openssl(note, token, authority.ca, tmp_path)
    assert not by_openssl(note.replace(b"\n16\n", b"\n17\n"), token, authority.ca, tmp_path)


@pytest.mark.django_db
def test_what_is_exported_is_checked_without_us(authority, tmp_path, settings):
    sequencer.seal_batch()
    stamp()
    told = StringIO()
    call_command("export_anchors", tmp_path / "out", stdout=told)
    folder = tmp_path / "out" / settings.LOG_ORIGIN.replace("/", "_")
    assert sorted(path.name for path in folder.iterdir()) == ["16.127.0.0.1.tsr", "16.note"]
    assert told.getvalue().startswith("1: ")
    note, token = (folder / "16.note").read_bytes(), (folder / "16.127.0.0.1.tsr").read_bytes()
    assert by_openssl(note, token, authority.ca, tmp_path)


@pytest.mark.django_db
def test_once_an_hour(authority, clock):
    first = sequencer.seal_batch()
    assert stamp() == 1
    for minutes, owed in [(59, False), (1, True)]:
        clock.move(timedelta(minutes=minutes))
        newest = sequencer.seal_batch()
        assert (stamping.due_since() is not None) is owed
    assert stamping.due_since() == first.at + stamping.EVERY
    clock.run()
    assert newest.size == 48
    assert stamping.promise_due()
    assert not stamping.promise_due(), "one promise at a time"


@pytest.mark.django_db
def test_a_closing_is_stamped_with_its_first_checkpoint(authority, monkeypatch):
    assert sorted(stamping.AT_ONCE) == ["scenario.closed"]
    monkeypatch.setattr(stamping, "AT_ONCE", {"door.closed"})
    sequencer.seal_batch()
    stamp()
    ledger.append("door.closed", actor=SYSTEM, subjects=[], audience=Audience.PUBLIC)
    assert stamping.due_since() is None, "it has no leaf yet"
    checkpoint = sequencer.seal_batch()
    sequencer.seal_batch()
    assert stamping.due_since() == checkpoint.at
    assert stamp() == 1
    assert Anchor.objects.order_by("-id")[0].checkpoint.size == 48
    assert stamping.due_since() is None


@pytest.mark.django_db
def test_no_authority_no_promise(authority, settings):
    settings.LOG_TIMESTAMP_URL = ""
    sequencer.seal_batch()
    assert (stamping.promise_due(), stamping.overdue()) == (False, False)
    stamping.stamp_newest()
    assert (authority.asked, Anchor.objects.count()) == (0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ("busy", "The authority answers 503."),
        ("redirecting", "The authority answers 307."),
        ("babbling", "The authority's answer is longer than 65536 bytes."),
        ("talking_rubbish", "The authority's token does not hold: ASN.1 parse error"),
    ],
)
def test_what_is_no_token(authority, behaviour, sentence, tmp_path_factory):
    elsewhere = Authority(tmp_path_factory.mktemp("tsa") / "elsewhere")
    authority.elsewhere = elsewhere.url
    authority.behave = getattr(authority, behaviour)
    sequencer.seal_batch()
    assert refused().startswith(sentence)
    elsewhere.stop()
    assert (authority.asked, elsewhere.asked) == (1, 0), "a redirect is not followed"


@pytest.mark.django_db
def test_an_old_token_is_not_taken_for_a_new_one(authority):
    authority.behave = authority.replaying
    sequencer.seal_batch()
    stamp()
    Anchor.objects.get()
    sequencer.seal_batch()
    authority.asked = 0
    with pytest.raises(stamping.StampRefused, match="does not hold: Nonce mismatch"):
        stamping.verified(
            authority.kept, stamping.request_for(tiles.newest().note.encode()), tiles.newest().note
        )


@pytest.mark.django_db
def test_a_token_over_something_else(authority):
    note = sequencer.seal_batch().note
    request = stamping.request_for(note.encode())
    token = authority.reply(request.as_bytes())
    assert stamping.verified(token, request, note) <= site_clock.now() + timedelta(seconds=2)
    with pytest.raises(stamping.StampRefused, match="does not hold: Mismatch between messages"):
        stamping.verified(token, request, note.replace("\n16\n", "\n17\n"))
    for at in range(0, len(token), 7):
        changed = bytearray(token)
        changed[at] ^= 1
        try:
            stamping.verified(bytes(changed), request, note)
        except stamping.StampRefused:
            continue
        # A letter outside of what is signed, such as the text beside the status.
        assert stamping.decode_timestamp_response(bytes(changed)).tst_info.message_imprint


@pytest.mark.django_db
def test_a_stranger_s_token(authority, settings, tmp_path_factory):
    stranger = Authority(tmp_path_factory.mktemp("tsa") / "stranger")
    settings.LOG_TIMESTAMP_URL = stranger.url
    sequencer.seal_batch()
    assert refused().startswith(
        "The authority's token does not hold: Error while verifying certificates"
    )
    stranger.stop()
    settings.LOG_TIMESTAMP_CA.with_name("empty").write_text("")
    settings.LOG_TIMESTAMP_CA = settings.LOG_TIMESTAMP_CA.with_name("empty")
    settings.LOG_TIMESTAMP_URL = authority.url
    assert refused() == "LOG_TIMESTAMP_CA holds no certificates in PEM."


@pytest.mark.django_db
def test_a_clock_that_is_wrong_is_told(authority, clock):
    clock.move(timedelta(hours=-8))
    sequencer.seal_batch()
    sentence = refused()
    assert sentence.startswith("The authority's time is +28")
    assert sentence.endswith(" s from ours: one clock is wrong.")


@pytest.mark.django_db
def test_who_answers_a_byte_at_a_time_is_cut_off(authority, monkeypatch):
    monkeypatch.setattr(stamping, "TOTAL_SECONDS", 0.5)
    authority.behave = authority.dripping
    sequencer.seal_batch()
    began = time.monotonic()
    assert refused() == "The authority does not answer: TimeoutError."
    assert time.monotonic() - began < 10


def test_without_the_authority_bids_and_batches_go_on(committing_db, authority, settings, clock):
    settings.LOG_TIMESTAMP_URL = "http://127.0.0.1:1/"
    first = sequencer.seal_batch()
    began = site_clock.now()
    assert stamp() == 0
    job = OutboxJob.objects.get(kind=stamping.STAMP)
    assert (job.attempts, job.last_error, job.done_at) == (1, "StampRefused", None)
    assert job.due_at - began >= queue.BACKOFF[0]
    bids.bid(world.published_scenario())
    assert Bid.objects.count() == 1
    assert sequencer.seal_batch().size > first.size

    assert timestamps().status == "ok", "late, not overdue"
    clock.move(stamping.OVERDUE_AFTER + timedelta(minutes=1))
    assert timestamps() == health.Check(
        "timestamps",
        "degraded",
        "The authority gives the log no timestamps: `anchor.refused` in worker's log says why.",
    )
    assert standing.outbox().oldest < timedelta(hours=1), "other jobs have their own check"

    clock.run()
    settings.LOG_TIMESTAMP_URL = authority.url
    OutboxJob.objects.filter(kind=stamping.STAMP).update(due_at=site_clock.now())
    while queue.deliver_due():
        pass
    assert Anchor.objects.get().checkpoint == tiles.newest()
    assert timestamps().status == "ok"
    stamping.stamp_newest()
    assert Anchor.objects.count() == 1, "twice is once"


@pytest.mark.django_db
def test_an_anchor_is_not_rewritten(authority):
    sequencer.seal_batch()
    stamp()
    with pytest.raises(DatabaseError), transaction.atomic():
        Anchor.objects.update(token=b"")
