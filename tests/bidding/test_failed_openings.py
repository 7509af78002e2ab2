"""Keys are lost for good: who may say so, when, twice at once, and what it leaves behind."""

import hashlib
import json
from datetime import timedelta

import pyrage
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from marketplace.accounts.models import Membership
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.bidding.actions import confirm_opening
from marketplace.bidding.failed.actions import (
    confirm_failed_opening,
    declare_failed_opening,
    dismiss_failed_opening,
)
from marketplace.bidding.failed.models import FailedOpening, FailureState
from marketplace.bidding.failed.queries import WAIT
from marketplace.bidding.models import (
    Bid,
    BidState,
    OpenedEnvelope,
    Opening,
    OpeningStage,
    OpeningState,
)
from marketplace.bidding.opener import open_confirmed
from marketplace.bidding.record.printing import pdf
from marketplace.bidding.record.queries import document, record_of
from marketplace.ledger import keys, verify
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Event
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.api.client import As
from tests.bidding import bids
from tests.notices.steps import deliver, ids, told

pytestmark = pytest.mark.django_db
TICK = timedelta(microseconds=1)
SHA256 = hashlib.sha256(b"minutes").hexdigest()


def waited(clock, count=1):
    """Closed, and the waiting time of the rules is over to the tick."""
    scenario = world.published_scenario()
    for _ in range(count):
        bids.bid(scenario)
    opening = bids.close(scenario, clock)
    clock.freeze(max(scenario.deadline_at, opening.created_at) + WAIT)
    return scenario, opening


def lost(scenario):
    return [holder.user.uid for holder in world.key_holder_actors(scenario)]


def declare(opening, actor=None, **changes):
    given = {
        "cause": "holders",
        "lost": lost(opening.scenario),
        "reason": "两把密钥在同一场火灾中损毁。",
        "evidence_number": "沪临消〔2026〕17号",
        "evidence_sha256": SHA256,
    }
    given |= {"lost": []} if changes.get("cause") == "master" else {}
    actor = actor or world.officer()
    return declare_failed_opening(actor=actor, opening_uid=opening.uid, **given | changes)


def given_up(clock, count=1, **changes):
    scenario, opening = waited(clock, count)
    row = declare(opening, **changes)
    confirm_failed_opening(actor=world.officer(), failure_uid=row.uid)
    for one in (scenario, opening, row):
        one.refresh_from_db()
    return scenario, opening, row


# -- What it leaves behind -----------------------------------------------------------------------------
@pytest.mark.parametrize("cause", ["holders", "master"])
def test_the_demand_fails_and_no_bidder_is_at_fault(clock, cause):
    scenario, opening, row = given_up(clock, 2, cause=cause)
    assert (scenario.state, scenario.failure) == (State.FAILED, "opening_impossible")
    assert (opening.state, row.state) == (OpeningState.IMPOSSIBLE, FailureState.CONFIRMED)
    states = Bid.objects.values_list("state", "void_reason")
    assert set(states) == {(BidState.VOID, "启封已不可能进行。揭榜方没有责任。")}
    event = Event.objects.get(kind="opening.failed")
    assert (event.audience, event.subjects) == ("public", [opening.uid, scenario.uid])
    assert event.data == {
        "stage": "first",
        "cause": cause,
        "confirmations_needed": 2,
        "keys_lost": 2 if cause == "holders" else 0,
        "evidence_sha256": SHA256,
    }
    kinds = Event.objects.filter(pk__gte=event.pk).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["opening.failed", "bid.voided", "bid.voided", "scenario.failed"]
    assert OpenedEnvelope.objects.count() == 0


def test_the_record_says_so_and_holds(clock, tmp_path):
    scenario, _opening, row = given_up(clock)
    sequencer.seal_batch()
    record = record_of(world.officer(), scenario, OpeningStage.FIRST)
    shown = document(world.officer(), record)
    said = shown["receipt"]
    assert said["never"]["cause"] == "holders"
    assert (said["never"]["reason"], said["never"]["keys_lost"]) == (row.reason, 2)
    [bid] = said["bids"]
    assert (bid["outcome"], bid["fault"]) == ("platform_fault", "platform")
    assert {one["reason"] for one in bid["envelopes"]} == {"never"}
    file, known = tmp_path / "record.json", tmp_path / "keys.json"
    file.write_text(json.dumps(shown, ensure_ascii=False), "utf-8")
    known.write_text(json.dumps(keys.published()), "utf-8")
    assert verify.main([str(file), "--keys", str(known), "--lang", "en"]) == 0
    assert pdf(shown).startswith(b"%PDF")


