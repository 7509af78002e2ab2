"""The opener believes the log and the holders' keys; whoever owns the database cannot make it open."""

import json
import re
from datetime import timedelta

import pytest
from django.db import connections, transaction

from marketplace.base import clock as site_clock
from marketplace.base.actor import SYSTEM
from marketplace.base.assertions import NotConfirmed, SoftwareKey, check_assertion
from marketplace.base.canonical import stamp
from marketplace.base.models import Outage
from marketplace.bidding.by_log import Refused, verify_by_log
from marketplace.bidding.challenges import opening_challenge
from marketplace.bidding.confirmations import challenge, holder_of
from marketplace.bidding.in_time import doubts
from marketplace.bidding.models import (
    BidState,
    OpenedEnvelope,
    Opening,
    OpeningConfirmation,
    OpeningState,
    Outcome,
    SealedEnvelope,
)
from marketplace.bidding.opener import open_confirmed
from marketplace.bidding.replay import LogNotTrusted, Replay
from marketplace.ledger import actions as ledger
from marketplace.ledger.log import sequencer
from marketplace.ledger.log.models import Leaf
from marketplace.ledger.models import Event
from marketplace.ledger.verify import instant, named
from marketplace.scenarios.actions import close_scenario, extend_deadline
from tests import world
from tests.bidding import bids

SEED = b"\1" * 32


def edit(statement, *given):
    """As somebody does who owns the database: triggers off, then the row."""
    table = re.search(r"marketplace_\w+", statement)[0]
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, given)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.fixture
def own(committing_db, settings):
    """A replay as the opener makes one."""

    def read() -> Replay:
        replay = Replay(settings.OPENER_LOG_VKEY)
        replay.advance()
        return replay

    return read


def confirmed(clock):
    scenario = bids.waiting(clock)
    opening = bids.confirm(scenario)
    assert opening.state == OpeningState.CONFIRMED
    return scenario, opening


# -- What is read of the log -----------------------------------------------------------------------
def test_what_was_announced_is_read_from_the_leaves(own, clock):
    scenario, opening = confirmed(clock)
    replay = own()
    told = replay.announced(scenario.uid)
    assert told.deadline_at == scenario.deadline_at.replace(
        microsecond=scenario.deadline_at.microsecond // 1000 * 1000
    )
    assert (told.confirmations, len(told.keys)) == (2, 2)
    assert told.recipients == dict(scenario.envelope_keys.values_list("envelope", "recipient"))
    assert told.closing_size == 16
    assert verify_by_log(opening, replay) == told.closing_size
    before = replay.size
    sequencer.seal_batch()
    replay.advance()
    assert (before, replay.size) == (32, Leaf.objects.count())
    assert replay.announced(scenario.uid).closing_size == 16


def test_a_demand_that_the_log_does_not_know_is_not_opened(own, clock):
    confirmed(clock)
    with pytest.raises(LogNotTrusted, match="not_announced"):
        own().announced(world.published_scenario().uid)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE marketplace_leaf SET data = data || 'x' WHERE index = 0", "root"),
        ("DELETE FROM marketplace_leaf WHERE index = 1", "leaves_missing"),
        ("UPDATE marketplace_checkpoint SET note = replace(note, size::text, '7')", "checkpoint"),
    ],
)
def test_an_edited_log_is_not_believed(own, clock, statement, reason):
    confirmed(clock)
    edit(statement)
    with pytest.raises(LogNotTrusted, match=reason):
        own()
    assert open_confirmed(bids.identity()) == 0
    assert OpenedEnvelope.objects.count() == 0


def test_a_log_signed_by_another_key_is_not_believed(committing_db, settings, clock):
    confirmed(clock)
    settings.OPENER_LOG_VKEY = named(settings.LOG_ORIGIN, SEED).text()
    assert open_confirmed(bids.identity()) == 0


