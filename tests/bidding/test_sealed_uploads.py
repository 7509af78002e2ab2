"""Envelopes that the bidder sealed: uploaded, assembled, submitted. Who, when, twice, what stays."""

import io
from datetime import timedelta
from uuid import UUID, uuid4

import pyrage
import pytest

from marketplace.base import clock as real_clock
from marketplace.base.actor import Role
from marketplace.base.errors import (
    DeadlinePassed,
    DomainError,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
    StorageAway,
    TooLarge,
    TooMany,
)
from marketplace.bidding.actions import (
    assemble_package,
    discard_stale_packages,
    packages,
    submit_package,
)
from marketplace.bidding.models import (
    Bid,
    BidVersion,
    OpenedEnvelope,
    SealedEnvelope,
    SealedPackage,
)
from marketplace.bidding.sealing import SealedFile, StorageFault, check_stored
from marketplace.bidding.sheet import sealing_sheet
from marketplace.files import limits, storage, sweeps
from marketplace.files.actions import end_upload
from marketplace.files.models import Upload, UploadState
from marketplace.scenarios.actions import close_scenario
from tests import world
from tests.api.client import As, refused
from tests.base.age_files import BY_PASSPHRASE
from tests.bidding import bids
from tests.bidding.sealed_uploads import assembled, envelopes, upload, uploaded
from tests.files.sending import create, patch, signed_in

pytestmark = pytest.mark.django_db
TICK = timedelta(microseconds=1)


@pytest.fixture
def cast():
    return world.published_scenario(), world.vendor()


def assemble(scenario, actor, uploads):
    return assemble_package(actor=actor, scenario_uid=scenario.uid, uploads=uploads)


def submit(package, actor, key=""):
    return submit_package(actor=actor, package_uid=package.uid, idempotency_key=key)


# -- The straight way ------------------------------------------------------------------------------
def test_the_package_names_the_uploads_and_owns_them(cast):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    package = assemble(scenario, vendor, uploads)
    rows = {name: Upload.objects.get(uid=uid) for name, uid in uploads.items()}
    assert package.envelopes == [
        {
            "envelope": name,
            "stored_name": rows[name].stored_name,
            "sha256": rows[name].sha256,
            "size": rows[name].length,
            "upload": str(rows[name].uid),
        }
        for name in ("business", "technical", "price")
    ]
    assert {row.subject_uid for row in rows.values()} == {package.uid}
    for uid in uploads.values():
        with pytest.raises(StateConflict):
            end_upload(actor=vendor, upload_uid=uid)
    assert Bid.objects.count() == 0


def test_what_was_uploaded_is_received_and_opened(cast, clock):
    scenario, vendor = cast
    forms = bids.forms(price__note="自己封的。")
    package = assembled(scenario, vendor, forms)
    version = submit(package, vendor)
    kept = SealedEnvelope.objects.filter(version=version).values_list("envelope", "stored_name")
    assert dict(kept) == {row["envelope"]: row["stored_name"] for row in package.envelopes}
    bids.open_first(scenario, clock)
    opened = {row.sealed.envelope: row.form for row in OpenedEnvelope.objects.all()}
    assert opened == {name: forms[name] for name in ("business", "technical")}


def test_three_revisions_leave_three_receipts_and_the_last_is_opened(cast, clock):
    scenario, vendor = cast
    numbers = []
    for text in ("第一版。", "第二版。", "第三版。"):
        forms = bids.forms(technical__risks=text)
        numbers.append(submit(assembled(scenario, vendor, forms), vendor).number)
    assert numbers == [1, 2, 3]
    assert BidVersion.objects.values("receipt").distinct().count() == 3
    bids.open_first(scenario, clock)
    row = OpenedEnvelope.objects.get(sealed__envelope="technical")
    assert (row.form["risks"], row.sealed.version.number) == ("第三版。", 3)


def test_by_the_api(cast):
    scenario, vendor = cast
    uploads = {name: str(uid) for name, uid in uploaded(scenario, vendor).items()}
    place = f"scenarios/{scenario.uid}/packages/"
    asked = As(vendor)
    made = asked.post(place, {"uploads": uploads}, key="a")
    assert made.status_code == 201
    body = made.json()
    assert [row["envelope"] for row in body["envelopes"]] == ["business", "technical", "price"]
    again = asked.post(place, {"uploads": uploads}, key="a")
    assert (again.status_code, again.json()["uid"]) == (201, body["uid"])
    refused(asked.post(place, {"uploads": uploads}), 409, "upload.claimed")
    receipt = asked.post(f"packages/{body['uid']}/submit/")
    assert receipt.status_code == 201
    assert [row["sha256"] for row in receipt.json()["receipt"]["envelopes"]] == [
        row["sha256"] for row in body["envelopes"]
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"files": {}},
        {"uploads": {"business": str(uuid4())}},
        {"uploads": {}, "forms": bids.forms()},
        {"uploads": dict.fromkeys(("business", "technical", "price"), str(uuid4()))},
    ],
)
def test_a_body_that_is_no_package(cast, body):
    scenario, vendor = cast
    assert As(vendor).post(f"scenarios/{scenario.uid}/packages/", body).status_code == 422
    assert SealedPackage.objects.count() == 0


