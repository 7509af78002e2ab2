"""Two at once, on two connections, for every deed of the room."""

import json
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest

from marketplace.base import clock as site_clock
from marketplace.base.errors import DomainError, NotFound, StateConflict, TooEarly
from marketplace.base.models import Outage
from marketplace.bidding.actions import (
    assemble_package,
    check_condition,
    conclude_eligibility,
    confirm_opening,
    discard_stale_packages,
    fail_thin_listing,
    packages,
    start_eligibility,
    submit_bid,
    submit_package,
    submit_sealed_bid,
    withdraw_bid,
)
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.consortia.actions import request_consortium_change
from marketplace.bidding.consortia.models import ConsortiumChange
from marketplace.bidding.grace import standing_commitment
from marketplace.bidding.models import (
    Bid,
    BidState,
    BidVersion,
    EligibilityCheck,
    OpenedEnvelope,
    OpeningConfirmation,
    OpeningStage,
    OpeningState,
    SealedPackage,
)
from marketplace.bidding.opener import open_confirmed
from marketplace.bidding.returns.actions import certify_return
from marketplace.bidding.sealing import seal_bid
from marketplace.committee.actions import decide_consortium_change
from marketplace.files.models import Upload, UploadState
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Event
from marketplace.scenarios.actions import close_scenario, extend_deadline
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.bidding import bids
from tests.bidding.sealed_uploads import assembled, uploaded
from tests.bidding.test_commitments import GRACE, commit, made_up
from tests.bidding.test_opener_in_time import reasons

pytestmark = pytest.mark.slow


def seal(scenario, actor, **changes):
    return seal_bid(scenario=scenario, organisation=actor.organisation, forms=bids.forms(**changes))


def kinds():
    return list(Event.objects.order_by("pk").values_list("kind", flat=True))


def test_two_first_submissions_are_two_versions_in_order(two_at_once):
    scenario, vendor = world.published_scenario(), world.vendor()
    colleague = world.member(vendor.organisation)
    given = [(actor, seal(scenario, actor)) for actor in (vendor, colleague)]
    results = two_at_once(
        *[
            lambda a=actor, s=sealed: submit_sealed_bid(
                actor=a, scenario_uid=scenario.uid, sealed=s
            )
            for actor, sealed in given
        ]
    )
    assert sorted(version.number for version in results) == [1, 2]
    assert sorted(kinds()) == ["bid.revised", "bid.submitted"]
    assert Bid.objects.get().versions_count == 2
    times = BidVersion.objects.order_by("number").values_list("received_at", flat=True)
    assert list(times) == sorted(times)


def test_one_key_twice_at_once_is_one_version(two_at_once):
    scenario, vendor = world.published_scenario(), world.vendor()

    def submit():
        return submit_bid(
            actor=vendor,
            scenario_uid=scenario.uid,
            forms=bids.forms(),
            idempotency_key="one key",
        )

    first, second = two_at_once(submit, submit)
    assert first == second
    assert BidVersion.objects.count() == 1


def test_one_package_twice_at_once_is_one_version(two_at_once):
    scenario, vendor = world.published_scenario(), world.vendor()
    package = assembled(scenario, vendor)
    done = two_at_once(*[lambda: submit_package(actor=vendor, package_uid=package.uid)] * 2)
    assert sum(isinstance(result, StateConflict) for result in done) == 1
    assert BidVersion.objects.count() == 1


def test_revision_and_withdrawal_leave_one_truth(two_at_once):
    scenario, vendor = world.published_scenario(), world.vendor()
    bid = bids.bid(scenario, vendor).bid
    sealed = seal(scenario, vendor)
    two_at_once(
        lambda: submit_sealed_bid(actor=vendor, scenario_uid=scenario.uid, sealed=sealed),
        lambda: withdraw_bid(actor=vendor, bid_uid=bid.uid),
    )
    bid.refresh_from_db()
    last = bid.versions.order_by("-number").first()
    assert bid.versions_count == 3
    assert bid.state == {"submitted": "submitted", "withdrawn": "withdrawn"}[last.kind]


