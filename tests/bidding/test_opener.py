"""What the opener does: who is opened, whose fault, and in which order."""

import hashlib
from datetime import timedelta
from uuid import uuid4

import pyrage
import pytest
from django.db import transaction

from marketplace.accounts.models import Grant, PersonRole
from marketplace.base import clock as real_clock
from marketplace.base import sealing
from marketplace.base.actor import Role
from marketplace.base.canonical import canonical
from marketplace.bidding import opener
from marketplace.bidding.actions import (
    request_price_opening,
    submit_sealed_bid,
    withdraw_bid,
)
from marketplace.bidding.models import (
    Bid,
    BidState,
    OpenedEnvelope,
    OpenedFile,
    Opening,
    OpeningConfirmation,
    OpeningStage,
    OpeningState,
    SealedEnvelope,
)
from marketplace.bidding.opener import open_confirmed
from marketplace.bidding.queries import opening_entries, openings
from marketplace.bidding.sealing import SealedFile, seal_bid
from marketplace.files import storage
from marketplace.ledger.models import Event
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.bidding import bids

pytestmark = pytest.mark.django_db
TICK = timedelta(microseconds=1)


def reseal(scenario, vendor, recipient=None, bodies=None, **place):
    """A bid whose technical envelope is not what it should be, sealed by the bidder itself."""
    sealed = seal_bid(scenario=scenario, organisation=vendor.organisation, forms=bids.forms())
    expected = {
        "scenario": str(scenario.uid),
        "organisation": str(vendor.organisation.uid),
        "envelope": "technical",
    }
    technical = canonical(bids.forms()["technical"])
    package = sealing.pack(bodies or {"form.json": technical}, **(expected | place))
    key = scenario.envelope_keys.get(envelope="technical").recipient
    with storage.incoming("sealed") as incoming:
        sealing.seal(package, recipient=recipient or key, into=incoming.writer)
    made = incoming.stored
    other = SealedFile("technical", made.name, made.sha256, made.size)
    sealed = [sealed[0], other, sealed[2]]
    return submit_sealed_bid(actor=vendor, scenario_uid=scenario.uid, sealed=sealed).bid


def outcomes(bid):
    rows = OpenedEnvelope.objects.filter(sealed__version__bid=bid)
    return {
        envelope: (outcome, reason)
        for envelope, outcome, reason in rows.values_list("sealed__envelope", "outcome", "reason")
    }


# -- Carrying out --------------------------------------------------------------------------------------
def test_only_the_last_of_three_versions_is_opened(clock):
    scenario, vendor = world.published_scenario(), world.vendor()
    for approach in ("one", "two", "three"):
        bids.bid(scenario, vendor, technical__approach=approach)
    bids.open_first(scenario, clock)
    opened = OpenedEnvelope.objects.filter(sealed__envelope="technical").get()
    assert opened.form["approach"] == "three"
    assert opened.sealed.version.number == 3


def test_a_withdrawn_bid_is_never_opened(clock):
    scenario, vendor = world.published_scenario(), world.vendor()
    bids.bid(scenario)
    bid = bids.bid(scenario, vendor).bid
    withdraw_bid(actor=vendor, bid_uid=bid.uid)
    bids.open_first(scenario, clock)
    bid.refresh_from_db()
    assert (bid.state, bid.blind_code, outcomes(bid)) == (BidState.WITHDRAWN, "", {})


