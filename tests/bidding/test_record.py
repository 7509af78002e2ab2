"""The opening record: what it says, that it holds, and who reads it when."""

import json
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from marketplace.accounts.models import User
from marketplace.base.actor import Role
from marketplace.base.canonical import salted
from marketplace.bidding import opener
from marketplace.bidding.actions import withdraw_bid
from marketplace.bidding.models import Bid, BidState, OpenedEnvelope, OpeningStage, SealedEnvelope
from marketplace.bidding.opener import open_confirmed
from marketplace.bidding.record.faults import REASONS, RULE, RULE_SHA256, in_language, why
from marketplace.bidding.record.making import envelope_told
from marketplace.bidding.record.models import PUBLICISED, OpeningRecord
from marketplace.bidding.record.queries import document, record_of, records
from marketplace.files import storage
from marketplace.ledger import actions as ledger
from marketplace.ledger import keys, verify
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.bidding import bids

pytestmark = pytest.mark.django_db


def client_of(actor):
    client = Client()
    if actor:
        client.force_login(actor.user)
    return client


def publicise(scenario):
    """As the awards room says it: the demand is the last subject."""
    with transaction.atomic():
        officer = world.officer()
        ledger.append(
            PUBLICISED,
            actor=officer,
            subjects=[world.office().uid, officer.person.uid, scenario.uid],
            audience=Audience.PUBLIC,
        )
    Scenario.objects.filter(pk=scenario.pk).update(state=State.PUBLICITY)
    scenario.refresh_from_db()


def opened(clock, count=2):
    scenario = world.published_scenario()
    versions = [bids.bid(scenario) for _ in range(count)]
    bids.open_first(scenario, clock)
    return scenario, versions


def open_prices(scenario):
    Bid.objects.filter(state=BidState.OPENED).update(state=BidState.ELIGIBLE)
    Scenario.objects.update(state=State.REVIEW)
    scenario.refresh_from_db()
    bids.request_prices(scenario, world.secretary())
    bids.confirm(scenario, OpeningStage.PRICE)
    assert open_confirmed(bids.identity()) == 1


def people(scenario):
    bidder = Bid.objects.filter(scenario=scenario).order_by("pk").first().organisation
    return {
        "office": world.secretary(),
        "witness": world.person(Role.WITNESS),
        "holder": world.key_holder_actors(scenario)[0],
        "owner": world.member(scenario.organisation),
        "bidder": world.member(bidder),
    }


# -- What it says --------------------------------------------------------------------------------------
def test_it_says_who_what_when_and_whose_fault(clock):
    scenario = world.published_scenario()
    good, gone = bids.bid(scenario), bids.bid(scenario)
    withdrawn = bids.bid(scenario).bid
    opener_bid = world.member(withdrawn.organisation)
    withdraw_bid(actor=opener_bid, bid_uid=withdrawn.uid)
    lost = SealedEnvelope.objects.get(version=gone, envelope="technical")
    storage.path_of(lost.stored_name).unlink()
    bids.open_first(scenario, clock)
    record = record_of(world.secretary(), scenario, "first")
    said = json.loads(bytes(record.receipt.body))
    assert said["type"] == "jiebang-receipt/1/opening-record"
    assert (said["scenario_ref"], said["title"]) == (scenario.ref, scenario.title)
    assert said["rule"]["sha256"] == RULE_SHA256
    assert said["confirmations_needed"] == len(said["confirmations"]) == 2
    assert said["closing_tree_size"] >= 1
    assert said["confirmations"][0]["tree_size"] >= said["closing_tree_size"]
    assert said["requested_at"] <= said["confirmed_at"] <= said["finished_at"]
    names = [row["name"] for row in said["bids"]]
    assert names == [good.bid.organisation.name, gone.bid.organisation.name]
    whole, broken = said["bids"]
    assert (whole["outcome"], whole["fault"], "price_cny" in whole) == ("opened", None, False)
    assert whole["receipt_sha256"] == good.bid.last_receipt_sha256
    assert [row["sha256"] for row in whole["envelopes"]] == [
        row.sha256 for row in good.envelopes.order_by("pk") if row.envelope != "price"
    ]
    assert (broken["outcome"], broken["fault"]) == ("platform_fault", "platform")
    business, technical = broken["envelopes"]
    assert (business["outcome"], business["why"]) == ("opened", None)
    assert (technical["reason"], technical["why"]) == ("missing", REASONS["missing"])
    assert withdrawn.organisation.name not in bytes(record.receipt.body).decode()


def test_no_name_of_a_person_is_signed_and_who_took_part_can_check_them(clock):
    scenario, _versions = opened(clock)
    record = record_of(world.secretary(), scenario, "first")
    signed = json.loads(bytes(record.receipt.body))
    told = document(world.secretary(), record)
    holders = [actor.person.name for actor in world.key_holder_actors(scenario)]
    assert sorted(row["name"] for row in told["persons"]) == sorted(holders)
    for row, confirmed in zip(told["persons"], signed["confirmations"], strict=True):
        assert salted(row["name"], bytes.fromhex(row["salt"])) == confirmed["name_hash"]
        assert row["name"] not in bytes(record.receipt.body).decode()
    User.objects.filter(pk=record.salts[0]["user"]).update(name="")
    assert document(world.secretary(), record)["persons"][0]["name"] == ""


def test_prices_stand_in_the_record_of_the_prices_alone(clock):
    scenario, _versions = opened(clock)
    open_prices(scenario)
    first, price = records(world.secretary(), scenario)
    assert "price_cny" not in bytes(first.receipt.body).decode()
    said = json.loads(bytes(price.receipt.body))
    assert said["stage"] == "price"
    assert [row["price_cny"] for row in said["bids"]] == ["900000.00", "900000.00"]
    assert [e["envelope"] for e in said["bids"][0]["envelopes"]] == ["price"]