def test_everybody_who_took_part_is_told_once(clock):
    scenario, opening = waited(clock)
    officer, second = world.officer(), world.officer()
    row = declare(opening, officer)
    deliver()
    holders = world.key_holder_actors(scenario)
    assert told("opening.failure_declared") == ids(*holders, second)
    confirm_failed_opening(actor=second, failure_uid=row.uid)
    deliver()
    bid = Bid.objects.get()
    reached = told("opening.failed")
    assert ids(*holders, officer) <= reached
    sides = Membership.objects.filter(organisation__in=[bid.organisation, scenario.organisation])
    assert reached - ids(*holders, officer, second) == {*sides.values_list("user_id", flat=True)}
    assert told("bidders.listing_failed") == set()


# -- Who and when --------------------------------------------------------------------------------------
def test_not_before_the_waiting_time_is_over(clock):
    scenario, opening = waited(clock)
    clock.freeze(scenario.deadline_at + WAIT - TICK)
    with pytest.raises(StateConflict) as refusal:
        declare(opening)
    assert refusal.value.code == "opening.too_early"


def test_two_officers_and_nobody_else(clock):
    scenario, opening = waited(clock)
    with pytest.raises(NotAllowed):
        declare(opening, world.secretary())
    with pytest.raises(NotFound):
        declare(opening, world.vendor())
    officer = world.officer()
    row = declare(opening, officer)
    with pytest.raises(NotAllowed):
        confirm_failed_opening(actor=officer, failure_uid=row.uid)
    for stranger in (world.vendor(), world.member(scenario.organisation)):
        with pytest.raises(NotFound):
            confirm_failed_opening(actor=stranger, failure_uid=row.uid)
    with pytest.raises(StateConflict) as refusal:
        declare(opening)
    assert refusal.value.code == "opening.declared"
    assert Scenario.objects.get().state == State.CLOSED


def test_what_is_missing_is_told_at_once(clock):
    _scenario, opening = waited(clock)
    with pytest.raises(Invalid) as refusal:
        declare(opening, cause="x", reason=" ", evidence_number="", evidence_sha256="AB", lost=[])
    assert set(refusal.value.errors) == {"cause", "reason", "evidence_number", "evidence_sha256"}
    with pytest.raises(Invalid) as refusal:
        declare(opening, lost=[])
    assert set(refusal.value.errors) == {"lost"}


def test_dismissed_it_waits_on_and_may_be_declared_anew(clock):
    _scenario, opening = waited(clock)
    row = declare(opening)
    dismiss_failed_opening(actor=world.officer(), failure_uid=row.uid)
    with pytest.raises(StateConflict):
        confirm_failed_opening(actor=world.officer(), failure_uid=row.uid)
    again = declare(opening)
    assert again.pk != row.pk
    assert Opening.objects.get().state == OpeningState.WAITING


# -- As long as it could still happen --------------------------------------------------------------------
def barred(code, deed, *given, **more):
    with pytest.raises(StateConflict) as refusal:
        deed(*given, **more)
    assert refusal.value.code == code


def test_as_many_holders_as_are_needed_keep_it_alive(clock):
    scenario, opening = waited(clock)
    first, _second = world.key_holder_actors(scenario)
    Opening.objects.update(confirmations_needed=1)
    barred("opening.enough_left", declare, opening, lost=[first.user.uid])
    barred("opening.unknown_holder", declare, opening, lost=[world.make_user().uid])


def test_a_holder_who_confirms_after_all_keeps_it_alive(clock):
    scenario, opening = waited(clock)
    row = declare(opening)
    holder = world.key_holder_actors(scenario)[0]
    given = bids.answer(scenario, holder)
    confirm_opening(actor=holder, scenario_uid=scenario.uid, stage="first", **given)
    barred(
        "opening.holder_confirmed",
        confirm_failed_opening,
        actor=world.officer(),
        failure_uid=row.uid,
    )
    row.refresh_from_db()
    assert row.state == FailureState.DECLARED


def test_an_opener_that_can_unwrap_keeps_it_alive_for_a_day(clock):
    _scenario, opening = waited(clock)
    assert open_confirmed(bids.identity()) == 0  # nothing is confirmed, but it leaves word
    barred("opening.opener_able", declare, opening, cause="master")
    clock.move(timedelta(hours=24))
    row = declare(opening, cause="master")
    assert open_confirmed(str(pyrage.x25519.Identity.generate())) == 0  # a stranger's says nothing
    confirm_failed_opening(actor=world.officer(), failure_uid=row.uid)
    assert Scenario.objects.get().state == State.FAILED