def test_whose_fault_and_the_others_go_on(clock):
    scenario = world.published_scenario()
    good = bids.bid(scenario).bid
    flipped = bids.bid(scenario).bid
    gone = bids.bid(scenario).bid
    stranger = str(pyrage.x25519.Identity.generate().to_public())
    elsewhere = reseal(scenario, world.vendor(), recipient=stranger)
    swapped = reseal(scenario, world.vendor(), organisation="somebody else")
    empty = reseal(scenario, world.vendor(), bodies={"form.json": b"{}"})
    broken = reseal(scenario, world.vendor(), bodies={"form.json": b"[" * 100_000})
    formless = reseal(scenario, world.vendor(), bodies={"other.json": b"{}"})
    names = dict(
        SealedEnvelope.objects.filter(envelope="technical").values_list(
            "version__bid_id", "stored_name"
        )
    )
    path = storage.path_of(names[flipped.pk])
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    storage.path_of(names[gone.pk]).unlink()

    bids.open_first(scenario, clock)
    assert outcomes(good)["technical"] == ("opened", "")
    assert outcomes(flipped)["technical"] == ("platform_fault", "stored_hash")
    assert outcomes(gone)["technical"] == ("platform_fault", "missing")
    assert outcomes(elsewhere)["technical"] == ("bidder_fault", "undecryptable")
    assert outcomes(swapped)["technical"] == ("bidder_fault", "other_organisation")
    assert outcomes(empty)["technical"] == ("bidder_fault", "schema")
    assert outcomes(broken)["technical"] == ("bidder_fault", "form")
    assert outcomes(formless)["technical"] == ("bidder_fault", "form")
    states = dict(Bid.objects.values_list("pk", "state"))
    assert states.pop(good.pk) == BidState.OPENED
    assert set(states.values()) == {BidState.UNOPENED}
    assert list(Bid.objects.exclude(blind_code="").values_list("pk", "blind_code")) == [
        (good.pk, "B01")
    ]
    assert Event.objects.filter(kind="bid.unopened").count() == 7


def test_a_technical_envelope_that_names_its_bidder_is_not_opened(clock):
    scenario, vendor = world.published_scenario(), world.vendor()
    form = bids.forms()["technical"] | {"risks": f"{vendor.organisation.name} 自担"}
    bid = reseal(scenario, vendor, bodies={"form.json": canonical(form)})
    bids.open_first(scenario, clock)
    assert outcomes(bid)["technical"] == ("bidder_fault", "not_anonymous")
    assert OpenedEnvelope.objects.get(sealed__envelope="technical").form is None


def test_attachments_come_out_as_they_went_in(clock):
    scenario = world.published_scenario()
    files = {"technical": [("方案.pdf", b"%PDF one"), ("b.bin", bytes(range(256)))]}
    bids.bid(scenario, files=files)
    bids.open_first(scenario, clock)
    found = {row.name: storage.read(row.stored_name) for row in OpenedFile.objects.all()}
    assert found == dict(files["technical"])


def test_blind_codes_follow_no_order(clock, monkeypatch):
    scenario = world.published_scenario()
    for _ in range(3):
        bids.bid(scenario)

    class Backwards:
        def shuffle(self, rows):
            rows.reverse()

    monkeypatch.setattr(opener.secrets, "SystemRandom", Backwards)
    opened = bids.open_first(scenario, clock)
    assert [bid.blind_code for bid in opened] == ["B03", "B02", "B01"]


def test_opening_twice_changes_nothing(clock):
    scenario = world.published_scenario()
    bids.bid(scenario, files={"business": [("a.pdf", b"x")]})
    bids.open_first(scenario, clock)
    before = Event.objects.count()
    assert open_confirmed(bids.identity()) == 0
    Opening.objects.update(state=OpeningState.CONFIRMED)
    assert open_confirmed(bids.identity()) == 0  # the scenario is no longer closed
    assert Event.objects.count() == before
    assert (OpenedEnvelope.objects.count(), OpenedFile.objects.count()) == (2, 1)


# -- The opener looks for itself ------------------------------------------------------------------------
def refused(scenario):
    assert open_confirmed(bids.identity()) == 0
    assert OpenedEnvelope.objects.count() == 0
    assert Scenario.objects.get(pk=scenario.pk).state == State.CLOSED


def test_a_state_without_confirmations_opens_nothing(clock):
    scenario = bids.waiting(clock)
    Opening.objects.update(state=OpeningState.CONFIRMED, confirmations_needed=0)
    refused(scenario)
    bids_confirmed_by_one = world.key_holder_actors(scenario)[:1]
    for actor in bids_confirmed_by_one:
        OpeningConfirmation.objects.create(
            opening=Opening.objects.get(), user=actor.user, confirmed_at=real_clock.now()
        )
    refused(scenario)


