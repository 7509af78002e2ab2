"""A bid that the bidder sealed, on its way in: programs die, the disk is full, Valkey is away."""

import os
import resource
import signal

import pytest
import requests

from marketplace.accounts.tokens.actions import create_token
from marketplace.bidding.models import Bid, BidVersion, SealedPackage
from marketplace.bidding.sealing import SealedFile, check_stored
from marketplace.bidding.sheet import sealing_sheet
from marketplace.files.models import Upload, UploadState
from marketplace.ledger.models import Event, Receipt
from marketplace.ledger.receipts import document, public_key_text
from marketplace.ledger.verify import verify
from tests import world
from tests.bidding.sealed_uploads import envelopes
from tests.faults.test_interruptions import children_of
from tests.faults.test_large_uploads import MEGA, peak_bytes
from tests.files.sending import STREAM, metadata

TUS = {"Tus-Resumable": "1.0.0"}


class Bidder:
    """A client with a token, which asks again where it stands."""

    def __init__(self, service, actor):
        made = create_token(actor=actor, name="t", scopes=["read", "uploads:write", "bids:write"])
        self.root = f"{service.address}/api/v1/"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {made.text}"

    def ask(self, method, path, **given):
        place = path if path.startswith("http") else self.root + path
        return self.session.request(method, place, timeout=60, **given)

    def begin(self, name, length):
        told = metadata(filename=f"{name}.age", purpose="sealed")
        headers = TUS | {"Upload-Length": str(length), "Upload-Metadata": told}
        answer = self.ask("post", "uploads/", headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"].rstrip("/").rpartition("/")[2]

    def send(self, uid, body, size=8 * 1024 * 1024):
        """From where it stands to the end; the last answer."""
        place = f"uploads/{uid}/"
        at = int(self.ask("head", place, headers=TUS).headers["Upload-Offset"])
        while at < len(body):
            headers = TUS | {"Upload-Offset": str(at), "Content-Type": STREAM}
            answer = self.ask("patch", place, data=body[at : at + size], headers=headers)
            if answer.status_code != 204:
                return answer
            at = int(answer.headers["Upload-Offset"])
        return answer


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["uploads", "package", "receipt", "disk", "valkey"])
def test_whatever_happens_it_is_received_once(service, fault):
    """Killed (9) after the uploads, the package or the receipt; a full disk; no Valkey."""
    scenario, vendor = world.published_scenario(), world.vendor()
    more = {"REDIS_URL": "redis://127.0.0.1:1/0"} if fault == "valkey" else {}
    web = service.start_web(**more)
    bidder = Bidder(service, vendor)
    sealed = envelopes(sealing_sheet(vendor, scenario))
    uploads = {name: bidder.begin(name, len(body)) for name, body in sealed.items()}
    if fault == "disk":
        full(web, lambda: refused(bidder.send(uploads["price"], sealed["price"])))
    for name, body in sealed.items():
        assert bidder.send(uploads[name], body).status_code == 204

    def kill(at):
        if at != fault:
            return
        child = service.children["web"]
        for pid in [child.process.pid, *children_of(child.process.pid)]:
            os.kill(pid, signal.SIGKILL)
        child.process.wait()
        service.start_web()

    kill("uploads")
    given = {"json": {"uploads": uploads}, "headers": {"Idempotency-Key": "p"}}
    made = bidder.ask("post", f"scenarios/{scenario.uid}/packages/", **given)
    kill("package")
    again = bidder.ask("post", f"scenarios/{scenario.uid}/packages/", **given)
    assert (made.status_code, again.status_code) == (201, 201), made.text
    assert made.json()["uid"] == again.json()["uid"]
    place, key = f"packages/{made.json()['uid']}/submit/", {"Idempotency-Key": "s"}
    receipt = bidder.ask("post", place, headers=key)
    kill("receipt")
    repeated = bidder.ask("post", place, headers=key)
    assert (receipt.status_code, repeated.status_code) == (201, 201), receipt.text
    assert receipt.json()["signed_text"] == repeated.json()["signed_text"]
    counts = [model.objects.count() for model in (Bid, BidVersion, SealedPackage, Receipt)]
    assert counts == [1, 1, 1, 1]
    version = BidVersion.objects.select_related("receipt").get()
    verify(document(version.receipt), published_key=public_key_text())
    kept = [
        SealedFile(row.envelope, row.stored_name, row.sha256, row.size)
        for row in version.envelopes.all()
    ]
    check_stored(kept)
    assert {file.envelope: file.size for file in kept} == {n: len(b) for n, b in sealed.items()}
    assert Event.objects.filter(kind="bid.submitted").count() == 1


def full(web, do):
    """No file of the server's may grow beyond 16 KiB while it is done."""
    pids = [web.process.pid, *children_of(web.process.pid)]
    before = [(pid, resource.prlimit(pid, resource.RLIMIT_FSIZE)) for pid in pids]
    for pid, (_soft, hard) in before:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (16 * 1024, hard))
    try:
        do()
    finally:
        for pid, limit in before:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)


def refused(answer):
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert Upload.objects.filter(state=UploadState.STORED).count() == 0


SIZE = int(os.environ.get("SEALED_MEGABYTES", "300")) * MEGA
GROWTH_MOST = 25 * MEGA


@pytest.mark.slow
def test_an_envelope_of_300_mb_in_flat_memory(service, tmp_path):
    """The header is that of an envelope; what follows is noise, which nobody can open."""
    scenario, vendor = world.published_scenario(), world.vendor()
    web = service.start_web()
    bidder = Bidder(service, vendor)
    sealed = envelopes(sealing_sheet(vendor, scenario))
    uploads = {name: bidder.begin(name, len(sealed[name])) for name in ("business", "price")}
    for name, uid in uploads.items():
        assert bidder.send(uid, sealed[name]).status_code == 204
    pids = [web.process.pid, *children_of(web.process.pid)]
    before = peak_bytes(pids)
    uploads["technical"] = uid = bidder.begin("technical", SIZE)
    noise, at = os.urandom(8 * 1024 * 1024), 0
    while at < SIZE:
        piece = (sealed["technical"] if at == 0 else noise)[: SIZE - at]
        headers = TUS | {"Upload-Offset": str(at), "Content-Type": STREAM}
        answer = bidder.ask("patch", f"uploads/{uid}/", data=piece, headers=headers)
        assert answer.status_code == 204, answer.text
        at += len(piece)
    made = bidder.ask("post", f"scenarios/{scenario.uid}/packages/", json={"uploads": uploads})
    receipt = bidder.ask("post", f"packages/{made.json()['uid']}/submit/")
    assert (made.status_code, receipt.status_code) == (201, 201)
    sizes = {row["envelope"]: row["size"] for row in receipt.json()["receipt"]["envelopes"]}
    assert sizes["technical"] == SIZE
    grown = peak_bytes(pids) - before
    print(f"peak grew by {grown / MEGA:.0f} MB from {before / MEGA:.0f} MB")  # noqa: T201
    assert grown < GROWTH_MOST
