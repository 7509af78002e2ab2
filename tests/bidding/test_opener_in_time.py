"""What the opener asks of each bid: a signed receipt in the log, and a time at which it was taken.

Between a deadline and the closing lies the grace for committed bytes. Whoever owns the database can
make the platform take something in it; the log says what had been announced and promised.
"""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction

from marketplace.base import clock as site_clock
from marketplace.base.actor import SYSTEM
from marketplace.base.canonical import canonical, stamp
from marketplace.base.models import Outage
from marketplace.bidding.actions import submit_package, withdraw_bid
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.in_time import doubts
from marketplace.bidding.models import BidState, OpenedEnvelope, Outcome
from marketplace.bidding.opener import open_confirmed
from marketplace.bidding.replay import Replay
from marketplace.ledger import actions as ledger
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Audience, Event
from marketplace.ledger.verify import input_of
from marketplace.scenarios.actions import extend_deadline
from tests import world
from tests.bidding import bids
from tests.bidding.sealed_uploads import assembled, uploaded
from tests.bidding.test_commitments import GRACE, TICK, commit, later, rows_of, send
from tests.bidding.test_opener_by_log import DAY, edit

MINUTES = timedelta(minutes=1)


@pytest.fixture
def cast(committing_db):
    deadline = (site_clock.now() + 30 * DAY).replace(microsecond=0)
    scenario = world.published_scenario(profile=world.profile("A"), deadline_at=deadline)
    world.announce(scenario)
    return scenario, world.vendor()


def set_deadline(scenario, at):
    edit("UPDATE marketplace_scenario SET deadline_at = %s WHERE id = %s", at, scenario.pk)


def late(scenario, vendor, clock, after=5 * MINUTES):
    """Received after the deadline, which somebody moved in the database for a moment."""
    uploads = uploaded(scenario, vendor)
    later(clock, scenario.deadline_at + after)
    set_deadline(scenario, scenario.deadline_at + 2 * after)
    version = send(scenario, vendor, uploads)
    set_deadline(scenario, scenario.deadline_at)
    return version


def reasons(scenario, version):
    """Of each envelope, by the log as the opener reads it."""
    replay = Replay(settings.OPENER_LOG_VKEY)
    replay.advance()
    doubt = doubts(replay, scenario, replay.announced(scenario.uid).closing_size)
    return {doubt(sealed) for sealed in version.envelopes.all()}


def closed(scenario, clock):
    bids.close(scenario, clock)
    sequencer.seal_batch()


def test_the_publication_says_how_long_the_grace_is(cast):
    scenario, _vendor = cast
    without = world.published_scenario(profile=world.profile("B"))
    world.announce(without)
    sequencer.seal_batch()
    replay = Replay(settings.OPENER_LOG_VKEY)
    replay.advance()
    assert replay.announced(scenario.uid).grace == GRACE
    assert replay.announced(without.uid).grace == timedelta(0)
    data = Event.objects.get(kind="scenario.published", subjects__contains=[without.uid]).data
    assert "bytes_grace_seconds" not in data


# -- Within the grace ------------------------------------------------------------------------------
@pytest.mark.parametrize("after", [timedelta(0), GRACE - TICK], ids=["begins", "ends"])
def test_committed_bytes_are_opened(cast, clock, after):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    commit(scenario, vendor, rows_of(uploads))
    later(clock, scenario.deadline_at + after)
    version = send(scenario, vendor, uploads)
    closed(scenario, clock)
    assert reasons(scenario, version) == {""}
    bids.confirm(scenario)
    assert open_confirmed(bids.identity()) == 1
    version.bid.refresh_from_db()
    assert version.bid.state == BidState.OPENED


@pytest.mark.parametrize(("early", "said"), [(TICK * 1000, ""), (timedelta(0), "not_in_time")])
def test_a_bid_without_commitment_needs_the_deadline(cast, clock, early, said):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    later(clock, scenario.deadline_at - early)
    set_deadline(scenario, scenario.deadline_at + MINUTES)
    version = send(scenario, vendor, uploads)
    set_deadline(scenario, scenario.deadline_at)
    closed(scenario, clock)
    assert reasons(scenario, version) == {said}


def test_a_late_bid_between_deadline_and_closing_is_not_opened(cast, clock):
    scenario, vendor = cast
    honest = bids.bid(scenario).bid
    slipped = late(scenario, vendor, clock).bid
    closed(scenario, clock)
    bids.confirm(scenario)
    assert open_confirmed(bids.identity()) == 1
    for bid in (honest, slipped):
        bid.refresh_from_db()
    assert (honest.state, slipped.state) == (BidState.OPENED, BidState.UNOPENED)
    found = OpenedEnvelope.objects.filter(sealed__version__bid=slipped)
    assert set(found.values_list("outcome", "reason")) == {(Outcome.PLATFORM_FAULT, "not_in_time")}


