"""Submitting, revising, withdrawing, on each side of the deadline."""

import hashlib
import json
import subprocess
import sys
from datetime import timedelta
from uuid import uuid4

import pytest

from marketplace.base import clock as real_clock
from marketplace.base.actor import Role
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
    TooMany,
)
from marketplace.base.idempotency import KeyReused
from marketplace.bidding.actions import submit_bid, submit_sealed_bid, withdraw_bid
from marketplace.bidding.models import Bid, BidState, BidVersion, SealedEnvelope, VersionKind
from marketplace.bidding.sealing import SealedFile, StorageFault, seal_bid
from marketplace.files import storage
from marketplace.ledger import keys as log_keys
from marketplace.ledger import leaves, receipts
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Event, Receipt
from marketplace.ledger.verify import CHECKS, Keys, NotValid, examine, verify
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.base.age_files import BY_PASSPHRASE
from tests.bidding import bids

pytestmark = pytest.mark.django_db
TICK = timedelta(microseconds=1)


def stored_files():
    folder = storage.path_of("sealed")
    return {f"sealed/{path.name}" for path in folder.iterdir()} if folder.exists() else set()


def seal(scenario, actor, **changes):
    return seal_bid(scenario=scenario, organisation=actor.organisation, forms=bids.forms(**changes))


def put(name, body):
    with storage.incoming("sealed") as incoming:
        incoming.writer.write(body)
    stored = incoming.stored
    return SealedFile(name, stored.name, stored.sha256, stored.size)


# -- What a submission leaves behind -----------------------------------------------------------------
def test_what_a_submission_leaves_behind():
    scenario, vendor = world.published_scenario(), world.vendor()
    before = stored_files()
    version = bids.bid(scenario, vendor)
    envelopes = {e.envelope: e for e in SealedEnvelope.objects.all()}
    assert set(envelopes) == {"business", "technical", "price"}
    assert stored_files() - before == {e.stored_name for e in envelopes.values()}
    keys = dict(scenario.envelope_keys.values_list("envelope", "recipient"))
    assert {e.envelope: e.recipient for e in envelopes.values()} == keys
    body = json.loads(bytes(version.receipt.body))
    assert body == {
        "type": "jiebang-receipt/1/bid-submitted",
        "scenario": str(scenario.uid),
        "scenario_ref": scenario.ref,
        "organisation": str(vendor.organisation.uid),
        "bid": str(version.bid.uid),
        "version": 1,
        "received_at": body["received_at"],
        "envelopes": [
            {"envelope": name, "sha256": envelopes[name].sha256, "size": envelopes[name].size}
            for name in ("business", "technical", "price")
        ],
        "previous_receipt_sha256": None,
        "statement": body["statement"],
        "log": {
            "origin": "localhost/jiebang-demo",
            "leaf": leaves.event_commitment(Event.objects.get()).hex(),
            "merge_delay_seconds": 600,
        },
    }
    assert "does not prove that the bid can be opened" in body["statement"]["en"]
    event = Event.objects.get()
    assert (event.kind, event.audience) == ("bid.submitted", "parties")
    assert event.subjects == [scenario.uid, version.bid.uid]
    assert (event.data, event.input_hash != "") == ({}, True)


