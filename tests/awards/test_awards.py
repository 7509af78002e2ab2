import hashlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from marketplace.accounts.models import Membership
from marketplace.awards import actions, queries
from marketplace.awards.models import Award, Decision, DecisionState, Publicity
from marketplace.base.actor import OPENER, SYSTEM, VISITOR, Actor, Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict, TooEarly
from marketplace.bidding.models import Bid, BidState
from marketplace.ledger.models import Event
from marketplace.scenarios.models import AwardMode, State
from marketplace.scenarios.windows import CalendarMissing
from tests import world
from tests.awards.steps import choose, decided, minutes, owner_of, publicised
from tests.committee import factories

pytestmark = pytest.mark.django_db
WHY = "第二名的方案与现有系统衔接更好，改造量更小，工期更有把握。"


# -- Choosing ----------------------------------------------------------------------------------------
def test_the_owner_chooses_the_first_without_reasons():
    scenario = factories.reported(2)
    decision = choose(scenario, "B1")
    assert (decision.state, decision.bid.blind_code) == (DecisionState.PROPOSED, "B1")
    scenario.refresh_from_db()
    assert scenario.state == State.DECISION
    event = Event.objects.get(kind="award.decided")
    assert (event.audience, event.data) == ("office", {"place": 1, "mode": "owner_choice"})


def test_another_than_the_first_needs_twenty_characters_of_reasons():
    scenario = factories.reported(2)
    for reason in ("", " " * 40, "x" * 19):
        with pytest.raises(Invalid) as refused:
            choose(scenario, "B2", reason=reason)
        assert refused.value.code == "award.reason"
    decision = choose(scenario, "B2", reason=WHY)
    assert decision.reason == WHY
    event = Event.objects.get(kind="award.decided")
    assert WHY not in bytes(event.body).decode()
    assert len(event.reason_hash) == 64


def test_only_candidates_can_be_chosen():
    shares = {"B1": Decimal("0.9"), "B2": Decimal("0.2")}
    scenario = factories.reported(2, shares)
    with pytest.raises(Invalid) as refused:
        choose(scenario, "B2", reason=WHY)
    assert refused.value.code == "award.not_candidate"
    stranger = factories.reported(1).bids.get()
    with pytest.raises(NotFound):
        actions.choose_winner(
            actor=owner_of(scenario), scenario_uid=scenario.uid, bid_uid=stranger.uid
        )


def test_one_decision_at_a_time():
    scenario = factories.reported(2)
    choose(scenario, "B1")
    with pytest.raises(StateConflict) as refused:
        choose(scenario, "B2", reason=WHY)
    assert refused.value.code == "award.decided"


def test_not_before_the_report():
    scenario = factories.scenario_in_review(1)
    with pytest.raises(StateConflict):
        choose(scenario, "B1")


def test_each_mode_has_its_own_way():
    mine, collective = factories.reported(1), factories.reported(1, award_mode="collective")
    with pytest.raises(StateConflict) as refused:
        choose(collective, "B1")
    assert refused.value.code == "award.mode"
    with pytest.raises(StateConflict):
        minutes(mine, "B1")


# -- Minutes -----------------------------------------------------------------------------------------
def test_minutes_need_their_number_and_the_first():
    scenario = factories.reported(2, award_mode=AwardMode.COLLECTIVE)
    with pytest.raises(Invalid) as refused:
        minutes(scenario, "B1", number=" ")
    assert refused.value.code == "award.minutes"
    with pytest.raises(Invalid) as refused:
        minutes(scenario, "B2")
    assert refused.value.code == "award.not_first"
    assert minutes(scenario, "B1").minutes_number == "纪〔2026〕3号"


def test_a_collective_decision_without_minutes_is_not_publicised():
    scenario = factories.reported(1, award_mode=AwardMode.COLLECTIVE)
    decision = minutes(scenario, "B1")
    Decision.objects.update(minutes_number="")
    with pytest.raises(Invalid) as refused:
        actions.publicise(actor=world.officer(), decision_uid=decision.uid)
    assert refused.value.code == "award.minutes"