# -- Who, when -------------------------------------------------------------------------------------
@pytest.mark.parametrize(("early", "taken"), [(TICK, True), (timedelta(0), False)])
def test_a_package_is_made_before_the_deadline(cast, clock, early, taken):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    clock.freeze(scenario.deadline_at - early)
    # Uploads expire after a day; they came a moment ago.
    Upload.objects.update(expires_at=scenario.deadline_at + timedelta(hours=1))
    if taken:
        assert submit(assemble(scenario, vendor, uploads), vendor).number == 1
        return
    with pytest.raises(DeadlinePassed):
        assemble(scenario, vendor, uploads)
    assert Upload.objects.exclude(subject_uid=None).count() == 0


def test_an_upload_that_ends_after_the_deadline_is_late(cast, clock):
    """Begun before the deadline: the bytes are taken, the bid is not."""
    scenario, vendor = cast
    clock.freeze(scenario.deadline_at - timedelta(minutes=1))
    browser, uploads = signed_in(vendor), {}
    sealed = envelopes(sealing(scenario, vendor))
    begun = {
        name: create(browser, len(body), name=f"{name}.age", purpose="sealed")["Location"]
        for name, body in sealed.items()
    }
    for name, body in sealed.items():
        assert patch(browser, begun[name], 0, body[:1000]).status_code == 204
    clock.freeze(scenario.deadline_at)
    for name, body in sealed.items():
        assert patch(browser, begun[name], 1000, body[1000:]).status_code == 204
        uploads[name] = begun[name].rstrip("/").rpartition("/")[2]
    answer = As(vendor).post(f"scenarios/{scenario.uid}/packages/", {"uploads": uploads})
    refused(answer, 409, "deadline.passed")
    assert SealedPackage.objects.count() == 0


def sealing(scenario, vendor):
    return sealing_sheet(vendor, scenario)


def test_nobody_uses_the_uploads_of_others(cast):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    colleague = world.member(vendor.organisation, Role.EDITOR)
    for stranger in (world.vendor(), colleague):
        with pytest.raises(NotFound):
            assemble(scenario, stranger, uploads)
    with pytest.raises(NotAllowed):
        assemble(scenario, world.officer(), uploads)
    with pytest.raises(NotFound):
        assemble(world.draft_scenario(world.owner()), vendor, uploads)
    assert Upload.objects.exclude(subject_uid=None).count() == 0


@pytest.mark.parametrize("spoil", ["unfinished", "ended", "expired", "twice", "unknown"])
def test_an_upload_that_cannot_be_used(cast, spoil, clock):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    price = Upload.objects.get(uid=uploads["price"])
    expected = {"unfinished": 409, "ended": 410, "expired": 410, "twice": 422, "unknown": 404}
    if spoil == "unfinished":
        begun = create(signed_in(vendor), 9, name="p.age", purpose="sealed")["Location"]
        uploads["price"] = UUID(begun.rstrip("/").rpartition("/")[2])
    elif spoil == "ended":
        end_upload(actor=vendor, upload_uid=price.uid)
    elif spoil == "expired":
        Upload.objects.filter(pk=price.pk).update(expires_at=real_clock.now())
    elif spoil == "twice":
        uploads["price"] = uploads["technical"]
    else:
        uploads["price"] = uuid4()
    with pytest.raises(DomainError) as caught:
        assemble(scenario, vendor, uploads)
    assert caught.value.status == expected[spoil]
    assert Upload.objects.exclude(subject_uid=None).count() == 0


PLUGIN = b"age-encryption.org/v1\n-> piv-p256 aaaaaa bbbb\n" + b"b" * 43 + b"\n--- x\n" + b"c" * 99


