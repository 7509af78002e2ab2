"""tus 1.0 as the API speaks it: creation, chunks, checksums, expiry, termination."""

import hashlib
from datetime import timedelta

import pytest
from django.test import Client

from marketplace.base import clock as site_clock
from marketplace.files import spool, storage
from marketplace.files.limits import CHUNK_MOST, EXPIRES_AFTER, LARGEST, MEBIBYTE
from marketplace.files.models import Upload, UploadState
from marketplace.ledger.models import Event
from tests import world
from tests.files.sending import (
    AGE,
    UPLOADS,
    checksum,
    create,
    delete,
    head,
    metadata,
    patch,
    signed_in,
)

pytestmark = pytest.mark.django_db
BODY = b"%PDF-1.7\n" + bytes(range(256)) * 20


@pytest.fixture
def owner():
    return world.owner()


@pytest.fixture
def client(owner):
    return signed_in(owner)


@pytest.fixture
def begun(client):
    """The address of an upload of BODY, nothing sent yet."""
    return create(client, len(BODY))["Location"]


def spools():
    return [path.name for path, _at in spool.files()]


# -- What the server speaks ------------------------------------------------------------------------
@pytest.mark.parametrize("place", [UPLOADS, f"{UPLOADS}00000000-0000-4000-8000-000000000000/"])
def test_options_tells_what_is_spoken(client, place):
    answer = client.options(place)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["Tus-Resumable"] == answer["Tus-Version"] == "1.0.0"
    assert answer["Tus-Extension"] == (
        "creation,creation-with-upload,checksum,termination,expiration"
    )
    assert answer["Tus-Max-Size"] == str(LARGEST)
    assert answer["Tus-Checksum-Algorithm"] == "sha256,sha1"


@pytest.mark.parametrize("version", ["", "0.2.2", "1.0"])
def test_another_version_is_told_ours(client, begun, version):
    for answer in (
        create(client, 10, HTTP_TUS_RESUMABLE=version),
        patch(client, begun, 0, b"x", HTTP_TUS_RESUMABLE=version),
        client.head(begun, HTTP_TUS_RESUMABLE=version),
        client.delete(begun, HTTP_TUS_RESUMABLE=version),
    ):
        assert (answer.status_code, answer["Tus-Version"]) == (412, "1.0.0")


# -- The straight way ------------------------------------------------------------------------------
def test_three_chunks_make_a_stored_file(client, owner):
    answer = create(client, len(BODY), name="方案 v2.pdf", sha256=hashlib.sha256(BODY).hexdigest())
    assert (answer.status_code, answer["Upload-Offset"]) == (201, "0")
    assert "Upload-Expires" in answer
    place = answer["Location"]
    for start, end in [(0, 1000), (1000, 1001), (1001, len(BODY))]:
        assert head(client, place)["Upload-Offset"] == str(start)
        answer = patch(client, place, start, BODY[start:end])
        assert (answer.status_code, answer["Upload-Offset"]) == (204, str(end))
    assert "Upload-Expires" not in answer
    row = Upload.objects.get()
    assert (row.state, row.name, row.content_type) == ("stored", "方案 v2.pdf", "application/pdf")
    assert row.sha256 == hashlib.sha256(BODY).hexdigest()
    assert storage.read(row.stored_name) == BODY
    assert spools() == []
    event = Event.objects.get(kind="upload.stored")
    assert (event.actor_uid, event.subjects, event.data) == (owner.user_uid, [row.uid], {})
    told = head(client, place)
    assert (told["Upload-Offset"], told["Upload-Length"]) == (str(len(BODY)), str(len(BODY)))
    assert told["Cache-Control"] == "no-store"


def test_creation_with_the_whole_body(client):
    answer = create(client, len(BODY), body=BODY, HTTP_UPLOAD_CHECKSUM=checksum(BODY))
    assert (answer.status_code, answer["Upload-Offset"]) == (201, str(len(BODY)))
    assert Upload.objects.get().state == UploadState.STORED


def test_a_repeated_last_chunk_is_told_the_end(client, begun):
    patch(client, begun, 0, BODY)
    again = patch(client, begun, len(BODY), b"")
    assert (again.status_code, again["Upload-Offset"]) == (204, str(len(BODY)))
    more = patch(client, begun, len(BODY), b"x")
    assert (more.status_code, more.json()["code"]) == (409, "upload.offset")
    assert Event.objects.filter(kind="upload.stored").count() == 1