def test_withdrawing_twice_is_withdrawn_once(two_at_once):
    scenario, vendor = world.published_scenario(), world.vendor()
    bid = bids.bid(scenario, vendor).bid
    done = two_at_once(*[lambda: withdraw_bid(actor=vendor, bid_uid=bid.uid)] * 2)
    assert sum(isinstance(result, StateConflict) for result in done) == 1
    assert BidVersion.objects.count() == 2


def test_a_bid_and_the_closing_never_pass_each_other(two_at_once, clock):
    """Whatever comes first: a received bid is among those that the opening waits for."""
    scenario, vendor = world.published_scenario(), world.vendor()
    sealed = seal(scenario, vendor)
    bids.pass_deadline(scenario, clock)
    late, closed = two_at_once(
        lambda: submit_sealed_bid(actor=vendor, scenario_uid=scenario.uid, sealed=sealed),
        lambda: close_scenario(scenario_uid=scenario.uid),
    )
    assert isinstance(late, DomainError)
    assert late.code == "deadline.passed"
    assert closed.state == State.CLOSED
    assert Bid.objects.count() == 0


def closed_scenario(clock, count=1):
    scenario = world.published_scenario()
    for _ in range(count):
        bids.bid(scenario)
    bids.close(scenario, clock)
    return scenario


def test_two_key_holders_at_once_confirm_once(two_at_once, clock):
    scenario = closed_scenario(clock)
    one, other = world.key_holder_actors(scenario)
    given = {"scenario_uid": scenario.uid, "stage": OpeningStage.FIRST}
    results = two_at_once(
        partial(confirm_opening, actor=one, **given, **bids.answer(scenario, one)),
        partial(confirm_opening, actor=other, **given, **bids.answer(scenario, other)),
    )
    assert sorted(opening.state for opening in results) == [
        OpeningState.CONFIRMED,
        OpeningState.WAITING,
    ]
    assert kinds().count("opening.confirmed") == 1


def test_one_key_holder_twice_at_once_counts_once(two_at_once, clock):
    scenario = closed_scenario(clock)
    holder = world.key_holder_actors(scenario)[0]
    given = {"actor": holder, "scenario_uid": scenario.uid, "stage": OpeningStage.FIRST}
    given |= bids.answer(scenario, holder)
    results = two_at_once(*[lambda: confirm_opening(**given)] * 2)
    assert [opening.state for opening in results] == [OpeningState.WAITING] * 2
    assert OpeningConfirmation.objects.count() == 1


def test_two_openers_at_once_open_once(two_at_once, clock):
    scenario = closed_scenario(clock, 3)
    bids.confirm(scenario)
    results = two_at_once(*[lambda: open_confirmed(bids.identity())] * 2)
    assert sum(results) == 1
    assert OpenedEnvelope.objects.count() == 6
    assert kinds().count("bid.opened") == 3
    assert sorted(Bid.objects.values_list("blind_code", flat=True)) == ["B01", "B02", "B03"]


def test_a_listing_fails_once(two_at_once, clock):
    scenario = world.published_scenario()
    bids.close(scenario, clock)
    results = two_at_once(*[lambda: fail_thin_listing(scenario_uid=scenario.uid)] * 2)
    assert sorted(results) == [False, True]
    assert kinds().count("scenario.failed") == 1


def test_eligibility_starts_is_checked_and_concluded_once(two_at_once, clock):
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.open_first(scenario, clock)
    bid = Bid.objects.get()
    one, other = world.secretary(), world.secretary()
    results = two_at_once(
        lambda: start_eligibility(actor=one, scenario_uid=scenario.uid),
        lambda: start_eligibility(actor=other, scenario_uid=scenario.uid),
    )
    assert sum(isinstance(result, StateConflict) for result in results) == 1

    for code in ("Q1", "Q2"):
        given = {"bid_uid": bid.uid, "condition_code": code, "verdict": "pass"}
        two_at_once(
            lambda given=given: check_condition(actor=one, **given),
            lambda given=given: check_condition(actor=other, **given),
        )
    assert EligibilityCheck.objects.count() == 4

    results = two_at_once(
        lambda: conclude_eligibility(actor=one, scenario_uid=scenario.uid),
        lambda: conclude_eligibility(actor=other, scenario_uid=scenario.uid),
    )
    assert sum(isinstance(result, StateConflict) for result in results) == 1
    assert Scenario.objects.get(pk=scenario.pk).state == State.REVIEW
    assert Bid.objects.get().state == BidState.ELIGIBLE
    assert kinds().count("eligibility.concluded") == 1


