"""Bytes on disk and rows in step: two writers, restarts, lost bytes, sweeps, orphans."""

import os
import resource
import signal
from contextlib import contextmanager
from datetime import timedelta

import pytest

from marketplace.base import clock as site_clock
from marketplace.base.errors import Invalid, NotFound, StateConflict, StorageAway
from marketplace.files import actions, limits, spool, storage, sweeps
from marketplace.files.actions import OffsetConflict, UploadGone
from marketplace.files.models import Upload, UploadState
from marketplace.files.spool import UploadBusy
from marketplace.ledger.models import Event
from tests import world
from tests.files.sending import stored

BODY = bytes(range(256)) * 40
db = pytest.mark.django_db


def begin(actor):
    return actions.create_upload(actor=actor, purpose="attachment", length=len(BODY), name="a.bin")


def add(actor, upload, offset, body):
    return actions.append_to_upload(actor=actor, upload_uid=upload.uid, offset=offset, body=body)


def resume(actor, upload):
    return actions.resume_upload(actor=actor, upload_uid=upload.uid)


@db
def test_the_spool_is_ours_alone():
    actor = world.owner()
    upload = begin(actor)
    add(actor, upload, 0, BODY[:10])
    path = spool.path_of(upload.uid)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert path.suffix == ".part"


@db
def test_bytes_that_no_row_knows_are_written_over():
    """A server was killed after writing and before noting: those bytes were never promised."""
    actor = world.owner()
    upload = begin(actor)
    add(actor, upload, 0, BODY[:100])
    with spool.path_of(upload.uid).open("ab") as file:
        file.write(b"?" * 50)
    assert resume(actor, upload).offset == 100
    add(actor, upload, 100, BODY[100:])
    assert storage.read(Upload.objects.get().stored_name) == BODY


@db
@pytest.mark.parametrize("left", [0, 1, 99])
def test_an_offset_is_never_higher_than_the_bytes(left):
    actor = world.owner()
    upload = begin(actor)
    add(actor, upload, 0, BODY[:100])
    os.truncate(spool.path_of(upload.uid), left)
    assert resume(actor, upload).offset == left
    assert Upload.objects.get().offset == left
    add(actor, upload, left, BODY[left:])
    assert storage.read(Upload.objects.get().stored_name) == BODY


@db
def test_a_spool_that_is_gone_begins_again():
    actor = world.owner()
    upload = begin(actor)
    add(actor, upload, 0, BODY[:100])
    spool.remove(upload.uid)
    with pytest.raises(OffsetConflict):
        add(actor, upload, 100, BODY[100:])
    assert resume(actor, upload).offset == 0
    assert add(actor, upload, 0, BODY).state == UploadState.STORED


@db
def test_a_whole_one_that_was_not_finished_is_finished_when_asked():
    actor = world.owner()
    upload = begin(actor)
    with spool.held(upload.uid) as file:
        spool.append(file, 0, [BODY])
    Upload.objects.update(offset=len(BODY))
    assert resume(actor, upload).state == UploadState.STORED
    assert Event.objects.filter(kind="upload.stored").count() == 1


@db
def test_one_writer_at_a_time():
    actor = world.owner()
    upload = begin(actor)
    with spool.held(upload.uid):
        with pytest.raises(UploadBusy):
            add(actor, upload, 0, BODY)
        with pytest.raises(UploadBusy):
            actions.end_upload(actor=actor, upload_uid=upload.uid)
        assert resume(actor, upload).offset == 0
    assert add(actor, upload, 0, BODY).state == UploadState.STORED


def test_two_chunks_at_once_make_one(two_at_once):
    actor = world.owner()
    upload = begin(actor)
    results = two_at_once(
        lambda: add(actor, upload, 0, BODY[:5000]), lambda: add(actor, upload, 0, BODY[:7000])
    )
    won = [found for found in results if isinstance(found, Upload)]
    lost = [found for found in results if not isinstance(found, Upload)]
    assert (len(won), len(lost)) == (1, 1)
    assert isinstance(lost[0], UploadBusy | OffsetConflict)
    at = won[0].offset
    assert (at, spool.path_of(upload.uid).read_bytes()) == (at, BODY[:at])


def test_two_last_chunks_store_once(two_at_once):
    actor = world.owner()
    upload = begin(actor)
    two_at_once(lambda: add(actor, upload, 0, BODY), lambda: add(actor, upload, 0, BODY))
    assert Upload.objects.get().state == UploadState.STORED
    assert Event.objects.filter(kind="upload.stored").count() == 1


def test_finishing_and_ending_at_once(two_at_once):
    actor = world.owner()
    upload = begin(actor)
    two_at_once(
        lambda: add(actor, upload, 0, BODY),
        lambda: actions.end_upload(actor=actor, upload_uid=upload.uid),
    )
    row = Upload.objects.get()
    if row.state == UploadState.STORED:
        assert storage.read(row.stored_name) == BODY
    else:
        sweeps.sweep()
        assert list(storage.names("uploads")) == []