def test_an_override_for_proxies_that_know_no_patch(client, begun):
    headers = {"HTTP_TUS_RESUMABLE": "1.0.0", "HTTP_UPLOAD_OFFSET": "0"}
    stream = {"content_type": "application/offset+octet-stream", "data": BODY}
    answer = client.post(begun, HTTP_X_HTTP_METHOD_OVERRIDE="PATCH", **stream, **headers)
    assert answer.status_code == 204
    assert client.post(begun, **stream, **headers).status_code == 405


def test_an_idempotency_key_begins_once(client):
    first, again = (create(client, 10, HTTP_IDEMPOTENCY_KEY="k1") for _ in range(2))
    assert first["Location"] == again["Location"]
    other = create(client, 11, HTTP_IDEMPOTENCY_KEY="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.other_body")


# -- Refusals --------------------------------------------------------------------------------------
@pytest.mark.parametrize("length", ["", "-1", "1.5", "x", "9" * 16, "٣"])
def test_a_length_is_a_number(client, length):
    answer = create(client, length)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.header")


@pytest.mark.parametrize(
    "given", ["filename ***", "filename /w==", "a YQ==,a YQ==", "x" * 4097, "filename " + "é"]
)
def test_metadata_is_well_formed(client, given):
    answer = create(client, 10, HTTP_UPLOAD_METADATA=given)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.header")


@pytest.mark.parametrize(
    ("more", "field"),
    [({"purpose": "x"}, "purpose"), ({"purpose": ""}, "purpose"), ({"sha256": "AB"}, "sha256")],
)
def test_what_metadata_says_is_known(client, more, field):
    answer = create(client, 10, **more)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert spools() == []


def test_a_length_may_not_be_deferred_nor_nothing(client):
    assert create(client, 10, HTTP_UPLOAD_DEFER_LENGTH="1").status_code == 400
    assert create(client, 0).status_code == 422


@pytest.mark.parametrize("offset", [1, 999, len(BODY), 10**12])
def test_a_wrong_offset_changes_nothing(client, begun, offset):
    answer = patch(client, begun, offset, b"x" * 10)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload.offset")
    assert head(client, begun)["Upload-Offset"] == "0"


def test_out_of_order_and_twice(client, begun):
    assert patch(client, begun, 100, BODY[100:200]).status_code == 409
    assert patch(client, begun, 0, BODY[:100]).status_code == 204
    assert patch(client, begun, 0, BODY[:100]).status_code == 409
    assert patch(client, begun, 100, BODY[100:]).status_code == 204
    assert storage.read(Upload.objects.get().stored_name) == BODY


def test_more_than_was_announced(client, begun):
    answer = patch(client, begun, 0, BODY + b"x")
    assert (answer.status_code, answer.json()["code"]) == (413, "upload.over_length")
    assert head(client, begun)["Upload-Offset"] == "0"


def test_a_chunk_has_a_most(client):
    place = create(client, CHUNK_MOST + 1)["Location"]
    over = patch(client, place, 0, bytes(CHUNK_MOST + 1))
    assert (over.status_code, over.json()["code"]) == (413, "limit.chunk_bytes")
    assert "8 MiB" in over.json()["detail"]
    assert patch(client, place, 0, bytes(CHUNK_MOST)).status_code == 204


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
def test_a_checksum_decides_about_its_chunk(client, begun, algorithm):
    bad = patch(client, begun, 0, BODY[:9], HTTP_UPLOAD_CHECKSUM=checksum(b"other", algorithm))
    assert (bad.status_code, bad.json()["code"]) == (460, "upload.checksum")
    assert bad.json()["title"] == "Checksum Mismatch"
    assert head(client, begun)["Upload-Offset"] == "0"
    good = patch(client, begun, 0, BODY[:9], HTTP_UPLOAD_CHECKSUM=checksum(BODY[:9], algorithm))
    assert (good.status_code, good["Upload-Offset"]) == (204, "9")


@pytest.mark.parametrize("given", ["", "md5 YQ==", "sha256", "sha256 YQ==", "sha256 *"])
def test_a_checksum_is_well_formed(client, begun, given):
    answer = patch(client, begun, 0, BODY, HTTP_UPLOAD_CHECKSUM=given)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.header")


def test_a_whole_that_differs_from_the_declared_one_ends(client):
    place = create(client, len(BODY), sha256="0" * 64)["Location"]
    answer = patch(client, place, 0, BODY)
    assert (answer.status_code, answer.json()["code"]) == (422, "upload.other_sha256")
    assert head(client, place).status_code == 410
    assert spools() == []
    assert Event.objects.filter(kind="upload.stored").count() == 0