def test_confirmations_of_strangers_experts_and_from_before_do_not_count(clock):
    scenario = bids.waiting(clock)
    opening = bids.confirm(scenario)
    holders = world.key_holder_actors(scenario)
    PersonRole.objects.create(user=holders[0].user, role=Role.EXPERT)
    refused(scenario)
    for user, at in [
        (world.make_user(), real_clock.now()),
        (world.make_user(), scenario.deadline_at - TICK),
    ]:
        OpeningConfirmation.objects.create(opening=opening, user=user, confirmed_at=at)
    refused(scenario)
    PersonRole.objects.filter(user=holders[0].user).delete()
    Grant.objects.filter(user=holders[1].user).update(until_at=scenario.deadline_at)
    refused(scenario)
    # Ended only after he confirmed: it counted then and counts now.
    Grant.objects.filter(user=holders[1].user).update(until_at=real_clock.now())
    assert open_confirmed(bids.identity()) == 1


def test_before_the_deadline_nothing_opens_whatever_the_rows_say(clock):
    scenario = bids.waiting(clock)
    bids.confirm(scenario)
    clock.freeze(scenario.deadline_at - TICK)
    refused(scenario)


def test_a_foreign_master_key_blames_no_bidder(clock):
    scenario = bids.waiting(clock)
    bids.confirm(scenario)
    assert open_confirmed(str(pyrage.x25519.Identity.generate())) == 0
    assert set(Bid.objects.values_list("state", flat=True)) == {BidState.SUBMITTED}
    assert open_confirmed(bids.identity()) == 1


def test_a_storage_that_is_away_blames_nobody(clock, monkeypatch, tmp_path, settings):
    scenario = bids.waiting(clock)
    bids.confirm(scenario)
    there = settings.STORAGE_ROOT
    settings.STORAGE_ROOT = tmp_path / "away"
    refused(scenario)
    settings.STORAGE_ROOT = there
    assert open_confirmed(bids.identity()) == 1


def test_killed_between_bids_the_next_run_goes_on(clock, monkeypatch):
    scenario = world.published_scenario()
    for _ in range(3):
        bids.bid(scenario)
    bids.close(scenario, clock)
    bids.confirm(scenario)
    write, done = opener.write, []

    class Killed(BaseException):
        pass

    def write_one(*given):
        if done:
            raise Killed
        done.append(write(*given))
        return done[0]

    monkeypatch.setattr(opener, "write", write_one)
    with pytest.raises(Killed):
        open_confirmed(bids.identity())
    states = sorted(Bid.objects.values_list("state", flat=True))
    assert states == [BidState.OPENED, BidState.SUBMITTED, BidState.SUBMITTED]
    assert set(Bid.objects.values_list("blind_code", flat=True)) == {""}
    monkeypatch.undo()
    assert open_confirmed(bids.identity()) == 1
    assert sorted(Bid.objects.values_list("blind_code", flat=True)) == ["B01", "B02", "B03"]
    assert Event.objects.filter(kind="bid.opened").count() == 3


def test_one_unforeseen_error_stops_no_other(clock, monkeypatch):
    scenario = world.published_scenario()
    unlucky, lucky = bids.bid(scenario).bid, bids.bid(scenario).bid
    bids.close(scenario, clock)
    bids.confirm(scenario)
    examine = opener.examine

    def stumble(sealed, bid, *given):
        if bid.pk == unlucky.pk:
            raise OSError("the disk hiccups")
        return examine(sealed, bid, *given)

    monkeypatch.setattr(opener, "examine", stumble)
    assert open_confirmed(bids.identity()) == 0
    states = dict(Bid.objects.values_list("pk", "state"))
    assert states == {unlucky.pk: BidState.SUBMITTED, lucky.pk: BidState.OPENED}
    monkeypatch.undo()
    assert open_confirmed(bids.identity()) == 1


