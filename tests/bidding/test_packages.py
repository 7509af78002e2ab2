"""Sealed first, submitted later: who, when, twice at once, what is left."""

from datetime import timedelta

import pytest

from marketplace.base import clock as real_clock
from marketplace.base.actor import Role
from marketplace.base.canonical import canonical
from marketplace.base.errors import DeadlinePassed, NotAllowed, NotFound, StateConflict, TooMany
from marketplace.bidding.actions import (
    discard_stale_packages,
    packages,
    submit_bid,
    submit_package,
    withdraw_bid,
)
from marketplace.bidding.actions.submission import receipt_hash
from marketplace.bidding.models import Bid, BidVersion, SealedEnvelope, SealedPackage
from marketplace.files import storage
from marketplace.files import sweeps as file_sweeps
from marketplace.ledger.actions import leaf
from marketplace.ledger.models import Event, PendingEvent
from tests import world
from tests.bidding import bids
from tests.bidding.sealed_uploads import assembled

pytestmark = pytest.mark.django_db
TICK = timedelta(microseconds=1)


def stored_files():
    folder = storage.path_of("uploads")
    return {f"uploads/{path.name}" for path in folder.iterdir()} if folder.exists() else set()


def package_of(scenario, vendor, **changes):
    return assembled(scenario, vendor, bids.forms(**changes))


def submit(package, vendor, key=""):
    return submit_package(actor=vendor, package_uid=package.uid, idempotency_key=key)


def test_sealing_leaves_three_durable_files_and_no_bid():
    scenario, vendor = world.published_scenario(), world.vendor()
    before = stored_files()
    package = package_of(scenario, vendor)
    assert [row["envelope"] for row in package.envelopes] == ["business", "technical", "price"]
    assert stored_files() - before == {row["stored_name"] for row in package.envelopes}
    assert Bid.objects.count() == 0
    assert set(Event.objects.values_list("kind", flat=True)) == {"upload.stored"}


def test_submitting_takes_those_files_and_writes_the_whole_record():
    scenario, vendor = world.published_scenario(), world.vendor()
    package = package_of(scenario, vendor)
    version = submit(package, vendor)
    package.refresh_from_db()
    assert package.version == BidVersion.objects.get() == version
    sealed = {
        row.envelope: (row.stored_name, row.sha256, row.size)
        for row in SealedEnvelope.objects.filter(version=version)
    }
    assert sealed == {
        row["envelope"]: (row["stored_name"], row["sha256"], row["size"])
        for row in package.envelopes
    }
    event = Event.objects.exclude(kind="upload.stored").get()
    assert (event.kind, event.subjects) == ("bid.submitted", [scenario.uid, version.bid.uid])
    assert event.at == version.received_at
    assert bytes(event.body) == canonical(leaf(event))
    assert PendingEvent.objects.filter(event_id=event.pk).exists()


def test_a_package_is_submitted_once():
    scenario, vendor = world.published_scenario(), world.vendor()
    package = package_of(scenario, vendor)
    submit(package, vendor)
    with pytest.raises(StateConflict) as refused:
        submit(package, vendor)
    assert refused.value.code == "package.submitted"
    assert BidVersion.objects.count() == 1


def test_the_same_key_answers_with_the_same_version_even_after_the_deadline(clock):
    scenario, vendor = world.published_scenario(), world.vendor()
    package = package_of(scenario, vendor)
    clock.freeze(scenario.deadline_at - TICK)
    first = submit(package, vendor, key="once")
    clock.freeze(scenario.deadline_at)
    again = submit(package, vendor, key="once")
    assert (again.uid, BidVersion.objects.count()) == (first.uid, 1)


@pytest.mark.parametrize(("early", "taken"), [(TICK, True), (timedelta(0), False)])
def test_sealed_in_time_is_not_submitted_in_time(clock, early, taken):
    scenario, vendor = world.published_scenario(), world.vendor()
    package = package_of(scenario, vendor)
    clock.freeze(scenario.deadline_at - early)
    if taken:
        assert submit(package, vendor).number == 1
        return
    with pytest.raises(DeadlinePassed):
        submit(package, vendor)
    with pytest.raises(DeadlinePassed):
        package_of(scenario, vendor)
    assert Bid.objects.count() == 0


def test_others_never_meet_a_package():
    scenario, vendor = world.published_scenario(), world.vendor()
    package = package_of(scenario, vendor)
    for stranger in (world.vendor(), world.officer(), world.owner(), world.person(Role.EXPERT)):
        with pytest.raises(NotFound):
            submit(package, stranger)
    with pytest.raises(NotAllowed):
        package_of(scenario, world.officer())


def test_revising_and_withdrawing_name_the_receipt_before():
    scenario, vendor = world.published_scenario(), world.vendor()
    first = submit(package_of(scenario, vendor), vendor)
    withdrawn = withdraw_bid(actor=vendor, bid_uid=first.bid.uid)
    third = submit_bid(actor=vendor, scenario_uid=scenario.uid, forms=bids.forms())
    said = [bytes(row.receipt.body).decode() for row in (withdrawn, third)]
    hashes = [receipt_hash(row.receipt) for row in (first, withdrawn)]
    assert [
        f'"previous_receipt_sha256":"{h}"' in body for h, body in zip(hashes, said, strict=True)
    ]
    bid = Bid.objects.get()
    assert bid.last_receipt_sha256 == receipt_hash(third.receipt)


def test_ten_may_wait(monkeypatch):
    monkeypatch.setattr(packages, "WAITING_MAX", 1)
    scenario, vendor = world.published_scenario(), world.vendor()
    package_of(scenario, vendor)
    with pytest.raises(TooMany) as refused:
        package_of(scenario, vendor)
    assert refused.value.status == 429


def test_what_was_not_submitted_within_a_day_is_gone(clock, django_capture_on_commit_callbacks):
    scenario, vendor = world.published_scenario(), world.vendor()
    stale, kept = package_of(scenario, vendor), package_of(scenario, vendor)
    submit(kept, vendor)
    clock.freeze(real_clock.now() + packages.KEPT_FOR + TICK)
    with django_capture_on_commit_callbacks(execute=True):
        assert (discard_stale_packages(), discard_stale_packages()) == (1, 0)
    assert list(SealedPackage.objects.values_list("pk", flat=True)) == [kept.pk]
    file_sweeps.sweep()
    left = stored_files()
    assert not {row["stored_name"] for row in stale.envelopes} & left
    assert {row["stored_name"] for row in kept.envelopes} <= left