# -- A superuser's edits ---------------------------------------------------------------------------
def test_a_deadline_moved_earlier_in_the_database_opens_nothing(own, clock):
    """Everything in the rows says open; the log says not yet, and the keys signed something else."""
    scenario = world.published_scenario()
    world.announce(scenario)
    bids.bid(scenario)
    earlier = site_clock.now() + timedelta(seconds=1)
    edit("UPDATE marketplace_scenario SET deadline_at = %s WHERE id = %s", earlier, scenario.pk)
    clock.move(timedelta(seconds=2))
    close_scenario(scenario_uid=scenario.uid)
    scenario.refresh_from_db()
    opening = bids.confirm(scenario)
    assert opening.state == OpeningState.CONFIRMED
    with pytest.raises(Refused, match="closed_early"):
        verify_by_log(opening, own())
    assert open_confirmed(bids.identity()) == 0
    assert OpenedEnvelope.objects.count() == 0


def test_forged_confirmations_open_nothing(own, clock):
    scenario = bids.waiting(clock)
    sequencer.seal_batch()
    opening = Opening.objects.get(scenario=scenario)
    asked = opening_challenge(opening)
    stranger = SoftwareKey(SEED)
    for holder in world.key_holder_actors(scenario):
        OpeningConfirmation.objects.create(
            opening=opening,
            user=holder.person,
            confirmed_at=site_clock.now(),
            tree_size=asked.tree_size,
            assertion=stranger.answer(asked.challenge),
        )
    edit("UPDATE marketplace_opening SET state = 'confirmed'")
    opening.refresh_from_db()
    with pytest.raises(Refused, match="assertions"):
        verify_by_log(opening, own())
    assert open_confirmed(bids.identity()) == 0


def test_one_holder_twice_is_not_two(own, clock):
    scenario = bids.waiting(clock)
    one, other = world.key_holder_actors(scenario)
    given = bids.answer(scenario, one)
    opening = Opening.objects.get(scenario=scenario)
    for holder in (one, other):
        OpeningConfirmation.objects.create(
            opening=opening, user=holder.person, confirmed_at=site_clock.now(), **given
        )
    edit("UPDATE marketplace_opening SET state = 'confirmed', confirmations_needed = 1")
    opening.refresh_from_db()
    with pytest.raises(Refused, match="assertions"):
        verify_by_log(opening, own())


def test_a_late_bid_slipped_into_the_database_is_not_opened(own, clock):
    """Its rows are complete and its receipt signed; only the log did not have it at the closing."""
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.close(scenario, clock)
    sequencer.seal_batch()
    edit(
        "UPDATE marketplace_scenario SET state = 'published', deadline_at = %s WHERE id = %s",
        site_clock.now() + timedelta(hours=1),
        scenario.pk,
    )
    late = bids.bid(scenario).bid
    edit(
        "UPDATE marketplace_scenario SET state = 'closed', deadline_at = %s WHERE id = %s",
        scenario.deadline_at,
        scenario.pk,
    )
    bids.confirm(scenario)
    assert open_confirmed(bids.identity()) == 1
    late.refresh_from_db()
    assert late.state == BidState.UNOPENED
    faults = OpenedEnvelope.objects.filter(sealed__version__bid=late)
    assert set(faults.values_list("outcome", "reason")) == {(Outcome.PLATFORM_FAULT, "not_in_log")}
    assert OpenedEnvelope.objects.filter(outcome=Outcome.OPENED).count() == 2


def test_a_sealed_file_exchanged_together_with_its_hash_is_noticed(own, clock):
    scenario, _opening = confirmed(clock)
    size = own().announced(scenario.uid).closing_size
    row = SealedEnvelope.objects.order_by("pk").first()
    assert doubts(own(), scenario, size)(row) == ""
    edit("UPDATE marketplace_sealedenvelope SET sha256 = %s WHERE id = %s", "0" * 64, row.pk)
    row.refresh_from_db()
    assert doubts(own(), scenario, size)(row) == "not_in_log"


def test_prices_wait_for_the_lock_in_the_log(own, clock):
    scenario, opening = confirmed(clock)
    price = Opening(scenario=scenario, stage="price", pk=opening.pk)
    with pytest.raises(Refused, match="technical_not_locked_in_log"):
        verify_by_log(price, own())


def test_the_closing_has_to_be_in_the_log_first(own, clock):
    scenario = world.published_scenario()
    world.announce(scenario)
    sequencer.seal_batch()
    bids.bid(scenario)
    opening = bids.close(scenario, clock)
    assert opening_challenge(opening) is None
    with pytest.raises(Refused, match="closing_not_in_log"):
        verify_by_log(opening, own())
    sequencer.seal_batch()
    assert opening_challenge(opening) is not None


