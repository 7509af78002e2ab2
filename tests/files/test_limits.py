"""Each limit at its edge: what it allows, the first that it refuses, and which it says it is."""

import pytest

from marketplace.base import clock as site_clock
from marketplace.base.errors import TooLarge
from marketplace.files import actions, limits
from marketplace.files.limits import LIMITS, MEBIBYTE, Purpose
from marketplace.files.models import Upload, UploadState
from tests import world
from tests.files.sending import stored

db = pytest.mark.django_db


def begin(actor, purpose=Purpose.ATTACHMENT, length=1):
    return actions.create_upload(actor=actor, purpose=purpose, length=length, name="a.pdf")


def refusal(*args, **given):
    with pytest.raises(TooLarge) as caught:
        begin(*args, **given)
    return caught.value.code, str(caught.value)


@db
@pytest.mark.parametrize("purpose", list(Purpose))
def test_bytes_of_one_file(purpose):
    office = world.officer if purpose == Purpose.SIGNED else world.owner
    actor = world.vendor() if purpose in limits.HANDED_IN else office()
    most = LIMITS[purpose].bytes_most
    assert begin(actor, purpose, most).length == most
    code, sentence = refusal(actor, purpose, most + 1)
    assert code == "limit.file_bytes"
    assert f"{most // MEBIBYTE} MiB" in sentence


@db
def test_open_uploads_of_an_organisation(clock):
    actor = world.owner()
    for _ in range(limits.OPEN_MOST):
        last = begin(actor)
    assert refusal(actor)[0] == "limit.open_uploads"
    # Another organisation has its own; what ended or expired counts no more.
    begin(world.owner())
    actions.end_upload(actor=actor, upload_uid=last.uid)
    begin(actor)
    assert refusal(actor)[0] == "limit.open_uploads"
    clock.move(limits.EXPIRES_AFTER)
    begin(actor)


@db
def test_bytes_of_an_organisation():
    actor = world.owner()
    whole, each = limits.ORGANISATION_BYTES_MOST, LIMITS[Purpose.ATTACHMENT].bytes_most
    full = whole // each - 1
    Upload.objects.bulk_create(
        Upload(
            organisation=actor.organisation,
            user=actor.user,
            purpose=Purpose.ATTACHMENT,
            state=UploadState.STORED,
            name="a",
            length=each,
            offset=each,
            sha256="0" * 64,
            stored_name=f"uploads/{number}",
            expires_at=site_clock.now(),
            finished_at=site_clock.now(),
        )
        for number in range(full)
    )
    begin(actor, length=each - 1)
    assert refusal(actor, length=2)[0] == "limit.organisation_bytes"
    begin(actor, length=1)
    assert refusal(actor, length=1)[0] == "limit.organisation_bytes"


@db
def test_files_of_one_record():
    actor = world.owner()
    for _ in range(LIMITS[Purpose.EVIDENCE].count_most):
        upload = stored(actor, b"x", purpose="evidence")
        actions.attach_evidence(
            actor=actor, upload_uid=upload.uid, organisation_uid=actor.organisation.uid
        )
    more = stored(actor, b"x", purpose="evidence")
    with pytest.raises(TooLarge) as caught:
        actions.attach_evidence(
            actor=actor, upload_uid=more.uid, organisation_uid=actor.organisation.uid
        )
    assert (caught.value.code, caught.value.params) == ("limit.file_count", {"most": 10})


def test_two_at_once_break_no_limit(two_at_once):
    actor = world.owner()
    for _ in range(limits.OPEN_MOST - 1):
        begin(actor)
    results = two_at_once(lambda: begin(actor), lambda: begin(actor))
    assert sorted(type(found).__name__ for found in results) == ["TooLarge", "Upload"]
    assert Upload.objects.count() == limits.OPEN_MOST