def two_recipients():
    keys = [pyrage.x25519.Identity.generate().to_public() for _ in range(2)]
    into = io.BytesIO()
    pyrage.encrypt_io(io.BytesIO(b"x" * 70_000), into, keys)
    return into.getvalue()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"PK\x03\x04" * 20_000, "upload.not_age"),
        (BY_PASSPHRASE + bytes(70_000), "upload.stanzas"),
        (PLUGIN, "upload.stanzas"),
        (two_recipients(), "upload.stanzas"),
    ],
    ids=["plain", "passphrase", "plugin", "two"],
)
def test_what_is_not_sealed_to_one_recipient_is_never_stored(cast, body, code):
    _scenario, vendor = cast
    with pytest.raises(Invalid) as caught:
        upload(vendor, body)
    assert (caught.value.status, caught.value.code) == (422, code)
    row = Upload.objects.get()
    assert (row.state, storage.path_of(row.storage_name).exists()) == (UploadState.ENDED, False)


# -- Limits ----------------------------------------------------------------------------------------
def test_ten_may_wait(cast, monkeypatch):
    monkeypatch.setattr(packages, "WAITING_MAX", 1)
    scenario, vendor = cast
    package = assembled(scenario, vendor)
    uploads = uploaded(scenario, vendor)
    with pytest.raises(TooMany):
        assemble(scenario, vendor, uploads)
    submit(package, vendor)
    assert assemble(scenario, vendor, uploads).version is None


def test_what_waits_is_bounded_and_what_was_received_is_not_counted(cast, monkeypatch):
    scenario, vendor = cast
    first = assembled(scenario, vendor)
    size = sum(row["size"] for row in first.envelopes)
    monkeypatch.setattr(limits, "ORGANISATION_BYTES_MOST", size + size // 2)
    uploads = uploaded(scenario, vendor)
    with pytest.raises(TooLarge) as caught:
        assemble(scenario, vendor, uploads)
    assert caught.value.code == "limit.waiting_bytes"
    submit(first, vendor)
    assert assemble(scenario, vendor, uploads).version is None
    # Neither what waits in a package nor what was received keeps from uploading.
    uploaded(scenario, vendor)


# -- What is left ----------------------------------------------------------------------------------
def gone(package):
    rows = Upload.objects.filter(uid__in=[row["upload"] for row in package.envelopes])
    states = {row.state for row in rows}
    sweeps.sweep()
    names = {name for name, _at in storage.names("uploads")}
    return states == {UploadState.ENDED}, not names & {r["stored_name"] for r in package.envelopes}


def test_what_was_not_submitted_lets_its_uploads_go(
    cast, clock, django_capture_on_commit_callbacks
):
    scenario, vendor = cast
    stale, kept = assembled(scenario, vendor), assembled(scenario, vendor)
    version = submit(kept, vendor)
    clock.freeze(real_clock.now() + packages.KEPT_FOR + TICK)
    with django_capture_on_commit_callbacks(execute=True):
        assert (discard_stale_packages(), discard_stale_packages()) == (1, 0)
    assert gone(stale) == (True, True)
    assert gone(kept) == (False, False)
    check_stored(
        SealedFile(row.envelope, row.stored_name, row.sha256, row.size)
        for row in version.envelopes.all()
    )


def test_once_the_demand_has_closed_nothing_waits(cast, clock, django_capture_on_commit_callbacks):
    scenario, vendor = cast
    bids.bid(scenario)
    clock.freeze(scenario.deadline_at - TICK)
    late = assembled(scenario, vendor)
    clock.freeze(scenario.deadline_at)
    with pytest.raises(DeadlinePassed):
        submit(late, vendor)
    assert discard_stale_packages() == 0
    close_scenario(scenario_uid=scenario.uid)
    with django_capture_on_commit_callbacks(execute=True):
        assert discard_stale_packages() == 1
    assert gone(late) == (True, True)


def test_nothing_is_made_while_the_disk_does_not_take_the_envelope(cast, monkeypatch):
    scenario, vendor = cast
    sealed = envelopes(sealing(scenario, vendor))

    def away(*given, **named):
        raise StorageAway

    with monkeypatch.context() as patched:
        patched.setattr(storage, "keep", away)
        with pytest.raises(StorageAway):
            upload(vendor, sealed["price"])
    row = Upload.objects.get()
    assert (row.state, row.offset) == (UploadState.RECEIVING, row.length)
    # It is whole in the spool, and finished when its sender asks again.
    answer = signed_in(vendor).head(f"/api/v1/uploads/{row.uid}/", HTTP_TUS_RESUMABLE="1.0.0")
    row.refresh_from_db()
    assert (answer.status_code, row.state) == (200, UploadState.STORED)


def test_reading_back_finds_other_bytes(cast):
    _scenario, vendor = cast
    row = upload(vendor, envelopes(sealing(*cast))["price"])
    file = SealedFile("price", row.stored_name, row.sha256, row.length)
    check_stored([file])
    path = storage.path_of(row.stored_name)
    whole = path.read_bytes()
    for other in (whole + b"x", whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(other)
        with pytest.raises(StorageFault):
            check_stored([file])