# -- Assertions ------------------------------------------------------------------------------------
def asked_bytes(**changes):
    given = {
        "scenario_uid": "7f3d5a10-0000-4000-8000-000000000001",
        "stage": "first",
        "deadline_at": "2026-12-01T09:00:00.000Z",
        "tree_size": 48,
    }
    return challenge(**given | changes)


@pytest.mark.parametrize(
    "change",
    [
        {"scenario_uid": "7f3d5a10-0000-4000-8000-000000000002"},
        {"stage": "price"},
        {"deadline_at": "2026-12-01T08:59:59.999Z"},
        {"tree_size": 49},
    ],
)
def test_a_signature_is_for_one_opening_alone(change):
    key = SoftwareKey(SEED)
    answer = key.answer(asked_bytes())
    check_assertion(answer, public_key=key.public_key, challenge=asked_bytes())
    with pytest.raises(NotConfirmed, match="challenge"):
        check_assertion(answer, public_key=key.public_key, challenge=asked_bytes(**change))


def broken(answer, name, value):
    return answer | {"response": answer["response"] | {name: value}}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("signature", "AAAA", "signature"),
        ("signature", None, "malformed"),
        ("authenticatorData", "AAAA", "malformed"),
        ("clientDataJSON", "e30", "malformed"),
    ],
)
def test_a_broken_answer_is_refused(name, value, code):
    key = SoftwareKey(SEED)
    answer = broken(key.answer(asked_bytes()), name, value)
    with pytest.raises(NotConfirmed, match=code):
        check_assertion(answer, public_key=key.public_key, challenge=asked_bytes())


def test_presence_without_verification_is_not_enough(monkeypatch):
    monkeypatch.setattr("marketplace.base.assertions.VERIFIED", 0)
    key = SoftwareKey(SEED)
    answer = key.answer(asked_bytes())
    monkeypatch.undo()
    with pytest.raises(NotConfirmed, match="not_verified"):
        check_assertion(answer, public_key=key.public_key, challenge=asked_bytes())


def test_only_announced_keys_count():
    key = SoftwareKey(SEED)
    with pytest.raises(NotConfirmed, match="unknown_key"):
        holder_of(key.answer(asked_bytes()), [], challenge=asked_bytes())


@pytest.mark.django_db
def test_the_publication_s_leaf_names_keys_and_nobody(clock):
    scenario = world.published_scenario()
    world.announce(scenario)
    event = Event.objects.get(kind="scenario.published")
    told = json.dumps(event.data)
    assert [key["holder"] for key in event.data["keys"]] == [0, 1]
    for actor in world.key_holder_actors(scenario):
        assert str(actor.person.uid) not in told
        assert actor.person.name not in told
    with transaction.atomic():
        assert event.audience == "public"


# -- A deadline that outages moved -----------------------------------------------------------------
DAY = timedelta(days=1)


def reopened(clock, scenario):
    """Closed, in the log, and then moved by an outage of half an hour that was proven late."""
    bids.close(scenario, clock)
    sequencer.seal_batch()
    deadline = scenario.deadline_at
    Outage.objects.create(
        from_at=deadline - timedelta(minutes=40),
        until_at=deadline - timedelta(minutes=10),
        what="unreachable",
    )
    assert extend_deadline(scenario_uid=scenario.uid) is True
    scenario.refresh_from_db()
    assert scenario.deadline_at == deadline + DAY
    return deadline


def test_after_a_moved_deadline_the_second_closing_counts(own, clock):
    scenario = world.published_scenario()
    early = bids.bid(scenario).bid
    reopened(clock, scenario)
    sequencer.seal_batch()
    told = own().announced(scenario.uid)
    assert (told.closed, told.closing_size) == (False, None)
    between = bids.bid(scenario).bid
    bids.close(scenario, clock)
    assert own().announced(scenario.uid).closing_size is None
    opening = bids.confirm(scenario)
    told = own().announced(scenario.uid)
    assert told.closed is True
    assert told.deadline_at == instant(stamp(scenario.deadline_at))
    assert verify_by_log(opening, own()) == told.closing_size
    assert open_confirmed(bids.identity()) == 1
    for bid in (early, between):
        bid.refresh_from_db()
        assert bid.state == BidState.OPENED