# -- The price -------------------------------------------------------------------------------------------
def in_review(site_clock, count=2):
    scenario = world.published_scenario()
    for _ in range(count):
        bids.bid(scenario)
    bids.open_first(scenario, site_clock)
    Bid.objects.update(state=BidState.ELIGIBLE)
    Scenario.objects.update(state=State.REVIEW)
    scenario.refresh_from_db()
    return scenario


def test_prices_open_only_for_eligible_bids(clock):
    scenario = in_review(clock, 3)
    ineligible, void, eligible = Bid.objects.order_by("pk")
    Bid.objects.filter(pk=ineligible.pk).update(state=BidState.INELIGIBLE)
    Bid.objects.filter(pk=void.pk).update(state=BidState.VOID)
    secretary = world.secretary()
    bids.request_prices(scenario, secretary)
    with transaction.atomic():
        request_price_opening(scenario=scenario, actor=secretary)  # asked twice, it is one
    assert open_confirmed(bids.identity()) == 0
    bids.confirm(scenario, OpeningStage.PRICE)
    assert open_confirmed(bids.identity()) == 1
    prices = dict(Bid.objects.values_list("pk", "price_cny"))
    assert (prices[ineligible.pk], prices[void.pk]) == (None, None)
    assert str(prices[eligible.pk]) == "900000.00"
    assert OpenedEnvelope.objects.filter(sealed__envelope="price").count() == 1
    # The others' prices stay as they were received.
    out = SealedEnvelope.objects.filter(version__bid__in=[ineligible, void], envelope="price")
    assert [hasattr(one, "opened") for one in out] == [False, False]
    for one in out:
        assert hashlib.sha256(storage.read(one.stored_name)).hexdigest() == one.sha256
    price = openings(secretary, scenario)[1]
    assert [entry.bid.pk for entry in opening_entries(secretary, price)] == [eligible.pk]
    assert "900000" not in str(Event.objects.values_list("data", "body"))


def test_a_price_that_cannot_be_read_makes_the_bid_void(clock):
    scenario = in_review(clock)
    first, second = Bid.objects.order_by("pk")
    sealed = SealedEnvelope.objects.get(version__bid=first, envelope="price")
    storage.path_of(sealed.stored_name).write_bytes(b"damaged")
    bids.request_prices(scenario, world.secretary())
    bids.confirm(scenario, OpeningStage.PRICE)
    assert open_confirmed(bids.identity()) == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.price_cny) == (BidState.VOID, None)
    assert first.void_reason != ""
    assert outcomes(first)["price"] == ("platform_fault", "stored_hash")
    assert (second.state, str(second.price_cny)) == (BidState.ELIGIBLE, "900000.00")
    price = openings(world.secretary(), scenario)[1]
    entries = opening_entries(world.secretary(), price)
    assert [entry.outcome for entry in entries] == ["platform_fault", "opened"]


# -- The list ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [1, 30])
def test_the_list_asks_the_same_for_one_and_for_thirty(clock, count_queries, count):
    scenario = world.published_scenario()
    version = bids.bid(scenario)
    sealed = list(version.envelopes.all())
    for number in range(count - 1):
        bid = Bid.objects.create(scenario=scenario, organisation=world.vendor().organisation)
        receipt = version.receipt
        receipt.pk, receipt.uid = None, uuid4()
        receipt.save(force_insert=True)
        other = bid.versions.create(
            number=1,
            kind="submitted",
            received_at=version.received_at,
            user=version.user,
            receipt=receipt,
        )
        for row in sealed:
            SealedEnvelope.objects.create(
                version=other,
                envelope=row.envelope,
                stored_name=f"{number}{row.envelope}",
                sha256=row.sha256,
                size=row.size,
                recipient=row.recipient,
            )
    bids.close(scenario, clock)
    officer = world.officer()
    with count_queries() as queries:
        opening = openings(officer, scenario)[0]
        assert len(opening_entries(officer, opening)) == count
    assert len(queries) == 7