# -- Sealed by the bidder ------------------------------------------------------------------------------
def test_two_assemble_the_same_uploads(two_at_once):
    scenario, vendor = world.published_scenario(), world.vendor()
    given = {"actor": vendor, "scenario_uid": scenario.uid}
    assemble = partial(assemble_package, uploads=uploaded(scenario, vendor), **given)
    results = two_at_once(assemble, assemble)
    made = [one for one in results if isinstance(one, SealedPackage)]
    lost = [one for one in results if isinstance(one, StateConflict)]
    assert ([one.code for one in lost], len(made)) == (["upload.claimed"], 1)
    assert SealedPackage.objects.count() == 1


def test_two_submit_the_same_uploaded_package(two_at_once):
    scenario, vendor = world.published_scenario(), world.vendor()
    submit = partial(submit_package, actor=vendor, package_uid=assembled(scenario, vendor).uid)
    results = two_at_once(submit, submit)
    assert sorted(type(one).__name__ for one in results) == ["BidVersion", "StateConflict"]
    assert BidVersion.objects.count() == 1


def test_a_package_is_swept_while_it_is_submitted(two_at_once, clock):
    """Whoever comes first: either it is received with its bytes, or it is gone."""
    scenario, vendor = world.published_scenario(), world.vendor()
    package = assembled(scenario, vendor)
    clock.move(packages.KEPT_FOR + timedelta(minutes=1))
    submit = partial(submit_package, actor=vendor, package_uid=package.uid)
    version, swept = two_at_once(submit, discard_stale_packages)
    received = isinstance(version, BidVersion)
    assert (received, swept) in {(True, 0), (False, 1)}
    assert received or isinstance(version, NotFound)
    states = set(Upload.objects.values_list("state", flat=True))
    assert states == {UploadState.STORED if received else UploadState.ENDED}


# -- Consortia -----------------------------------------------------------------------------------------
def test_of_two_requests_and_two_decisions_at_once_one_counts(clock, two_at_once):
    scenario, lead = world.published_scenario(**bids.CONSORTIA), world.vendor()
    member, fresh = world.vendor().organisation, world.vendor().organisation
    bid = bids.bid_with(scenario, lead, bids.member(member)).bid
    bids.open_first(scenario, clock)
    ask = partial(
        request_consortium_change,
        actor=lead,
        bid_uid=bid.uid,
        members=[bids.member(fresh)],
        lead_work="总体",
        lead_share_percent="90",
        agreement_name="agreement.pdf",
        agreement_sha256="a" * 64,
        reason="原成员退出。",
    )
    results = two_at_once(ask, ask)
    assert sum(isinstance(result, StateConflict) for result in results) == 1
    change = ConsortiumChange.objects.get()
    one, other = world.officer(), world.officer()
    given = {"bid_uid": bid.uid, "change_uid": change.uid, "reason": "已核查。"}
    results = two_at_once(
        lambda: decide_consortium_change(actor=one, approve=True, **given),
        lambda: decide_consortium_change(actor=other, approve=False, **given),
    )
    assert sum(isinstance(result, StateConflict) for result in results) == 1
    told = [
        kind for kind in kinds() if kind.startswith("consortium.change") and kind[-4:] != "sted"
    ]
    assert len(told) == 1