def test_the_opener_that_comes_back_before_the_second_officer_wins(clock):
    scenario, opening = waited(clock)
    row = declare(opening, cause="master")
    bids.confirm(scenario)
    assert open_confirmed(bids.identity()) == 1
    barred("opening.state", confirm_failed_opening, actor=world.officer(), failure_uid=row.uid)
    assert set(Bid.objects.values_list("state", flat=True)) == {BidState.OPENED}


def test_nothing_is_opened_any_more_whatever_the_rows_say(clock):
    scenario, opening, _row = given_up(clock, cause="master")
    opening_row = Opening.objects.filter(pk=opening.pk)
    Scenario.objects.update(state=State.CLOSED)
    Bid.objects.update(state=BidState.SUBMITTED)
    opening_row.update(state=OpeningState.WAITING)
    bids.confirm(scenario)
    assert open_confirmed(bids.identity()) == 0
    assert OpenedEnvelope.objects.count() == 0


def test_prices_that_can_never_be_read(clock):
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.open_first(scenario, clock)
    Bid.objects.update(state=BidState.ELIGIBLE)
    Scenario.objects.update(state=State.REVIEW)
    bids.request_prices(scenario, world.secretary())
    opening = Opening.objects.get(stage=OpeningStage.PRICE)
    clock.freeze(opening.created_at + WAIT)
    row = declare(opening)
    confirm_failed_opening(actor=world.officer(), failure_uid=row.uid)
    scenario.refresh_from_db()
    bid = Bid.objects.get()
    assert (scenario.state, bid.state, bid.price_cny) == (State.FAILED, BidState.VOID, None)
    said = record_of(world.officer(), scenario, OpeningStage.PRICE).receipt.body
    assert json.loads(bytes(said))["bids"][0]["envelopes"][0]["reason"] == "never"


# -- Doors -----------------------------------------------------------------------------------------------
def test_the_page_declares_and_agrees(clock, settings):
    settings.MFA_OPTIONAL = True
    scenario, _opening = waited(clock)
    officer, second = world.officer(), world.officer()
    url = reverse("opening-failure", args=[scenario.address, "first"])
    client = Client()
    client.force_login(officer.user)
    assert client.get(url).status_code == 200
    typed = {"cause": "holders", "reason": "损毁", "evidence_number": "17号"}
    assert client.post(url, typed).status_code == 422
    paper = SimpleUploadedFile("minutes.pdf", b"minutes")
    sent = typed | {"lost": [str(uid) for uid in lost(scenario)], "evidence": paper}
    answer = client.post(url, sent)
    assert answer.status_code in {200, 302}, answer.content.decode()
    row = FailedOpening.objects.get()
    assert row.evidence_sha256 == SHA256
    agreeing = {"do": "confirm", "failure": str(row.uid)}
    assert client.post(url, agreeing).status_code == 403
    client.force_login(second.user)
    assert client.post(url, agreeing).status_code == 302
    text = client.get(reverse("opening", args=[scenario.address])).content.decode()
    assert "启封已不可能进行" in text
    client.force_login(world.member(Bid.objects.get().organisation).user)
    assert client.get(url).status_code == 404
    text = client.get(reverse("opening", args=[scenario.address])).content.decode()
    assert row.reason in text


def test_by_the_api(clock, settings):
    settings.MFA_OPTIONAL = True
    scenario, opening = waited(clock)
    first, second = As(world.officer()), As(world.officer())
    path = f"openings/{opening.uid}/"
    seen = first.get(path).json()
    assert [move["name"] for move in seen["actions"]] == ["declare_failed_opening"]
    assert sorted(seen["holders"]) == sorted(map(str, lost(scenario)))
    body = {
        "cause": "holders",
        "lost": seen["holders"],
        "reason": "损毁",
        "evidence_number": "17号",
        "evidence_sha256": SHA256,
    }
    declared = first.post(f"{path}failure/", body).json()
    [failure] = declared["failures"]
    assert (failure["state"], declared["actions"]) == ("declared", [])
    names = [move["name"] for move in second.get(path).json()["actions"]]
    assert names == ["confirm_failed_opening", "dismiss_failed_opening"]
    given = second.post(f"{path}failure/confirm/", {"failure": failure["uid"]})
    assert given.json()["state"] == "impossible"
    bidder = As(world.member(Bid.objects.get().organisation))
    assert bidder.get(path).json()["failures"][0]["state"] == "confirmed"