def test_another_media_type(client, begun):
    answer = patch(client, begun, 0, b"x", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (415, "upload.media_type")


@pytest.mark.parametrize("body", [b"plain", AGE.replace(b"X25519", b"scrypt"), b""])
def test_a_sealed_one_is_age_to_one_recipient(body):
    client = signed_in(world.vendor())
    body = body or AGE.replace(b"--- x", b"-> X25519 " + b"d" * 43 + b"\n--- x")
    place = create(client, len(body), purpose="sealed", name="bid.age")["Location"]
    answer = patch(client, place, 0, body)
    assert answer.status_code == 422
    assert answer.json()["code"] in {"upload.not_age", "upload.stanzas"}
    assert head(client, place).status_code == 410


def test_a_sealed_one_may_carry_grease():
    client = signed_in(world.vendor())
    body = AGE.replace(b"--- x", b"-> x!-grease 1 2\n" + b"d" * 43 + b"\n--- x")
    place = create(client, len(body), purpose="sealed", name="bid.age")["Location"]
    assert patch(client, place, 0, body).status_code == 204
    assert Upload.objects.get().content_type == "application/octet-stream"


# -- Somebody else's -------------------------------------------------------------------------------
def test_a_foreign_one_is_as_if_it_were_not(client, begun, owner):
    nothing = f"{UPLOADS}00000000-0000-4000-8000-000000000000/"
    colleague = world.member(owner.organisation)
    for other in (signed_in(world.owner()), signed_in(colleague), signed_in(world.officer())):
        for ask in (
            lambda place, other=other: patch(other, place, 0, BODY),
            lambda place, other=other: head(other, place),
            lambda place, other=other: delete(other, place),
            lambda place, other=other: other.get(place),
        ):
            real, none = ask(begun), ask(nothing)
            assert (real.status_code, real.content) == (404, none.content)
            assert told(real) == told(none)
    assert Upload.objects.get().offset == 0


def told(answer):
    """Its headers but what every request has for itself: its number, and what is left of a limit."""
    own = {"X-Request-ID", "RateLimit"}
    return {name: value for name, value in answer.headers.items() if name not in own}


def test_a_visitor_uploads_nothing(begun):
    assert create(Client(), 10).status_code in {401, 403}
    assert patch(Client(), begun, 0, BODY).status_code in {401, 403}


def test_a_session_needs_its_token(owner):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner.user)
    assert create(strict, 10).status_code == 403
    assert Upload.objects.count() == 0


def test_one_s_own_list(client, begun):
    create(signed_in(world.owner()), 10)
    body = client.get(UPLOADS).json()
    assert [row["links"]["self"] for row in body["results"]] == [f"http://testserver{begun}"]
    one = client.get(begun).json()
    assert (one["state"], one["offset"], one["actions"]) == ("receiving", 0, ["append", "end"])


@pytest.mark.parametrize("rows", [1, 30])
def test_the_list_takes_the_same_queries(client, owner, rows, count_queries):
    for _ in range(rows):
        Upload.objects.create(
            organisation=owner.organisation,
            user=owner.user,
            purpose="evidence",
            name="a",
            length=1,
            expires_at=site_clock.now(),
        )
    with count_queries() as queries:
        assert len(client.get(UPLOADS).json()["results"]) == rows
    assert len(queries) == 5


# -- Expiry and termination ------------------------------------------------------------------------
def test_an_upload_expires_after_its_last_chunk(client, begun, clock):
    clock.freeze(site_clock.now())
    patch(client, begun, 0, BODY[:10])
    clock.move(EXPIRES_AFTER - timedelta(microseconds=1))
    assert head(client, begun).status_code == 200
    clock.move(timedelta(microseconds=1))
    for answer in (head(client, begun), patch(client, begun, 10, BODY[10:]), client.get(begun)):
        assert answer.status_code == 410


def test_termination_frees_everything(client, begun):
    patch(client, begun, 0, BODY[:10])
    assert delete(client, begun).status_code == 204
    assert spools() == []
    assert [head(client, begun).status_code, delete(client, begun).status_code] == [410, 410]
    assert Upload.objects.get().state == UploadState.ENDED


def test_metadata_is_what_the_protocol_says():
    assert metadata(filename="a.txt") == "filename YS50eHQ="
    assert 2048 * MEBIBYTE == LARGEST