def test_a_forged_time_breaks_the_receipt_s_signature(cast, clock):
    """Receipt, event and what binds them are written anew before the leaf is sealed."""
    scenario, vendor = cast
    version = late(scenario, vendor, clock)
    receipt = version.receipt
    event = Event.objects.get(pk=receipt.event_id)
    said = json.loads(bytes(receipt.body))
    said["received_at"] = stamp(scenario.deadline_at - MINUTES)
    inputs = {name: value for name, value in said.items() if name not in {"type", "log"}}
    body = json.loads(bytes(event.body)) | {
        "at": said["received_at"],
        "input": input_of(inputs, bytes(event.salt)),
    }
    edit("UPDATE marketplace_event SET body = %s WHERE id = %s", canonical(body), event.pk)
    edit("UPDATE marketplace_receipt SET body = %s WHERE id = %s", canonical(said), receipt.pk)
    closed(scenario, clock)
    assert reasons(scenario, version) == {"not_in_log"}
    # Signed by a key that nobody but the table calls ours, it is no better.
    edit("UPDATE marketplace_receipt SET key_id = 'another' WHERE id = %s", receipt.pk)
    version.refresh_from_db()
    assert reasons(scenario, version) == {"not_in_log"}


def test_after_the_announced_grace_a_commitment_is_not_enough(cast, clock):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    commit(scenario, vendor, rows_of(uploads))
    edit(
        "UPDATE marketplace_ruleprofile SET values = jsonb_set(values, '{bytes_grace,value}', '3600')"
        " WHERE id = %s",
        scenario.profile_id,
    )
    later(clock, scenario.deadline_at + GRACE)
    version = send(scenario, vendor, uploads)
    scenario.refresh_from_db()
    closed(scenario, clock)
    assert reasons(scenario, version) == {"not_in_time"}


# -- Commitments that are not what they seem -----------------------------------------------------------
def committed(scenario, vendor, how, clock):
    """A late version whose receipt names a commitment; `how` it came about in the database."""
    uploads = uploaded(scenario, vendor)
    promised = rows_of(uploads)
    if how == "another's":
        made = commit(scenario, world.vendor(), promised)
        edit(
            "UPDATE marketplace_bidcommitment SET organisation_id = %s WHERE id = %s",
            vendor.organisation_id,
            made.pk,
        )
    elif how == "another demand's":
        other = world.published_scenario(profile=world.profile("A"))
        made = commit(other, vendor, promised)
        edit(
            "UPDATE marketplace_bidcommitment SET scenario_id = %s WHERE id = %s",
            scenario.pk,
            made.pk,
        )
    elif how == "other hashes":
        made = commit(scenario, vendor)
        edit(
            "UPDATE marketplace_bidcommitment SET envelopes = %s WHERE id = %s",
            json.dumps(promised),
            made.pk,
        )
    elif how == "not in the log":
        made = commit(scenario, vendor, promised)
        edit(
            "DELETE FROM marketplace_pendingevent WHERE event_id = %s",
            made.receipt.event_id,
        )
    elif how == "after the deadline":
        later(clock, scenario.deadline_at)
        set_deadline(scenario, scenario.deadline_at + MINUTES)
        commit(scenario, vendor, promised)
        set_deadline(scenario, scenario.deadline_at)
    later(clock, scenario.deadline_at + 5 * MINUTES)
    return send(scenario, vendor, uploads)


@pytest.mark.parametrize(
    "how",
    ["another's", "another demand's", "other hashes", "not in the log", "after the deadline"],
)
def test_a_commitment_counts_as_it_was_signed_and_logged(cast, clock, how):
    scenario, vendor = cast
    version = committed(scenario, vendor, how, clock)
    assert "commitment" in json.loads(bytes(version.receipt.body))
    closed(scenario, clock)
    assert reasons(scenario, version) == {"not_in_time"}