def test_three_revisions_three_receipts_each_naming_the_one_before():
    scenario, vendor = world.published_scenario(), world.vendor()
    for note in ("one", "two", "three"):
        bids.bid(scenario, vendor, price__note=note)
    versions = BidVersion.objects.select_related("receipt").order_by("number")
    assert [v.number for v in versions] == [1, 2, 3]
    assert Bid.objects.get().versions_count == 3
    bodies = [json.loads(bytes(v.receipt.body)) for v in versions]
    hashes = [hashlib.sha256(bytes(v.receipt.body)).hexdigest() for v in versions]
    assert [b["previous_receipt_sha256"] for b in bodies] == [None, *hashes[:2]]
    kinds = list(Event.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["bid.submitted", "bid.revised", "bid.revised"]


# -- When --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("early", "taken"), [(TICK, True), (timedelta(0), False), (-TICK, False)])
def test_the_deadline_is_half_open(clock, early, taken):
    scenario, vendor = world.published_scenario(), world.vendor()
    sealed = seal(scenario, vendor)
    clock.freeze(scenario.deadline_at - early)
    if taken:
        version = submit_sealed_bid(actor=vendor, scenario_uid=scenario.uid, sealed=sealed)
        assert version.received_at == scenario.deadline_at - TICK
        return
    with pytest.raises(DeadlinePassed) as refused:
        submit_sealed_bid(actor=vendor, scenario_uid=scenario.uid, sealed=sealed)
    assert refused.value.status == 409
    assert Bid.objects.count() == 0
    assert Event.objects.count() == 0


@pytest.mark.parametrize(("early", "taken"), [(TICK, True), (timedelta(0), False), (-TICK, False)])
def test_withdrawal_is_strictly_before_the_deadline(clock, early, taken):
    scenario, vendor = world.published_scenario(), world.vendor()
    bid = bids.bid(scenario, vendor).bid
    clock.freeze(scenario.deadline_at - early)
    if taken:
        version = withdraw_bid(actor=vendor, bid_uid=bid.uid)
        assert (version.kind, version.number) == (VersionKind.WITHDRAWN, 2)
        return
    with pytest.raises(DeadlinePassed):
        withdraw_bid(actor=vendor, bid_uid=bid.uid)
    bid.refresh_from_db()
    assert bid.state == BidState.SUBMITTED


def test_late_leaves_no_file(clock):
    scenario, vendor = world.published_scenario(), world.vendor()
    before = stored_files()
    clock.freeze(scenario.deadline_at)
    with pytest.raises(DeadlinePassed):
        bids.bid(scenario, vendor)
    # With a key it is sealed first, since the answer to a repeated request may be known.
    with pytest.raises(DeadlinePassed):
        submit_bid(actor=vendor, scenario_uid=scenario.uid, forms=bids.forms(), idempotency_key="k")
    assert stored_files() == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"suspended": True}, "scenario.suspended"),
        ({"state": State.WITHDRAWN}, "scenario.not_open"),
    ],
)
def test_not_while_it_takes_no_bids(change, code):
    scenario = world.published_scenario()
    Scenario.objects.filter(pk=scenario.pk).update(**change)
    with pytest.raises(StateConflict) as refused:
        bids.bid(scenario)
    assert refused.value.code == code


def test_profile_c_takes_no_bids():
    scenario = world.published_scenario(profile=world.profile("C"))
    with pytest.raises(StateConflict) as refused:
        bids.bid(scenario)
    assert refused.value.code == "scenario.takes_no_bids"


# -- Who ---------------------------------------------------------------------------------------------
def test_drafts_of_others_do_not_exist():
    with pytest.raises(NotFound):
        bids.bid(world.draft_scenario(world.owner()))
    with pytest.raises(NotFound):
        submit_sealed_bid(actor=world.vendor(), scenario_uid=uuid4(), sealed=[])


def test_a_viewer_does_not_submit():
    vendor = world.member(world.vendor().organisation, Role.VIEWER)
    with pytest.raises(NotAllowed) as refused:
        bids.bid(world.published_scenario(), vendor)
    assert refused.value.code == "not_allowed.bid"


def test_nobody_else_withdraws():
    vendor = world.vendor()
    bid = bids.bid(world.published_scenario(), vendor).bid
    for stranger in (world.vendor(), world.officer(), world.member(bid.scenario.organisation)):
        with pytest.raises(NotFound):
            withdraw_bid(actor=stranger, bid_uid=bid.uid)
    with pytest.raises(NotAllowed):
        withdraw_bid(actor=world.member(vendor.organisation, Role.VIEWER), bid_uid=bid.uid)


