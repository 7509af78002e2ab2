"""Hashes committed before the deadline, and their bytes within the grace. Who, when, what stays."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from marketplace.base import clock
from marketplace.base.actor import Role
from marketplace.base.canonical import stamp
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
    TooEarly,
    TooMany,
)
from marketplace.bidding.actions import (
    assemble_package,
    commit_hashes,
    commitments,
    submit_bid,
    submit_package,
    withdraw_bid,
)
from marketplace.bidding.actions.submission import receipt_hash
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.models import Bid, OpenedEnvelope
from marketplace.bidding.queries import awaited_bytes, counting, my_commitments
from marketplace.desk.acts import Desk
from marketplace.desk.moves import on_scenario
from marketplace.files.models import Upload
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Audience, Event
from marketplace.ledger.receipts import document, public_key_text
from marketplace.ledger.verify import verify
from marketplace.scenarios.actions import close_scenario
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.queries import closes_at, is_open
from marketplace.scenarios.sweeps import close_due
from tests import world
from tests.api.client import As, refused
from tests.bidding import bids
from tests.bidding.sealed_uploads import assembled, uploaded

pytestmark = pytest.mark.django_db
TICK = timedelta(microseconds=1)
GRACE = timedelta(minutes=15)
ENVELOPES = ["business", "technical", "price"]


@pytest.fixture
def cast():
    return world.published_scenario(profile=world.profile("A")), world.vendor()


def rows_of(uploads):
    rows = {name: Upload.objects.get(uid=uid) for name, uid in uploads.items()}
    return [
        {"envelope": name, "sha256": row.sha256, "size": row.length} for name, row in rows.items()
    ]


def made_up(letter="a"):
    return [{"envelope": name, "sha256": letter * 64, "size": 65_768} for name in ENVELOPES]


def commit(scenario, actor, envelopes=None):
    given = made_up() if envelopes is None else envelopes
    return commit_hashes(actor=actor, scenario_uid=scenario.uid, envelopes=given)


def send(scenario, actor, uploads):
    package = assemble_package(actor=actor, scenario_uid=scenario.uid, uploads=uploads)
    return submit_package(actor=actor, package_uid=package.uid)


def later(clock, at):
    """Move on; what waits unclaimed would otherwise have expired in the meantime."""
    clock.freeze(at)
    Upload.objects.update(expires_at=at + timedelta(hours=1))


# -- Committing ------------------------------------------------------------------------------------
def test_a_commitment_is_a_signed_receipt_and_no_bid(cast):
    scenario, vendor = cast
    made = commit(scenario, vendor)
    verify(document(made.receipt), published_key=public_key_text())
    said = json.loads(bytes(made.receipt.body))
    assert said["type"] == "jiebang-receipt/1/bid-committed"
    assert (said["commitment"], said["number"]) == (str(made.uid), 1)
    assert said["envelopes"] == made.envelopes == made_up()
    assert [said["deadline_at"], said["bytes_until"]] == [
        stamp(at) for at in (scenario.deadline_at, scenario.deadline_at + GRACE)
    ]
    event = Event.objects.get()
    assert (event.kind, event.audience) == ("bid.committed", Audience.PARTIES)
    assert event.subjects == [scenario.uid, made.uid]
    assert event.at >= made.committed_at
    assert Bid.objects.count() == 0
    sequencer.seal_batch()
    kept = BidCommitment.objects.select_related("receipt").get().receipt
    assert document(kept)["inclusion"]["size"] >= 1


@pytest.mark.parametrize(("early", "taken"), [(TICK, True), (timedelta(0), False)])
def test_only_before_the_deadline(cast, clock, early, taken):
    scenario, vendor = cast
    clock.freeze(scenario.deadline_at - early)
    if taken:
        assert commit(scenario, vendor).committed_at == scenario.deadline_at - early
        return
    with pytest.raises(DeadlinePassed):
        commit(scenario, vendor)
    assert (BidCommitment.objects.count(), Event.objects.count()) == (0, 0)


@pytest.mark.parametrize("code", ["B", "D"])
def test_not_where_the_profile_grants_nothing(code):
    scenario = world.published_scenario(profile=world.profile(code))
    with pytest.raises(StateConflict) as refusal:
        commit(scenario, world.vendor())
    assert refusal.value.code == "commitment.no_grace"
    assert closes_at(scenario) == scenario.deadline_at


def test_those_who_cannot_bid_cannot_commit(cast):
    scenario, vendor = cast
    for actor in (world.officer(), world.member(vendor.organisation, Role.VIEWER)):
        with pytest.raises(NotAllowed):
            commit(scenario, actor)
    with pytest.raises(NotFound):
        commit_hashes(actor=vendor, scenario_uid=uuid4(), envelopes=made_up())


@pytest.mark.parametrize(
    "envelopes",
    [
        [],
        made_up()[:2],
        [*made_up(), made_up()[0]],
        [made_up()[0]] * 3,
        made_up("A"),
        made_up("é"),
        [{**row, "size": 0} for row in made_up()],
        [{**row, "size": 2**31 + 1} for row in made_up()],
    ],
)
def test_three_possible_files_or_nothing(cast, envelopes):
    scenario, vendor = cast
    with pytest.raises(Invalid):
        commit(scenario, vendor, envelopes)
    assert BidCommitment.objects.count() == 0


def test_fifty_at_most(cast, monkeypatch):
    monkeypatch.setattr(commitments, "COMMITMENTS_MAX", 1)
    scenario, vendor = cast
    commit(scenario, vendor)
    with pytest.raises(TooMany):
        commit(scenario, vendor)
    assert commit(scenario, world.vendor()).number == 1


# -- The bytes -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("after", "taken"),
    [(timedelta(0), True), (GRACE - TICK, True), (GRACE, False)],
    ids=["at the deadline", "at the last moment", "at the end"],
)
def test_committed_bytes_are_taken_within_the_grace(cast, clock, after, taken):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    promise = commit(scenario, vendor, rows_of(uploads))
    later(clock, scenario.deadline_at + after)
    if not taken:
        with pytest.raises(DeadlinePassed):
            send(scenario, vendor, uploads)
        assert Bid.objects.count() == 0
        return
    version = send(scenario, vendor, uploads)
    said = json.loads(bytes(version.receipt.body))
    assert version.received_at == scenario.deadline_at + after
    assert said["received_at"] == stamp(version.received_at)
    assert said["commitment"] == {
        "uid": str(promise.uid),
        "committed_at": stamp(promise.committed_at),
        "receipt_sha256": receipt_hash(promise.receipt),
    }
    verify(document(version.receipt), published_key=public_key_text())


def test_a_package_made_before_is_submitted_within_the_grace(cast, clock):
    scenario, vendor = cast
    package = assembled(scenario, vendor)
    rows = [{k: row[k] for k in ("envelope", "sha256", "size")} for row in package.envelopes]
    commit(scenario, vendor, rows)
    clock.freeze(scenario.deadline_at + TICK)
    assert submit_package(actor=vendor, package_uid=package.uid).number == 1


def test_a_bid_in_time_names_no_commitment(cast):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    commit(scenario, vendor, rows_of(uploads))
    version = send(scenario, vendor, uploads)
    assert "commitment" not in json.loads(bytes(version.receipt.body))


def test_other_bytes_are_refused(cast, clock):
    scenario, vendor = cast
    first, other = uploaded(scenario, vendor), uploaded(scenario, vendor)
    waits = assembled(scenario, vendor)
    commit(scenario, vendor, rows_of(first))
    later(clock, scenario.deadline_at)
    for attempt in (
        lambda: send(scenario, vendor, other),
        lambda: send(scenario, vendor, first | {"price": other["price"]}),
        lambda: submit_package(actor=vendor, package_uid=waits.uid),
    ):
        with pytest.raises(Invalid) as refusal:
            attempt()
        assert (refusal.value.status, refusal.value.code) == (422, "bid.other_bytes")
    assert Bid.objects.count() == 0
    assert send(scenario, vendor, first).number == 1


def test_the_last_commitment_counts(cast, clock):
    scenario, vendor = cast
    first, second = uploaded(scenario, vendor), uploaded(scenario, vendor)
    assert [commit(scenario, vendor, rows_of(one)).number for one in (first, second)] == [1, 2]
    later(clock, scenario.deadline_at)
    with pytest.raises(Invalid):
        send(scenario, vendor, first)
    assert send(scenario, vendor, second).number == 1


def test_nothing_else_is_taken_after_the_deadline(cast, clock):
    scenario, vendor = cast
    rival = world.vendor()
    uploads, theirs = uploaded(scenario, vendor), uploaded(scenario, rival)
    commit(scenario, vendor, rows_of(uploads))
    later(clock, scenario.deadline_at)
    with pytest.raises(DeadlinePassed):
        send(scenario, rival, theirs)
    with pytest.raises(DeadlinePassed):
        submit_bid(actor=vendor, scenario_uid=scenario.uid, forms=bids.forms())
    with pytest.raises(DeadlinePassed):
        commit(scenario, vendor, rows_of(uploads))
    assert is_open(scenario, scenario.deadline_at) is False


def test_who_withdrew_after_committing_gets_no_grace(cast, clock):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    version = bids.bid(scenario, vendor)
    commit(scenario, vendor, rows_of(uploads))
    withdraw_bid(actor=vendor, bid_uid=version.bid.uid)
    later(clock, scenario.deadline_at)
    with pytest.raises(DeadlinePassed):
        send(scenario, vendor, uploads)


def test_a_suspended_demand_takes_no_committed_bytes_either(cast, clock):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    commit(scenario, vendor, rows_of(uploads))
    type(scenario).objects.filter(pk=scenario.pk).update(suspended=True)
    later(clock, scenario.deadline_at)
    with pytest.raises(StateConflict) as refusal:
        send(scenario, vendor, uploads)
    assert refusal.value.code == "scenario.suspended"


# -- What the bidder is led to ---------------------------------------------------------------------
def moves(scenario, actor):
    """(whether the page that bids is offered, what the API offers)."""
    desk = Desk(actor, clock.now())
    row = Scenario.objects.select_related("organisation", "profile").get(pk=scenario.pk)
    offered = any(act.name == "submit_bid" and act.possible for act in desk.acts(row))
    return offered, on_scenario(desk, row)


def test_the_bytes_are_awaited_until_they_have_come(cast, clock):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    bids.bid(scenario, vendor)
    promise = commit(scenario, vendor, rows_of(uploads))
    rival = world.vendor()
    at = scenario.deadline_at
    assert awaited_bytes(vendor, scenario, at - TICK) is None
    for now in (at, at + GRACE - TICK):
        found = [awaited_bytes(actor, scenario, now) for actor in (vendor, rival, world.officer())]
        assert found == [promise, None, None]
    assert awaited_bytes(vendor, scenario, at + GRACE) is None
    assert counting(my_commitments(vendor, scenario)) == promise
    later(clock, at)
    assert moves(scenario, vendor) == (True, ["assemble_package"])
    assert moves(scenario, rival) == (False, [])
    send(scenario, vendor, uploads)
    assert awaited_bytes(vendor, scenario, at) is None
    assert moves(scenario, vendor) == (False, [])


def test_a_withdrawal_ends_what_counted(cast):
    scenario, vendor = cast
    version = bids.bid(scenario, vendor)
    commit(scenario, vendor)
    withdraw_bid(actor=vendor, bid_uid=version.bid.uid)
    assert counting(my_commitments(vendor, scenario)) is None
    assert awaited_bytes(vendor, scenario, scenario.deadline_at) is None
    assert "commit_hashes" in moves(scenario, vendor)[1]


# -- Closing ---------------------------------------------------------------------------------------
def test_the_demand_closes_after_the_grace_whether_or_not_bytes_are_awaited(cast, clock):
    scenario, _vendor = cast
    bids.bid(scenario)
    clock.freeze(scenario.deadline_at + GRACE - TICK)
    assert close_due() == 0
    with pytest.raises(TooEarly):
        close_scenario(scenario_uid=scenario.uid)
    clock.freeze(scenario.deadline_at + GRACE)
    assert close_due() == 1
    assert close_scenario(scenario_uid=scenario.uid).closed_at == scenario.deadline_at + GRACE


def test_what_came_within_the_grace_is_opened(cast, clock):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor, bids.forms(technical__risks="宽限期内到达。"))
    commit(scenario, vendor, rows_of(uploads))
    later(clock, scenario.deadline_at + timedelta(minutes=5))
    send(scenario, vendor, uploads)
    bids.open_first(scenario, clock)
    assert (
        OpenedEnvelope.objects.get(sealed__envelope="technical").form["risks"] == "宽限期内到达。"
    )


# -- Doors -----------------------------------------------------------------------------------------
def test_by_the_api_and_on_the_pages(cast, client):
    scenario, vendor = cast
    place = f"scenarios/{scenario.uid}/commitments/"
    given = {"envelopes": made_up()}
    made = As(vendor).post(place, given, key="k")
    assert made.status_code == 201
    assert As(vendor).post(place, given, key="k").json() == made.json()
    row = BidCommitment.objects.get()
    assert made.json()["receipt"]["commitment"] == str(row.uid)
    again = As(vendor).get(f"receipts/{row.receipt.uid}/")
    assert again.json()["signed_text"] == made.json()["signed_text"]
    refused(As(world.vendor()).get(f"receipts/{row.receipt.uid}/"), 404, "not_found")
    bid = bids.bid(scenario, vendor).bid
    client.force_login(vendor.user)
    url = reverse("receipt", args=[row.receipt.uid])
    for page in (reverse("bid", args=[bid.uid]), reverse("bid-form", args=[scenario.address])):
        assert url in client.get(page).content.decode()
    assert client.get(url).json()["signature"] == made.json()["signature"]
    client.force_login(world.officer().user)
    assert client.get(url).status_code == 404


def test_others_see_the_same_before_and_after(cast, client):
    """Neither page, API, notice nor public event tells that something was committed."""
    scenario, vendor = cast
    others = [world.officer(), world.member(scenario.organisation), world.vendor()]

    def seen():
        found = []
        for actor in others:
            asked = As(actor)
            paths = (f"scenarios/{scenario.uid}/", "bids/", "notices/", "uploads/")
            found += [asked.get(path).json() for path in paths]
            found.append(list(BidCommitment.objects.visible_to(actor)))
        page = client.get(reverse("scenario", args=[scenario.address])).context["scenario"]
        return [*found, page, Event.objects.filter(audience=Audience.PUBLIC).count()]

    before = seen()
    commit(scenario, vendor)
    assert seen() == before