def test_a_commitment_whose_receipt_was_exchanged_does_not_count(cast, clock):
    scenario, vendor = cast
    uploads = uploaded(scenario, vendor)
    first, second = (commit(scenario, vendor, rows_of(uploads)) for _ in range(2))
    later(clock, scenario.deadline_at)
    version = send(scenario, vendor, uploads)
    closed(scenario, clock)
    assert reasons(scenario, version) == {""}
    edit(
        "UPDATE marketplace_receipt SET body = %s, signature = %s WHERE id = %s",
        bytes(first.receipt.body),
        bytes(first.receipt.signature),
        second.receipt_id,
    )
    assert reasons(scenario, version) == {"not_in_time"}
    edit("DELETE FROM marketplace_bidcommitment WHERE id = %s", second.pk)
    assert BidCommitment.objects.count() == 1
    assert reasons(scenario, version) == {"not_in_time"}


def test_a_receipt_of_another_bid_is_no_receipt_of_this_one(cast, clock):
    scenario, vendor = cast
    mine, theirs = bids.bid(scenario, vendor), bids.bid(scenario)
    closed(scenario, clock)
    edit(
        "UPDATE marketplace_bidversion SET bid_id = %s, number = 9 WHERE id = %s",
        mine.bid_id,
        theirs.pk,
    )
    theirs.refresh_from_db()
    assert reasons(scenario, mine) == {""}
    assert reasons(scenario, theirs) == {"not_in_log"}


# -- A deadline that outages moved -----------------------------------------------------------------
def moved(scenario):
    """By an outage of half an hour before the deadline, as its proof came."""
    deadline = scenario.deadline_at
    Outage.objects.create(
        from_at=deadline - 40 * MINUTES, until_at=deadline - 10 * MINUTES, what="unreachable"
    )
    assert extend_deadline(scenario_uid=scenario.uid) is True
    scenario.refresh_from_db()
    assert scenario.deadline_at == deadline + DAY


@pytest.mark.parametrize(
    ("when", "said"),
    [("before", ""), ("between", "not_in_time"), ("graced", ""), ("after", "")],
)
def test_the_deadline_that_stood_when_it_was_received_counts(cast, clock, when, said):
    """Between closing and re-opening nothing was taken, although the deadline lies later now."""
    scenario, vendor = cast
    before = scenario.deadline_at
    if when == "before":
        version = bids.bid(scenario, vendor)
    elif when == "graced":
        uploads = uploaded(scenario, vendor)
        commit(scenario, vendor, rows_of(uploads))
        later(clock, before + MINUTES)
        version = send(scenario, vendor, uploads)
    package = assembled(scenario, vendor) if when == "between" else None
    closed(scenario, clock)
    if package:
        edit(
            "UPDATE marketplace_scenario SET state = 'published', deadline_at = %s WHERE id = %s",
            before + 2 * GRACE,
            scenario.pk,
        )
        version = submit_package(actor=vendor, package_uid=package.uid)
        set_deadline(scenario, before)
    clock.move(MINUTES)
    scenario.refresh_from_db()
    moved(scenario)
    if when == "after":
        version = bids.bid(scenario, vendor)
    closed(scenario, clock)
    assert reasons(scenario, version) == {said}


# -- The newest version ----------------------------------------------------------------------------
def test_a_withdrawal_whose_row_was_taken_away_still_counts(cast, clock):
    scenario, vendor = cast
    version = bids.bid(scenario, vendor)
    withdraw_bid(actor=vendor, bid_uid=version.bid.uid)
    edit("DELETE FROM marketplace_bidversion WHERE kind = 'withdrawn'")
    edit("UPDATE marketplace_bid SET state = 'submitted', versions_count = 1")
    closed(scenario, clock)
    assert reasons(scenario, version) == {"not_in_log"}


def test_an_earlier_version_does_not_come_back(cast, clock):
    scenario, vendor = cast
    first, second = (bids.bid(scenario, vendor, price__note=note) for note in ("1", "2"))
    closed(scenario, clock)
    assert (reasons(scenario, first), reasons(scenario, second)) == ({"not_in_log"}, {""})


def test_recipients_belong_to_the_demand_that_announced_them_first(cast):
    """Another publication with the same ones, forged to be opened earlier, announces nothing."""
    scenario, _vendor = cast
    other = world.published_scenario().uid
    said = Event.objects.get(kind="scenario.published", subjects__contains=[scenario.uid])
    with transaction.atomic():
        ledger.append(
            "scenario.published",
            actor=SYSTEM,
            subjects=[other],
            audience=Audience.PUBLIC,
            data={**said.data, "confirmations": 1, "deadline_at": "2026-01-01T00:00:00.000Z"},
        )
    sequencer.seal_batch()
    replay = Replay(settings.OPENER_LOG_VKEY)
    replay.advance()
    assert replay.announced(scenario.uid).recipients == said.data["recipients"]
    told = replay.announced(other)
    assert (told.recipients, told.keys, told.confirmations) == ({}, [], 0)