def test_a_replay_that_goes_on_sees_the_same_as_a_new_one(own, clock):
    """Closing, move and second closing in the batches they come in, or all in one."""
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.close(scenario, clock)
    sequencer.seal_batch()
    going_on = own()
    assert going_on.announced(scenario.uid).closing_size == going_on.size
    reopened(clock, scenario)
    bids.close(scenario, clock)
    sequencer.seal_batch()
    going_on.advance()
    assert going_on.announced(scenario.uid) == own().announced(scenario.uid)
    assert going_on.announced(scenario.uid).closing_size == going_on.size


def test_before_the_second_closing_nothing_opens_whatever_the_rows_say(own, clock):
    """Somebody who owns the database puts opening, confirmations and states back."""
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.close(scenario, clock)
    given = [
        (holder, bids.answer(scenario, holder)) for holder in world.key_holder_actors(scenario)
    ]
    before = reopened(clock, scenario)
    sequencer.seal_batch()
    opening = Opening.objects.create(
        scenario=scenario, stage="first", state=OpeningState.CONFIRMED, confirmations_needed=2
    )
    for holder, said in given:
        OpeningConfirmation.objects.create(
            opening=opening, user=holder.person, confirmed_at=site_clock.now(), **said
        )
    edit(
        "UPDATE marketplace_scenario SET state = 'closed', deadline_at = %s WHERE id = %s",
        before,
        scenario.pk,
    )
    opening = Opening.objects.select_related("scenario").get(pk=opening.pk)
    with pytest.raises(Refused, match="closing_not_in_log"):
        verify_by_log(opening, own())
    assert open_confirmed(bids.identity()) == 0

    # And after it the old confirmations are over another deadline.
    edit(
        "UPDATE marketplace_scenario SET state = 'published', deadline_at = %s WHERE id = %s",
        before + DAY,
        scenario.pk,
    )
    scenario.refresh_from_db()
    bids.close(scenario, clock)
    sequencer.seal_batch()
    opening = Opening.objects.select_related("scenario").get(pk=opening.pk)
    with pytest.raises(Refused, match="assertions"):
        verify_by_log(opening, own())
    assert open_confirmed(bids.identity()) == 0
    assert OpenedEnvelope.objects.count() == 0


def test_once_opened_no_leaf_makes_late_bids_timely(own, clock):
    scenario, opening = confirmed(clock)
    assert open_confirmed(bids.identity()) == 1
    with transaction.atomic():
        ledger.append(
            "scenario.deadline_extended",
            actor=SYSTEM,
            subjects=[scenario.uid],
            audience="public",
            data={"ref": scenario.ref, "deadline_at": site_clock.now() + DAY},
        )
    sequencer.seal_batch()
    told = own().announced(scenario.uid)
    assert (told.opened, told.closing_size) == (True, 16)
    opening.refresh_from_db()
    with pytest.raises(Refused, match="extended_late"):
        verify_by_log(opening, own())


def test_confirmations_of_the_older_deadline_open_nothing_under_the_new_one(own, clock):
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.close(scenario, clock)
    old = bids.confirm(scenario)
    given = list(old.confirmations.values("user_id", "tree_size", "assertion"))
    deadline = scenario.deadline_at
    Outage.objects.create(
        from_at=deadline - timedelta(minutes=40),
        until_at=deadline - timedelta(minutes=10),
        what="unreachable",
    )
    assert extend_deadline(scenario_uid=scenario.uid) is True
    scenario.refresh_from_db()
    bids.close(scenario, clock)
    sequencer.seal_batch()
    new = Opening.objects.standing().get()
    for row in given:  # as whoever owns the database could
        OpeningConfirmation.objects.create(opening=new, confirmed_at=site_clock.now(), **row)
    Opening.objects.filter(pk=new.pk).update(state=OpeningState.CONFIRMED)
    new.refresh_from_db()
    with pytest.raises(Refused, match="assertions"):
        verify_by_log(new, own())
    assert open_confirmed(bids.identity()) == 0
