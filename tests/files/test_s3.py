"""The S3 back end over HTTP, against moto's server: a stand-in, no store of a real installation."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time

import boto3
import pytest
import requests

from config.runtime.state import free_port
from marketplace.base.errors import StorageAway
from marketplace.bidding.models import BidVersion, OpenedEnvelope, SealedEnvelope
from marketplace.files import actions, s3, spool, storage, sweeps
from marketplace.files.models import Upload, UploadState
from marketplace.ledger.models import Event
from tests import world
from tests.bidding import bids
from tests.files.sending import signed_in, stored

BUCKET = "jiebang-test"
BODY = b"%PDF-1.7\n" + bytes(range(256)) * 4000
db = pytest.mark.django_db


class Store:
    """moto's server as a process of the test's own, to be started, killed and started again."""

    def __init__(self):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")},
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                requests.get(self.address, timeout=5)
                break
            except requests.ConnectionError:
                assert self.process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        self.client().create_bucket(Bucket=BUCKET)

    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )

    def names(self):
        listed = self.client().list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [entry["Key"] for entry in listed]

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture(scope="module")
def server():
    made = Store()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def store(server, settings):
    if server.process is None:
        server.start()
    client = server.client()
    for name in server.names():
        client.delete_object(Bucket=BUCKET, Key=name)
    settings.S3_BUCKET, settings.S3_ENDPOINT_URL = BUCKET, server.address
    settings.S3_REGION, settings.S3_KEY_ID, settings.S3_SECRET = "us-east-1", "key", "secret"
    return server


def parts():
    return [path.name for path, _at in spool.files()]


def keep(body, folder="sealed"):
    with storage.incoming(folder) as came:
        came.writer.write(body)
    return came.stored


def test_what_came_in_is_there_whole(store):
    kept = keep(BODY)
    assert (kept.sha256, kept.size) == (hashlib.sha256(BODY).hexdigest(), len(BODY))
    assert store.names() == [kept.name]
    assert storage.read(kept.name) == BODY
    assert b"".join(storage.stream(kept.name, 100, 5000)) == BODY[100:5100]
    assert b"".join(storage.stream(kept.name, len(BODY) - 1, 1)) == BODY[-1:]
    assert [name for name, _at in storage.names("sealed")] == [kept.name]
    assert parts() == []
    storage.discard(kept.name)
    storage.discard(kept.name)
    assert store.names() == []
    with pytest.raises(FileNotFoundError):
        storage.read(kept.name)
    with pytest.raises(FileNotFoundError):
        storage.stream(kept.name, 0, 1)


def test_what_fails_on_the_way_leaves_nothing(store):
    with pytest.raises(ZeroDivisionError), storage.incoming("sealed") as came:
        came.writer.write(BODY)
        raise ZeroDivisionError
    assert (store.names(), parts()) == ([], [])


def test_other_bytes_than_announced_are_refused(store, tmp_path):
    """The hash that goes along is not that of the bytes: as if they had been damaged on the way."""
    source = tmp_path / "file"
    source.write_bytes(BODY)
    with pytest.raises(StorageAway):
        storage.keep(source, "uploads/x", sha256="0" * 64, size=len(BODY))


def test_a_store_that_is_away_is_a_refusal_and_no_lost_file(store):
    kept = keep(BODY)
    assert storage.is_there("sealed")
    store.stop()
    for act in (
        lambda: keep(BODY),
        lambda: storage.read(kept.name),
        lambda: storage.stream(kept.name, 0, 10),
        lambda: storage.discard(kept.name),
        lambda: list(storage.names("sealed")),
    ):
        with pytest.raises(StorageAway):
            act()
    assert not storage.is_there("sealed")
    assert parts() == []


def test_a_bucket_that_is_away_is_no_lost_file(store, settings):
    kept = keep(BODY)
    settings.S3_BUCKET = "another"
    with pytest.raises(StorageAway):
        storage.read(kept.name)
    assert not storage.is_there("sealed")


@db
def test_an_upload_and_its_download(store):
    actor = world.vendor()
    upload = stored(actor, BODY, purpose="evidence")
    assert (upload.state, store.names(), parts()) == ("stored", [upload.stored_name], [])
    answer = signed_in(actor).get(f"/files/{upload.uid}/", HTTP_RANGE="bytes=9-19")
    assert (answer.status_code, b"".join(answer.streaming_content)) == (206, BODY[9:20])
    actions.end_upload(actor=actor, upload_uid=upload.uid)
    assert sweeps.discard_ended() == 1
    assert store.names() == []


@db
def test_a_store_that_goes_away_before_the_last_step(store):
    """503, nothing recorded, the whole still in the spool; asked again, it is finished."""
    actor = world.vendor()
    upload = actions.create_upload(actor=actor, purpose="evidence", length=len(BODY), name="a.pdf")
    half = len(BODY) // 2
    given = {"actor": actor, "upload_uid": upload.uid}
    actions.append_to_upload(offset=0, body=BODY[:half], **given)
    store.stop()
    with pytest.raises(StorageAway):
        actions.append_to_upload(offset=half, body=BODY[half:], **given)
    row = Upload.objects.get()
    assert (row.state, row.sha256, row.stored_name) == (UploadState.RECEIVING, "", "")
    assert Event.objects.filter(kind="upload.stored").count() == 0
    assert parts() == [f"{upload.uid}.part"]
    with pytest.raises(StorageAway):
        actions.resume_upload(**given)
    store.start()
    assert actions.resume_upload(**given).state == UploadState.STORED
    assert storage.read(upload.storage_name) == BODY
    assert parts() == []


@db
def test_bids_are_sealed_into_it_and_opened_from_it(store, clock):
    scenario = world.published_scenario()
    bids.bid(scenario, files={"technical": [("annex.txt", b"annex" * 100)]})
    sealed = list(SealedEnvelope.objects.values_list("stored_name", flat=True))
    assert sorted(sealed) == sorted(store.names())
    bids.open_first(scenario, clock)
    assert {row.outcome for row in OpenedEnvelope.objects.all()} == {"opened"}
    assert len([name for name in store.names() if name.startswith("opened/")]) == 1


@db
def test_a_store_that_is_away_takes_no_bid(store):
    scenario = world.published_scenario()
    store.stop()
    with pytest.raises(StorageAway):
        bids.bid(scenario)
    assert BidVersion.objects.count() == 0
    assert parts() == []


def test_clients_are_shared_by_threads(store):
    assert s3.client() is s3.client()
