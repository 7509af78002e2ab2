"""From the report to the first heat: who, when, and what it leaves behind."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from decimal import Decimal

import pytest

from marketplace.awards import actions as awards
from marketplace.awards.models import Decision
from marketplace.awards.queries import standing_candidates
from marketplace.base import clock as site_clock
from marketplace.base.actor import VISITOR, Role
from marketplace.base.errors import (
    DeadlinePassed,
    DomainError,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
    TooEarly,
)
from marketplace.bidding.models import Bid
from marketplace.ledger.models import Event
from marketplace.races.entry import actions
from marketplace.races.entry.actions import START_GUARDS
from marketplace.races.models import (
    Entrant,
    EntrantState,
    HeatEntry,
    Race,
    RaceAgreement,
    RaceState,
)
from marketplace.races.numbers import DEMO_DAY, heat_until
from marketplace.scenarios.content import Fault
from marketplace.scenarios.models import AwardMode, Scenario, State
from tests import world
from tests.races import steps

pytestmark = pytest.mark.django_db


def shortlist(scenario, actor=None, **given):
    return actions.shortlist(
        actor=actor or steps.decider(scenario), scenario_uid=scenario.uid, **given
    )


def refusal(kind, code, deed):
    with pytest.raises(kind) as told:
        deed()
    assert told.value.code == code
    return told.value


def kinds():
    return list(Event.objects.filter(kind__startswith="race.").values_list("kind", "audience"))


# -- The shortlist -----------------------------------------------------------------------------------
def test_the_first_of_the_ranking_are_shortlisted_under_codes():
    scenario = steps.to_be_decided(3)
    race = shortlist(scenario)
    rows = race.entrants.order_by("place")
    assert [row.place for row in rows] == [1, 2, 3]
    assert sorted(row.code for row in rows) == ["R1", "R2", "R3"]
    assert [row.bid.ranking.place for row in rows] == [1, 2, 3]
    assert (race.state, race.design.scenario) == (RaceState.SHORTLISTED, scenario)
    assert kinds() == [("race.shortlisted", "office")]
    assert Race.objects.visible_to(VISITOR).count() == 0
    refusal(StateConflict, "race.shortlisted", lambda: shortlist(scenario))


def test_fewer_only_with_reasons_and_never_fewer_than_two():
    scenario = steps.to_be_decided(3)
    assert set(
        refusal(Invalid, "race.shortlist", lambda: shortlist(scenario, entrants=1)).errors
    ) == {"entrants"}
    assert set(
        refusal(Invalid, "race.shortlist", lambda: shortlist(scenario, entrants=4)).errors
    ) == {"entrants"}
    told = refusal(Invalid, "race.shortlist", lambda: shortlist(scenario, entrants=2, reason="少"))
    assert set(told.errors) == {"reason"}
    race = shortlist(
        scenario, entrants=2, reason="第三名方案与第一名路线相同，并行无益，故取前两名。"
    )
    assert race.entrants.count() == 2


def test_who_shortlists_follows_the_mode_of_the_award():
    scenario = steps.to_be_decided(2)
    for actor in (world.officer(), world.member(scenario.organisation, Role.EDITOR)):
        with pytest.raises(NotAllowed):
            shortlist(scenario, actor)
    meeting = steps.to_be_decided(2, award_mode=AwardMode.COLLECTIVE)
    with pytest.raises(NotAllowed):
        shortlist(meeting, world.member(meeting.organisation))
    told = refusal(Invalid, "race.shortlist", lambda: shortlist(meeting))
    assert set(told.errors) == {"minutes_number"}
    assert shortlist(meeting, minutes_number="纪〔2026〕5号").entrants.count() == 2


def test_what_cannot_race_is_told():
    one = steps.to_be_decided(1)
    refusal(StateConflict, "race.too_few", lambda: shortlist(one))
    bare = steps.to_be_decided(2)
    Scenario.objects.filter(pk=bare.pk).update(suspended=True)
    refusal(StateConflict, "scenario.suspended", lambda: shortlist(bare))
    Scenario.objects.filter(pk=bare.pk).update(suspended=False, state=State.REVIEW)
    refusal(StateConflict, "race.state", lambda: shortlist(bare))
    other = steps.reported(2, organising_mode="race", race_entrants=2)
    refusal(StateConflict, "race.no_design", lambda: shortlist(other))
    best = steps.reported(2)
    refusal(StateConflict, "race.not_a_race", lambda: shortlist(best))


# -- The notice --------------------------------------------------------------------------------------
def test_another_officer_publicises_for_the_window(clock):
    race = steps.shortlisted(2, award_mode=AwardMode.COLLECTIVE)
    maker = world.member(world.office(), Role.OFFICER)
    race.shortlisted_by = maker.user
    race.save()
    publicise = actions.publicise_shortlist
    with pytest.raises(NotAllowed):
        publicise(actor=maker, race_uid=race.uid)
    with pytest.raises(NotFound):
        publicise(actor=world.vendor(), race_uid=race.uid)
    soon = site_clock.now() + timedelta(seconds=1)
    refusal(
        Invalid,
        "publicity.short",
        lambda: publicise(actor=world.officer(), race_uid=race.uid, ends_at=soon),
    )
    notice = publicise(actor=world.officer(), race_uid=race.uid)
    least = race.scenario.profile.count("publicity_min")
    assert notice.ends_at - notice.starts_at == timedelta(seconds=least)
    body = json.loads(bytes(notice.body))
    assert hashlib.sha256(bytes(notice.body)).hexdigest() == notice.sha256
    assert [row["place"] for row in body["shortlist"]] == [1, 2]
    assert not any(f"R{n}" in json.dumps(body["shortlist"]) for n in (1, 2))
    assert Race.objects.visible_to(VISITOR).count() == 1
    assert kinds()[-1] == ("race.shortlist_publicised", "public")
    again = lambda: publicise(actor=world.officer(), race_uid=race.uid)  # noqa: E731
    refusal(StateConflict, "shortlist.publicised", again)


# -- Agreements --------------------------------------------------------------------------------------
def test_agreements_come_after_the_notice_and_say_what_was_designed(clock):
    race = steps.publicised(2)
    offer = lambda: actions.offer_agreements(actor=world.officer(), race_uid=race.uid)  # noqa: E731
    clock.freeze(race.notice.ends_at - timedelta(microseconds=1))
    refusal(TooEarly, "publicity.running", offer)
    clock.freeze(race.notice.ends_at)
    with pytest.raises(NotAllowed):
        actions.offer_agreements(actor=world.member(race.scenario.organisation), race_uid=race.uid)
    offer()
    refusal(StateConflict, "race.state", offer)
    race.refresh_from_db()
    first, second = RaceAgreement.objects.order_by("entrant__place")
    assert (race.state, first.version, second.state) == ("agreeing", 1, "offered")
    body = json.loads(bytes(first.body))
    assert body["design_sha256"] == race.design.sha256
    assert body["vendor"]["name"] == first.entrant.organisation.name
    words = "\n".join(line for article in body["articles"] for line in article["lines"])
    assert "第1轮初赛：资助人民币100,000.00元。" in words
    assert "返还或销毁" in words


def test_both_parties_accept_the_text_that_they_read(clock):
    race = steps.agreeing(clock, 2)
    row, vendor = steps.agreement_of(race, 1), steps.vendor_of(race, 1)
    accept = actions.accept_agreement
    with pytest.raises(NotFound):
        accept(actor=steps.vendor_of(race, 2), agreement_uid=row.uid, sha256=row.sha256)
    clerk = world.member(vendor.organisation, Role.EDITOR)
    for actor in (clerk, world.officer()):
        with pytest.raises(NotAllowed):
            accept(actor=actor, agreement_uid=row.uid, sha256=row.sha256)
    other = lambda: accept(actor=vendor, agreement_uid=row.uid, sha256="0" * 64)  # noqa: E731
    refusal(Invalid, "agreement.text", other)
    steps.accept(race, 1, "vendor")
    refusal(StateConflict, "agreement.accepted", lambda: steps.accept(race, 1, "vendor"))
    row.refresh_from_db()
    assert (row.state, row.entrant.agreed_at) == ("offered", None)
    steps.accept(race, 1, "owner")
    row = steps.agreement_of(race, 1)
    assert (row.state, row.entrant.agreed_at) == ("agreed", row.settled_at)
    assert [kind for kind, _audience in kinds()][-2:] == ["race.agreement_accepted"] * 2
    refusal(StateConflict, "agreement.settled", lambda: steps.accept(race, 1, "owner"))
    clock.freeze(race.agree_by)
    with pytest.raises(DeadlinePassed):
        steps.accept(race, 2, "vendor")


def test_a_vendor_may_decline_and_nobody_moves_up(clock):
    race = steps.agreeing(clock, 3)
    row = steps.agreement_of(race, 2)
    decline = actions.decline_agreement
    with pytest.raises(NotAllowed):
        decline(actor=world.member(race.scenario.organisation), agreement_uid=row.uid, reason="x")
    vendor = steps.vendor_of(race, 2)
    empty = lambda: decline(actor=vendor, agreement_uid=row.uid, reason=" ")  # noqa: E731
    refusal(Invalid, "agreement.reason", empty)
    decline(actor=vendor, agreement_uid=row.uid, reason="产能不足")
    row.refresh_from_db()
    assert (row.state, row.entrant.state) == ("declined", EntrantState.LEFT)
    assert race.entrants.count() == 3


# -- The start ---------------------------------------------------------------------------------------
def test_all_agreed_starts_the_race(clock):
    race = steps.agreeing(clock, 2)
    start = lambda: actions.start_race(actor=world.officer(), race_uid=race.uid)  # noqa: E731
    steps.accept(race, 1)
    refusal(TooEarly, "race.agreeing", start)
    steps.accept(race, 2)
    at = site_clock.now()
    clock.freeze(at)
    with pytest.raises(NotAllowed):
        actions.start_race(actor=world.secretary(), race_uid=race.uid)
    start()
    race.refresh_from_db()
    first, second = race.heats.order_by("number")
    assert (race.state, race.started_at) == (RaceState.RACING, at)
    # Files are measured in it, so that it waits for its course.
    assert (first.state, first.starts_at, first.ends_at) == ("planned", at, at + 14 * DEMO_DAY)
    assert (second.state, second.starts_at) == ("planned", first.ends_at + 3 * DEMO_DAY)
    entries = HeatEntry.objects.filter(heat=first)
    assert {row.entrant.state for row in entries} == {EntrantState.RACING}
    assert [row.grant_cny for row in entries] == [Decimal(100_000)] * 2
    [event] = Event.objects.filter(kind="race.started")
    assert (event.audience, event.data["entrants"]) == ("public", ["R1", "R2"])
    refusal(StateConflict, "race.state", start)


def test_whoever_has_not_agreed_in_time_is_out(clock):
    race = steps.agreeing(clock, 3)
    steps.accept(race, 1)
    steps.accept(race, 3)
    steps.accept(race, 2, "vendor")
    clock.freeze(race.agree_by)
    actions.start_race(actor=world.officer(), race_uid=race.uid)
    states = dict(Entrant.objects.filter(race=race).values_list("place", "state"))
    assert states == {1: "racing", 2: "left", 3: "racing"}
    assert steps.agreement_of(race, 2).state == "lapsed"


def test_a_guard_keeps_the_heat_closed(clock):
    race = steps.agreeing(clock, 2)
    steps.accept(race, 1)
    steps.accept(race, 2)
    START_GUARDS.append(lambda _race: [Fault("heats-0-truth", "truth.missing", "Missing.")])
    try:
        told = refusal(
            Invalid,
            "race.not_ready",
            lambda: actions.start_race(actor=world.officer(), race_uid=race.uid),
        )
    finally:
        START_GUARDS.pop()
    assert set(told.errors) == {"heats-0-truth"}
    assert not race.heats.exists()


def test_days_of_a_heat_are_beijing_days():
    profile = world.profile("A")
    at = site_clock.now()
    ends = heat_until(profile, 14, at)
    day = at.astimezone(site_clock.SHANGHAI).date() + timedelta(days=15)
    assert ends == site_clock.day_starts_at(day)


# -- Fewer than two ----------------------------------------------------------------------------------
def test_fewer_than_two_left_goes_back_to_choosing_one(clock):
    race = steps.agreeing(clock, 3)
    scenario = race.scenario
    end = lambda: actions.end_entry(actor=world.officer(), race_uid=race.uid)  # noqa: E731
    refusal(StateConflict, "race.enough", end)
    for place in (2, 3):
        actions.decline_agreement(
            actor=steps.vendor_of(race, place),
            agreement_uid=steps.agreement_of(race, place).uid,
            reason="产能不足",
        )
    best = Bid.objects.get(scenario=scenario, ranking__place=1)
    choose = lambda: awards.choose_winner(  # noqa: E731
        actor=world.member(scenario.organisation), scenario_uid=scenario.uid, bid_uid=best.uid
    )
    refusal(StateConflict, "race.not_over", choose)
    with pytest.raises(NotAllowed):
        actions.end_entry(actor=world.member(scenario.organisation), race_uid=race.uid)
    end()
    race.refresh_from_db()
    assert (race.state, race.void_reason) == (RaceState.VOID, "too_few")
    assert kinds()[-1] == ("race.voided", "public")
    assert choose().bid == best


def test_an_entry_that_nobody_accepts_may_fail_the_listing(clock):
    race = steps.agreeing(clock, 2)
    scenario = race.scenario
    owner = world.member(scenario.organisation)
    nobody = lambda: awards.choose_nobody(  # noqa: E731
        actor=owner,
        scenario_uid=scenario.uid,
        reason="入围单位均未签署赛马协议，本次赛马不能开展。",
    )
    clock.freeze(race.agree_by)
    refusal(
        StateConflict,
        "race.too_few",
        lambda: actions.start_race(actor=world.officer(), race_uid=race.uid),
    )
    refusal(StateConflict, "race.not_over", nobody)
    actions.end_entry(actor=world.officer(), race_uid=race.uid)
    assert {row.state for row in RaceAgreement.objects.all()} == {"lapsed"}
    assert nobody().state == State.FAILED


# -- The award waits ---------------------------------------------------------------------------------
def test_the_award_waits_for_the_race_and_then_follows_it():
    scenario = steps.to_be_decided(2)
    owner = world.member(scenario.organisation)
    second = Bid.objects.get(scenario=scenario, ranking__place=2)
    first = Bid.objects.get(scenario=scenario, ranking__place=1)
    choose = lambda bid: awards.choose_winner(  # noqa: E731
        actor=owner, scenario_uid=scenario.uid, bid_uid=bid.uid
    )
    refusal(StateConflict, "race.not_over", lambda: choose(first))
    race = shortlist(scenario)
    now = site_clock.now()
    for bid, state in [(second, "winner"), (first, "reserve")]:
        Entrant.objects.filter(bid=bid).update(state=state, agreed_at=now)
    Race.objects.filter(pk=race.pk).update(state="decided", started_at=now, ended_at=now)
    assert [row.bid for row in standing_candidates(scenario)] == [second, first]
    with pytest.raises(Invalid):
        choose(first)  # another than the first only with reasons
    assert choose(second).bid == second
    assert Decision.objects.count() == 1


def test_one_candidate_is_decided_as_ever():
    scenario = steps.to_be_decided(1)
    best = Bid.objects.get(scenario=scenario)
    owner = world.member(scenario.organisation)
    decision = awards.choose_winner(actor=owner, scenario_uid=scenario.uid, bid_uid=best.uid)
    assert decision.bid == best


def test_a_void_race_awards_nobody():
    scenario = steps.to_be_decided(2)
    race = shortlist(scenario)
    now = site_clock.now()
    Race.objects.filter(pk=race.pk).update(state="void", ended_at=now, void_reason="nobody_passed")
    best = Bid.objects.get(scenario=scenario, ranking__place=1)
    refusal(
        DomainError,
        "race.void",
        lambda: awards.choose_winner(
            actor=world.member(scenario.organisation), scenario_uid=scenario.uid, bid_uid=best.uid
        ),
    )