def test_an_envelope_without_a_row_is_the_platforms_fault():
    told = envelope_told("technical", None)
    assert (told["outcome"], told["fault"], told["reason"]) == (
        "platform_fault",
        "platform",
        "no_record",
    )


def test_every_reason_has_words_in_both_languages():
    assert all(set(words) == {"zh", "en"} for words in [*REASONS.values(), *RULE])
    assert why("schema") == REASONS["schema"]
    assert why("unheard_of")["en"] == "It could not be opened (unheard_of)."
    assert in_language(REASONS["missing"]) == "平台保存的密文缺失。"


# -- That it holds -------------------------------------------------------------------------------------
def test_it_is_proved_by_the_log_and_read_by_the_verifier(clock, tmp_path, capsys):
    scenario, _versions = opened(clock)
    world.announce(scenario)
    sequencer.seal_batch()
    record = record_of(world.secretary(), scenario, "first")
    told = document(world.secretary(), record)
    file, known = tmp_path / "record.json", tmp_path / "keys.json"
    file.write_text(json.dumps(told, ensure_ascii=False), "utf-8")
    known.write_text(json.dumps(keys.published()), "utf-8")
    assert verify.main([str(file), "--keys", str(known), "--lang", "en"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("VALID")
    event = Event.objects.get(kind="opening.finished")
    assert record.receipt.event_id == event.pk
    told["receipt"]["bids"][0]["fault"] = "bidder"
    file.write_text(json.dumps(told, ensure_ascii=False), "utf-8")
    assert verify.main([str(file), "--keys", str(known), "--lang", "en"]) == 1


def test_finishing_twice_signs_once_and_a_failed_end_signs_nothing(clock, monkeypatch):
    scenario = world.published_scenario()
    bids.bid(scenario)
    opening = bids.close(scenario, clock)
    bids.confirm(scenario)
    keep = opener.record.keep

    def torn(*given):
        keep(*given)
        raise RuntimeError

    monkeypatch.setattr(opener.record, "keep", torn)
    with pytest.raises(RuntimeError):
        open_confirmed(bids.identity())
    assert OpeningRecord.objects.count() == 0
    monkeypatch.undo()
    # What was opened stays opened, only the end is made up for.
    assert OpenedEnvelope.objects.count() == 2
    assert open_confirmed(bids.identity()) == 1
    assert opener.finish(opening, 1) is False
    assert OpeningRecord.objects.count() == 1


def test_a_record_is_never_changed(clock):
    scenario, _versions = opened(clock)
    with pytest.raises(DatabaseError), transaction.atomic():
        OpeningRecord.objects.update(salts=[])
    with pytest.raises(DatabaseError), transaction.atomic():
        OpeningRecord.objects.filter(opening__scenario=scenario).delete()


def test_the_witness_finds_it_on_the_desk(clock):
    scenario, _versions = opened(clock)
    lines = client_of(world.person(Role.WITNESS)).get(reverse("desk")).context["sections"][0].lines
    assert lines[0].links[1].url == addresses(scenario)[0]


# -- Who reads it, and when ----------------------------------------------------------------------------
def addresses(scenario):
    opening = scenario.openings.first()
    return [
        reverse("opening-record", args=[scenario.address, "first"]),
        reverse("api-opening-record", args=[opening.uid]),
        reverse("opening-record-pdf", args=[scenario.address, "first"]),
    ]


def test_who_took_part_at_once_and_everybody_once_it_is_publicised(clock):
    scenario, _versions = opened(clock)
    inside = people(scenario)
    outside = {
        "visitor": None,
        "vendor": world.vendor(),
        "owner": world.owner(),
        "expert": world.person(Role.EXPERT),
        "evaluator": world.person(Role.EVALUATOR),
    }
    pages = addresses(scenario)
    for name, actor in inside.items():
        for page in pages:
            answer = client_of(actor).get(page)
            assert (name, answer.status_code) == (name, 200)
            if page.endswith(".json"):
                assert len(json.loads(answer.content)["persons"]) == 2
    for name, actor in outside.items():
        for page in pages:
            assert (name, client_of(actor).get(page).status_code) == (name, 404)
        text = client_of(actor).get(reverse("scenario", args=[scenario.address])).content.decode()
        assert (name, "/opening/record/" in text) == (name, False)
    publicise(scenario)
    for name, actor in outside.items():
        for page in pages:
            answer = client_of(actor).get(page)
            assert (name, answer.status_code) == (name, 200)
            if not page.endswith(".pdf"):
                assert not json.loads(answer.content).get("persons")
        text = client_of(actor).get(reverse("scenario", args=[scenario.address])).content.decode()
        assert (name, pages[0] in text) == (name, True)


def test_the_price_record_waits_for_its_own_stage(clock):
    scenario, _versions = opened(clock)
    price = reverse("opening-record", args=[scenario.address, "price"])
    assert client_of(world.secretary()).get(price).status_code == 404
    open_prices(scenario)
    assert client_of(world.secretary()).get(price).status_code == 200
    clock.move(timedelta(days=1))


@pytest.mark.parametrize("count", [1, 30])
def test_reading_asks_the_same_for_one_and_for_thirty(clock, count_queries, count):
    scenario, _versions = opened(clock, count)
    secretary = world.secretary()
    with count_queries() as queries:
        document(secretary, record_of(secretary, scenario, "first"))
    assert len(queries) == 6


def test_the_rule_is_published_where_the_record_says(clock):
    text = client_of(None).get(reverse("verify")).content.decode()
    assert RULE_SHA256[:8] in text
    assert RULE[1]["zh"] in text