# -- Publicity ---------------------------------------------------------------------------------------
def test_the_notice_says_what_it_must_and_is_frozen():
    decision = decided(2)
    publicity = actions.publicise(actor=world.officer(), decision_uid=decision.uid)
    body = json.loads(bytes(publicity.body))
    scenario, bid = decision.scenario, decision.bid
    assert body["project"] == {
        "ref": scenario.ref,
        "title": scenario.title,
        "title_en": scenario.title_en,
    }
    assert body["owner"]["name"] == scenario.organisation.name
    assert body["candidate"]["name"] == bid.organisation.name
    assert body["leader"] == f"{bid.organisation.name}负责人"
    assert (body["place"], body["score"], body["amount_cny"]) == (1, "91.00", "800000.00")
    assert "实名" in body["objection"]["requirements"]
    assert "书面" in body["objection"]["requirements"]
    assert set(body) >= {"consortium", "mode", "starts_at", "ends_at", "supervision"}
    assert hashlib.sha256(bytes(publicity.body)).hexdigest() == publicity.sha256
    scenario.refresh_from_db()
    assert scenario.state == State.PUBLICITY
    event = Event.objects.get(kind="award.publicised")
    assert (event.audience, event.subjects[-1]) == ("public", scenario.uid)
    assert (event.from_state, event.to_state) == (State.DECISION, State.PUBLICITY)
    with pytest.raises(DatabaseError), transaction.atomic():
        Publicity.objects.update(sha256="0" * 64)


def test_who_decided_does_not_publish():
    officer = world.officer()
    scenario = factories.reported(1, award_mode=AwardMode.COLLECTIVE)
    decision = minutes(scenario, "B1", actor=officer)
    with pytest.raises(NotAllowed):
        actions.publicise(actor=officer, decision_uid=decision.uid)
    other = world.officer()
    actions.publicise(actor=other, decision_uid=decision.uid)
    with pytest.raises(StateConflict):
        actions.publicise(actor=other, decision_uid=decision.uid)


def test_the_window_follows_the_profile(clock):
    clock.freeze(datetime(2026, 11, 20, 2, 0, tzinfo=UTC))  # a Friday, 10:00 in Shanghai
    ends = {}
    for code, mode in [("A", "owner_choice"), ("B", "collective"), ("D", "owner_choice")]:
        decision = decided(1, profile=world.profile(code), award_mode=mode, judges=5)
        publicity = actions.publicise(actor=world.officer(), decision_uid=decision.uid)
        ends[code] = publicity.ends_at
    start = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
    seconds = world.profile("D").count("publicity_min")
    assert ends == {
        "A": datetime(2026, 11, 23, 16, 0, tzinfo=UTC),
        "B": datetime(2026, 11, 27, 16, 0, tzinfo=UTC),
        "D": start + timedelta(seconds=seconds),
    }


def test_a_longer_window_is_allowed_a_shorter_one_is_not(clock):
    clock.freeze(datetime(2026, 11, 20, 2, 0, tzinfo=UTC))
    decision = decided(1, profile=world.profile("A"))
    least = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    with pytest.raises(Invalid) as refused:
        actions.publicise(
            actor=world.officer(),
            decision_uid=decision.uid,
            ends_at=least - timedelta(microseconds=1),
        )
    assert refused.value.code == "publicity.short"
    later = least + timedelta(days=2)
    publicity = actions.publicise(actor=world.officer(), decision_uid=decision.uid, ends_at=later)
    assert publicity.ends_at == later


def test_a_year_without_its_calendar_publishes_nothing(clock):
    clock.freeze(datetime(2031, 3, 3, tzinfo=UTC))
    decision = decided(1, profile=world.profile("B"), award_mode="collective", judges=5)
    with pytest.raises(CalendarMissing), transaction.atomic():
        actions.publicise(actor=world.officer(), decision_uid=decision.uid)
    decision.refresh_from_db()
    assert decision.state == DecisionState.PROPOSED