# -- The disk --------------------------------------------------------------------------------------
@contextmanager
def no_file_beyond(size):
    """What a full disk looks like from inside: writing beyond fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@db
def test_a_full_disk_keeps_what_was_promised_and_no_more():
    actor = world.owner()
    upload = begin(actor)
    add(actor, upload, 0, BODY[:1000])
    with no_file_beyond(4096), pytest.raises(StorageAway):
        add(actor, upload, 1000, BODY[1000:])
    assert resume(actor, upload).offset == 1000
    assert spool.path_of(upload.uid).stat().st_size == 1000
    assert add(actor, upload, 1000, BODY[1000:]).state == UploadState.STORED


@db
def test_a_storage_that_is_away_at_the_end_finishes_later(settings, tmp_path):
    actor = world.owner()
    settings.SPOOL_ROOT = tmp_path / "spool"
    upload = begin(actor)
    there = settings.STORAGE_ROOT
    settings.STORAGE_ROOT = tmp_path / "file"
    settings.STORAGE_ROOT.write_bytes(b"")
    with pytest.raises(StorageAway):
        add(actor, upload, 0, BODY)
    assert Upload.objects.get().state == UploadState.RECEIVING
    assert Event.objects.filter(kind="upload.stored").count() == 0
    settings.STORAGE_ROOT = there
    assert resume(actor, upload).state == UploadState.STORED
    assert storage.read(f"uploads/{upload.uid}") == BODY


# -- Claims ----------------------------------------------------------------------------------------
@db
def test_evidence_is_claimed_once_by_its_maker():
    actor, other = world.vendor(), world.vendor()
    upload = stored(actor, b"x", purpose="evidence")
    with pytest.raises(Invalid):
        actions.attach_evidence(
            actor=other, upload_uid=upload.uid, organisation_uid=other.organisation.uid
        )
    wrong = actions.create_upload(actor=actor, purpose="sealed", length=1, name="a")
    with pytest.raises(Invalid):
        actions.attach_evidence(
            actor=actor, upload_uid=wrong.uid, organisation_uid=actor.organisation.uid
        )
    actions.attach_evidence(
        actor=actor, upload_uid=upload.uid, organisation_uid=actor.organisation.uid
    )
    with pytest.raises(StateConflict):
        actions.attach_evidence(
            actor=actor, upload_uid=upload.uid, organisation_uid=actor.organisation.uid
        )
    with pytest.raises(StateConflict):
        actions.end_upload(actor=actor, upload_uid=upload.uid)
    with pytest.raises(NotFound):
        actions.remove_evidence(actor=other, upload_uid=upload.uid)
    actions.remove_evidence(actor=actor, upload_uid=upload.uid)
    kinds = Event.objects.filter(kind__startswith="evidence").order_by("pk")
    assert [event.kind for event in kinds] == ["evidence.attached", "evidence.removed"]
    assert sweeps.sweep() == {"ended": 0, "discarded": 1, "spools": 0}
    assert list(storage.names("uploads")) == []


@db
def test_what_is_not_finished_is_not_claimed():
    actor = world.owner()
    upload = actions.create_upload(actor=actor, purpose="evidence", length=2, name="a")
    with pytest.raises(StateConflict) as caught:
        actions.attach_evidence(
            actor=actor, upload_uid=upload.uid, organisation_uid=actor.organisation.uid
        )
    assert caught.value.code == "upload.unfinished"


# -- Sweeps ----------------------------------------------------------------------------------------
@db
def test_what_expired_goes_and_what_is_claimed_stays(clock):
    actor = world.owner()
    cut = begin(actor)
    add(actor, cut, 0, BODY[:10])
    unclaimed, claimed = stored(actor, BODY), stored(actor, BODY, purpose="evidence")
    actions.attach_evidence(
        actor=actor, upload_uid=claimed.uid, organisation_uid=actor.organisation.uid
    )
    assert sweeps.sweep() == {"ended": 0, "discarded": 0, "spools": 0}
    clock.move(limits.EXPIRES_AFTER + timedelta(seconds=1))
    assert sweeps.sweep() == {"ended": 2, "discarded": 1, "spools": 1}
    assert sweeps.sweep() == {"ended": 0, "discarded": 0, "spools": 0}
    assert [name for name, _at in storage.names("uploads")] == [claimed.stored_name]
    assert list(spool.files()) == []
    with pytest.raises(UploadGone):
        actions.claim_upload(
            actor=actor, upload_uid=unclaimed.uid, purpose="attachment", subject_uid=actor.user.uid
        )


@db
def test_a_spool_without_a_row_goes_after_a_day(clock):
    stranger = spool.folder() / "00000000-0000-4000-8000-000000000000.part"
    stranger.write_bytes(b"x")
    assert sweeps.remove_spools() == 0
    clock.move(limits.EXPIRES_AFTER + timedelta(minutes=1))
    assert sweeps.remove_spools() == 1


@db
def test_a_whole_one_that_was_stored_but_not_noted_leaves_no_orphan(clock):
    actor = world.owner()
    upload = begin(actor)
    with spool.held(upload.uid) as file:
        spool.append(file, 0, [BODY])
    Upload.objects.update(offset=len(BODY))
    storage.keep(spool.path_of(upload.uid), upload.storage_name, sha256="0" * 64, size=len(BODY))
    clock.move(limits.EXPIRES_AFTER + timedelta(minutes=1))
    assert sweeps.sweep() == {"ended": 1, "discarded": 1, "spools": 1}
    assert list(storage.names("uploads")) == []


@db
def test_orphans_are_named_once_they_have_settled(clock):
    with storage.incoming("sealed") as came:
        came.writer.write(b"nobody's")
    known = stored(world.owner(), BODY)
    folders = {"sealed": [], "uploads": [known.stored_name]}
    assert list(sweeps.orphans(folders)) == []
    clock.move(sweeps.SETTLED + timedelta(minutes=1))
    assert list(sweeps.orphans(folders)) == [came.name]
    assert site_clock.now() > came_at(came.name)


def came_at(name):
    return dict(storage.names("sealed"))[name]