# -- Withdrawing and coming back -----------------------------------------------------------------------
def test_a_withdrawn_bid_may_come_back(clock):
    scenario, vendor = world.published_scenario(), world.vendor()
    bid = bids.bid(scenario, vendor).bid
    withdraw_bid(actor=vendor, bid_uid=bid.uid)
    with pytest.raises(StateConflict):
        withdraw_bid(actor=vendor, bid_uid=bid.uid)
    assert bids.bid(scenario, vendor).number == 3
    bid.refresh_from_db()
    assert bid.state == BidState.SUBMITTED
    kinds = list(Event.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["bid.submitted", "bid.withdrawn", "bid.submitted"]


def test_fifty_versions_and_no_more_but_a_withdrawal():
    scenario, vendor = world.published_scenario(), world.vendor()
    bid = bids.bid(scenario, vendor).bid
    Bid.objects.update(versions_count=50)
    with pytest.raises(TooMany) as refused:
        bids.bid(scenario, vendor)
    assert refused.value.status == 429
    assert withdraw_bid(actor=vendor, bid_uid=bid.uid).number == 51


# -- The same request twice ------------------------------------------------------------------------------
def test_the_same_key_twice_is_one_version(clock):
    soon = real_clock.now() + timedelta(hours=1)
    scenario, vendor = world.published_scenario(deadline_at=soon), world.vendor()
    before = stored_files()
    given = {
        "actor": vendor,
        "scenario_uid": scenario.uid,
        "forms": bids.forms(),
        "idempotency_key": "once",
    }
    first = submit_bid(**given)
    clock.freeze(scenario.deadline_at + TICK)
    assert submit_bid(**given) == first
    assert BidVersion.objects.count() == 1
    assert len(stored_files() - before) == 3
    clock.run()
    with pytest.raises(KeyReused):
        submit_bid(**(given | {"forms": bids.forms(price__note="other")}))


# -- What is not sealed ------------------------------------------------------------------------------------
def sealed_with(scenario, vendor, body):
    sealed = seal(scenario, vendor)
    return [*sealed[:2], put("price", body)]


@pytest.mark.parametrize(
    "body",
    [b"plain", b"", BY_PASSPHRASE],
    ids=["plain", "empty", "passphrase"],
)
def test_what_is_not_age_to_one_recipient_is_refused(body):
    scenario, vendor = world.published_scenario(), world.vendor()
    with pytest.raises(Invalid) as refused:
        submit_sealed_bid(
            actor=vendor,
            scenario_uid=scenario.uid,
            sealed=sealed_with(scenario, vendor, body),
        )
    assert refused.value.status == 422
    assert Bid.objects.count() == 0


def test_three_envelopes_each_once():
    scenario, vendor = world.published_scenario(), world.vendor()
    sealed = seal(scenario, vendor)
    for wrong in ([], sealed[:2], [*sealed, sealed[0]]):
        with pytest.raises(Invalid):
            submit_sealed_bid(actor=vendor, scenario_uid=scenario.uid, sealed=wrong)


def test_no_receipt_for_bytes_that_the_disk_did_not_keep():
    scenario, vendor = world.published_scenario(), world.vendor()
    sealed = seal(scenario, vendor)
    path = storage.path_of(sealed[0].stored_name)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(StorageFault):
        submit_sealed_bid(actor=vendor, scenario_uid=scenario.uid, sealed=sealed)
    assert Receipt.objects.count() == 0


def test_a_refused_form_seals_nothing():
    before = stored_files()
    with pytest.raises(Invalid):
        bids.bid(world.published_scenario(), price__total_cny="0")
    assert stored_files() == before


def test_bids_of_nearly_one_size_have_one_size():
    scenario = world.published_scenario()
    for length in (5000, 5400):
        bids.bid(scenario, technical__approach="x" * length)
    small, large = SealedEnvelope.objects.filter(envelope="technical").order_by("pk")
    # The padded package is the same; age adds a stanza of a few random bytes to the header.
    assert abs(small.size - large.size) < 300


# -- Receipts ------------------------------------------------------------------------------------------------
def offline(document, tmp_path, *more):
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(document), "utf-8")
    command = [sys.executable, "-m", "marketplace.ledger.verify", str(file), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={})


def test_receipts_verify_offline_and_tampered_ones_do_not(tmp_path):
    version = bids.bid(world.published_scenario())
    document = receipts.document(version.receipt)
    done = offline(document, tmp_path, "--key", receipts.public_key_text())
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "VALID")
    document["receipt"]["version"] = 7
    assert offline(document, tmp_path).returncode == 1
    document = receipts.document(version.receipt)
    signature = document["signature"]
    document["signature"] = ("B" if signature[0] == "A" else "A") + signature[1:]
    with pytest.raises(NotValid):
        verify(document)


def test_a_receipt_is_proved_by_the_log_once_it_is_sealed(tmp_path):
    version = bids.bid(world.published_scenario())
    assert receipts.document(version.receipt)["inclusion"] is None
    sequencer.seal_batch()
    document = receipts.document(Receipt.objects.get())
    findings, signed = examine(document, keys=Keys.published(log_keys.published()))
    assert signed == document["receipt"]
    states = {finding.check: finding.state for finding in findings}
    assert states == dict.fromkeys(CHECKS, "held") | {"witness": states["witness"]}
    document["inclusion"]["index"] -= 1
    with pytest.raises(NotValid) as caught:
        verify(document, keys=Keys.published(log_keys.published()))
    assert caught.value.check == "inclusion"


def test_the_time_is_the_database_s(clock):
    scenario = world.published_scenario()
    at = real_clock.now().replace(microsecond=123_456)
    clock.freeze(at)
    version = bids.bid(scenario)
    assert version.received_at == at
    body = json.loads(bytes(version.receipt.body))
    assert body["received_at"].endswith(".123Z")


def test_a_race_takes_bids_as_any_demand():
    scenario = world.published_scenario(organising_mode="race", race_entrants=3)
    assert bids.bid(scenario, world.vendor()).number == 1