# -- Confirming --------------------------------------------------------------------------------------
def test_confirmed_at_the_end_of_the_window_and_not_before(clock):
    decision = publicised(2)
    ends_at, officer = decision.publicity.ends_at, world.officer()
    clock.freeze(ends_at - timedelta(microseconds=1))
    with pytest.raises(TooEarly) as refused:
        actions.confirm_award(actor=officer, decision_uid=decision.uid)
    assert refused.value.code == "publicity.running"
    clock.freeze(ends_at)
    award = actions.confirm_award(actor=officer, decision_uid=decision.uid)
    assert award.amount_cny == Decimal("800000.00")
    scenario = award.scenario
    scenario.refresh_from_db()
    assert scenario.state == State.AWARDED
    assert dict(scenario.bids.values_list("blind_code", "state")) == {
        "B1": BidState.WON,
        "B2": BidState.LOST,
    }
    event = Event.objects.get(kind="award.confirmed")
    assert (event.audience, event.subjects[-1]) == ("public", scenario.uid)
    with pytest.raises(StateConflict):
        actions.confirm_award(actor=officer, decision_uid=decision.uid)


def test_not_confirmed_before_publicity_or_while_suspended(clock):
    decision = decided(1)
    with pytest.raises(StateConflict):
        actions.confirm_award(actor=world.officer(), decision_uid=decision.uid)
    actions.publicise(actor=world.officer(), decision_uid=decision.uid)
    clock.freeze(decision.publicity.ends_at)
    type(decision.scenario).objects.update(suspended=True)
    with pytest.raises(StateConflict) as refused:
        actions.confirm_award(actor=world.officer(), decision_uid=decision.uid)
    assert refused.value.code == "scenario.suspended"


# -- Refusing ----------------------------------------------------------------------------------------
def test_a_refusal_gives_the_next_one_the_turn():
    decision = publicised(2)
    scenario, winner = decision.scenario, world.member(decision.bid.organisation)
    with pytest.raises(Invalid):
        actions.refuse_award(actor=winner, decision_uid=decision.uid, reason=" ")
    refused = actions.refuse_award(actor=winner, decision_uid=decision.uid, reason="产能不足")
    assert (refused.state, refused.refusal_reason) == (DecisionState.REFUSED, "产能不足")
    scenario.refresh_from_db()
    assert scenario.state == State.DECISION
    # B2 is the first of those left, so it needs no reasons now.
    again = choose(scenario, "B2")
    publicity = actions.publicise(actor=world.officer(), decision_uid=again.uid)
    assert [row.pk for row in queries.notices(scenario)] == [
        publicity.pk,
        decision.publicity.pk,
    ]
    with pytest.raises(StateConflict):
        actions.refuse_award(actor=winner, decision_uid=decision.uid, reason="再次")


def test_a_refusal_with_nobody_left_fails_the_scenario():
    decision = publicised(1)
    winner = world.member(decision.bid.organisation)
    actions.refuse_award(actor=winner, decision_uid=decision.uid, reason="产能不足")
    scenario = decision.scenario
    scenario.refresh_from_db()
    assert (scenario.state, scenario.failure) == (State.FAILED, "refused")


def test_only_the_winner_refuses():
    decision = publicised(2)
    other = Bid.objects.get(scenario=decision.scenario, blind_code="B2")
    for actor in (world.member(other.organisation), world.officer(), owner_of(decision.scenario)):
        with pytest.raises(NotAllowed):
            actions.refuse_award(actor=actor, decision_uid=decision.uid, reason="x")
    editor = world.member(decision.bid.organisation, Role.EDITOR)
    with pytest.raises(NotAllowed):
        actions.refuse_award(actor=editor, decision_uid=decision.uid, reason="x")


def test_before_publicity_the_winner_knows_nothing_to_refuse():
    decision = decided(1)
    with pytest.raises(NotFound):
        actions.refuse_award(
            actor=world.member(decision.bid.organisation), decision_uid=decision.uid, reason="x"
        )


# -- Each bidder's own result ------------------------------------------------------------------------
def own(scenario, code):
    bid = Bid.objects.get(scenario=scenario, blind_code=code)
    return queries.own_result(world.member(bid.organisation), bid)


def test_a_result_is_told_from_publicity_on():
    decision = decided(2)
    for code in ("B1", "B2"):
        with pytest.raises(NotFound):
            own(decision.scenario, code)
    actions.publicise(actor=world.officer(), decision_uid=decision.uid)
    first, second = own(decision.scenario, "B1"), own(decision.scenario, "B2")
    assert (first.place, first.total) == (1, Decimal("91.00"))
    assert first.reasons == [
        "Place 1 of 2 scored bids.",
        "Proposed for the award; it is in publicity.",
    ]
    assert second.reasons == [
        "Place 2 of 2 scored bids.",
        "Recommended by the panel; another candidate was chosen.",
    ]