def test_two_officers_certify_one_return_once(two_at_once, clock):
    scenario = world.published_scenario()
    won, lost = (bids.bid(scenario).bid for _ in range(2))
    bids.open_first(scenario, clock)
    Bid.objects.filter(pk=won.pk).update(state=BidState.WON)
    Bid.objects.filter(pk=lost.pk).update(state=BidState.LOST)
    Scenario.objects.update(state=State.AWARDED, ended_at=clock.now())
    officers = [world.officer(), world.officer()]
    results = two_at_once(
        *[partial(certify_return, actor=a, bid_uid=lost.uid, kind="destroyed") for a in officers]
    )
    assert sorted(type(one).__name__ for one in results) == ["ReturnCertificate", "StateConflict"]
    assert kinds().count("return.certified") == 1


# -- The grace for committed bytes ---------------------------------------------------------------------
def promised(clock, after):
    """(scenario, bidder, package): its hashes are committed, and this long ago the deadline was."""
    deadline = (site_clock.now() + timedelta(days=30)).replace(microsecond=0)
    scenario = world.published_scenario(profile=world.profile("A"), deadline_at=deadline)
    world.announce(scenario)
    vendor = world.vendor()
    package = assembled(scenario, vendor)
    commit(scenario, vendor, rows_of_package(package))
    clock.move(deadline + after - site_clock.now())
    return scenario, vendor, package


def rows_of_package(package):
    return [{k: row[k] for k in ("envelope", "sha256", "size")} for row in package.envelopes]


def test_two_commitments_at_once_are_two_in_order(two_at_once):
    scenario, vendor = world.published_scenario(profile=world.profile("A")), world.vendor()
    colleague = world.member(vendor.organisation)
    results = two_at_once(
        partial(commit, scenario, vendor, made_up("a")),
        partial(commit, scenario, colleague, made_up("b")),
    )
    assert sorted(made.number for made in results) == [1, 2]
    first, second = BidCommitment.objects.order_by("number")
    assert first.committed_at < second.committed_at
    assert standing_commitment(scenario, vendor.organisation_id) == second
    assert kinds() == ["bid.committed", "bid.committed"]


@pytest.mark.parametrize("left", [timedelta(milliseconds=120), timedelta(0)])
def test_the_closing_and_committed_bytes_never_pass_each_other(two_at_once, clock, left):
    """At the very end of the grace: received before it closed and opened, or not at all."""
    scenario, vendor, package = promised(clock, GRACE - left)

    def close():
        while True:
            with suppress(TooEarly):
                return close_scenario(scenario_uid=scenario.uid)

    version, closed = two_at_once(
        partial(submit_package, actor=vendor, package_uid=package.uid), close
    )
    end = scenario.deadline_at + GRACE
    assert closed.closed_at >= end
    if isinstance(version, DomainError):
        assert version.code == "deadline.passed"
        assert (Bid.objects.count(), closed.state) == (0, State.CLOSED)
        return
    assert left
    assert version.received_at < end
    assert closed.state == State.CLOSED
    assert kinds().index("bid.submitted") < kinds().index("scenario.closed")
    sequencer.seal_batch()
    assert reasons(scenario, version) == {""}


def test_a_moving_deadline_and_committed_bytes(two_at_once, clock):
    """By the commitment before the move, without one after it; taken in any case, and opened."""
    scenario, vendor, package = promised(clock, timedelta(minutes=1))
    deadline = scenario.deadline_at
    Outage.objects.create(
        from_at=deadline - timedelta(minutes=40),
        until_at=deadline - timedelta(minutes=10),
        what="unreachable",
    )
    version, moved = two_at_once(
        partial(submit_package, actor=vendor, package_uid=package.uid),
        lambda: extend_deadline(scenario_uid=scenario.uid),
    )
    assert moved is True
    at = Event.objects.get(kind="scenario.deadline_extended").at
    said = json.loads(bytes(version.receipt.body))
    assert ("commitment" in said) == (version.received_at < at)
    scenario.refresh_from_db()
    assert scenario.deadline_at == deadline + timedelta(days=1)
    bids.close(scenario, clock)
    sequencer.seal_batch()
    assert reasons(scenario, version) == {""}