def test_nobody_reads_anothers_result():
    decision = publicised(2)
    for actor in (world.member(decision.scenario.organisation), world.vendor(), VISITOR):
        with pytest.raises(NotFound):
            queries.own_result(actor, decision.bid)


def test_those_below_the_line_and_over_the_budget_read_why():
    scenario = factories.scenario_in_review(3)
    shares = {"B1": Decimal("0.9"), "B2": Decimal("0.3"), "B3": Decimal("0.9")}
    factories.scored(scenario, shares)
    factories.open_prices(scenario, {"B1": "900000", "B2": "900000", "B3": "1000001"})
    factories.finish(scenario)
    actions.publicise(actor=world.officer(), decision_uid=choose(scenario, "B1").uid)
    assert own(scenario, "B2").reasons == ["The total is below the pass line of 60.00 %."]
    assert own(scenario, "B3").reasons == ["The price is above the challenge budget."]


def test_a_failed_review_is_told_as_well():
    scenario = factories.reported(1, {"B1": Decimal("0.2")})
    assert scenario.state == State.FAILED
    assert own(scenario, "B1").place is None


# -- Who sees a decision -----------------------------------------------------------------------------
def test_a_decision_is_public_from_publicity_on():
    decision = decided(1)
    strangers = [VISITOR, world.vendor(), world.member(decision.bid.organisation), SYSTEM, OPENER]
    insiders = [world.officer(), world.secretary(), owner_of(decision.scenario)]
    seen = Decision.objects.visible_to
    assert [seen(actor).exists() for actor in [*strangers, *insiders]] == [False] * 5 + [True] * 3
    actions.publicise(actor=world.officer(), decision_uid=decision.uid)
    assert [seen(actor).exists() for actor in [*strangers, *insiders]] == [True] * 8


def test_a_panel_member_never_confirms(clock):
    decision = publicised(1)
    clock.freeze(decision.publicity.ends_at)
    judge = decision.scenario.panel.members.first().user
    Membership.objects.create(user=judge, organisation=world.office(), role=Role.OFFICER)
    with pytest.raises(NotAllowed):
        actions.confirm_award(
            actor=Actor(Role.OFFICER, judge, world.office()), decision_uid=decision.uid
        )
    assert not Award.objects.exists()


@pytest.mark.parametrize("mode", [AwardMode.OWNER_CHOICE, AwardMode.COLLECTIVE])
def test_nobody_may_be_chosen_with_reasons(mode):
    scenario = factories.reported(2, award_mode=mode)
    chooser = owner_of(scenario) if mode == AwardMode.OWNER_CHOICE else world.officer()
    with pytest.raises(Invalid) as short:
        actions.choose_nobody(actor=chooser, scenario_uid=scenario.uid, reason="不合适")
    assert list(short.value.errors) == ["reason"]
    reason = "各候选方案的承诺值均不能满足投产安全要求，且费用超出本年度预算安排。"
    actions.choose_nobody(actor=chooser, scenario_uid=scenario.uid, reason=reason)
    scenario.refresh_from_db()
    assert (scenario.state, scenario.failure) == ("failed", "none_chosen")
    assert set(scenario.bids.values_list("state", flat=True)) == {"lost"}
    assert scenario.notes.get(to_state="failed").text == reason
    event = Event.objects.get(kind="scenario.failed")
    assert event.data["failure"] == "none_chosen"
    assert reason not in bytes(event.body).decode()


def test_who_may_choose_nobody_and_when():
    scenario = factories.reported(1)
    given = {"scenario_uid": scenario.uid, "reason": "理由" * 10}
    for stranger in (world.officer(), world.owner(), world.member(scenario.organisation, "editor")):
        with pytest.raises(NotAllowed):
            actions.choose_nobody(actor=stranger, **given)
    owner = owner_of(scenario)
    choose(scenario, "B1", actor=owner)
    with pytest.raises(StateConflict) as decided_already:
        actions.choose_nobody(actor=owner, **given)
    assert decided_already.value.code == "award.decided"
