"""资格审查: verdicts, related bids, and what becomes of the scenario."""

import pytest

from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.bidding.actions import (
    check_condition,
    conclude_eligibility,
    start_eligibility,
)
from marketplace.bidding.models import Bid, BidState, EligibilityCheck
from marketplace.bidding.queries import eligibility_matrix, standing_verdicts
from marketplace.ledger.models import Event
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.bidding import bids

pytestmark = pytest.mark.django_db


def opened(site_clock, *vendors, **fields):
    """A scenario in its eligibility check, with a bid of each vendor, and the secretary."""
    scenario = world.published_scenario(**fields)
    made = [
        bids.bid(scenario, vendor, **changes).bid
        for vendor, changes in (v if isinstance(v, tuple) else (v, {}) for v in vendors)
    ]
    bids.open_first(scenario, site_clock)
    secretary = world.secretary()
    start_eligibility(actor=secretary, scenario_uid=scenario.uid)
    return scenario, made, secretary


def judge(secretary, bid, verdict="pass", code="", reason=""):
    for condition in [code] if code else ["Q1", "Q2"]:
        check_condition(
            actor=secretary,
            bid_uid=bid.uid,
            condition_code=condition,
            verdict=verdict,
            reason=reason,
        )


def state(bid):
    bid.refresh_from_db()
    return bid.state


def test_passed_and_failed(clock):
    scenario, (good, bad), secretary = opened(clock, world.vendor(), world.vendor())
    judge(secretary, good)
    judge(secretary, bad, code="Q1")
    judge(secretary, bad, "fail", "Q2", "没有保密承诺。")
    result = conclude_eligibility(actor=secretary, scenario_uid=scenario.uid)
    assert (state(good), state(bad)) == (BidState.ELIGIBLE, BidState.INELIGIBLE)
    assert result.state == State.REVIEW
    kinds = set(Event.objects.values_list("kind", flat=True))
    assert {"bid.qualified", "bid.disqualified", "eligibility.concluded"} <= kinds
    told = Event.objects.filter(kind="condition.checked").order_by("-pk")[0]
    assert told.data == {"condition": "Q2", "verdict": "fail"}
    assert told.reason_hash != ""
    assert "没有保密承诺" not in bytes(told.body).decode()


def test_the_last_verdict_stands_and_the_first_is_kept(clock):
    scenario, (bid,), secretary = opened(clock, world.vendor())
    judge(secretary, bid, "fail", "Q1", "证照过期")
    judge(secretary, bid)
    condition = scenario.conditions.get(code="Q1")
    assert standing_verdicts([bid])[bid.pk, condition.pk].verdict == "pass"
    assert EligibilityCheck.objects.filter(condition=condition).count() == 2
    conclude_eligibility(actor=secretary, scenario_uid=scenario.uid)
    assert state(bid) == BidState.ELIGIBLE


def test_every_verdict_is_needed(clock):
    scenario, (bid,), secretary = opened(clock, world.vendor())
    judge(secretary, bid, code="Q1")
    with pytest.raises(StateConflict) as refused:
        conclude_eligibility(actor=secretary, scenario_uid=scenario.uid)
    assert (refused.value.code, refused.value.params) == ("eligibility.incomplete", {"missing": 1})
    assert state(bid) == BidState.OPENED


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"condition_code": "Q9", "verdict": "pass"}, "condition_code"),
        ({"condition_code": "Q1", "verdict": "maybe"}, "verdict"),
        ({"condition_code": "Q1", "verdict": "fail"}, "reason"),
        ({"condition_code": "Q1", "verdict": "fail", "reason": "  "}, "reason"),
        ({"condition_code": "Q1", "verdict": "pass", "reason": "x" * 2001}, "reason"),
    ],
)
def test_wrong_verdicts(clock, given, field):
    _scenario, (bid,), secretary = opened(clock, world.vendor())
    with pytest.raises(Invalid) as refused:
        check_condition(actor=secretary, bid_uid=bid.uid, **given)
    assert list(refused.value.errors) == [field]


def test_who_and_when(clock):
    scenario = world.published_scenario()
    bid = bids.bid(scenario).bid
    bidder = world.member(bid.organisation)
    secretary = world.secretary()
    given = {"bid_uid": bid.uid, "condition_code": "Q1", "verdict": "pass"}
    with pytest.raises(NotFound):
        check_condition(actor=secretary, **given)
    with pytest.raises(StateConflict):
        start_eligibility(actor=secretary, scenario_uid=scenario.uid)
    bids.open_first(scenario, clock)
    with pytest.raises(StateConflict):
        check_condition(actor=secretary, **given)
    with pytest.raises(StateConflict):
        conclude_eligibility(actor=secretary, scenario_uid=scenario.uid)
    for other in (world.officer(), bidder, world.member(scenario.organisation)):
        with pytest.raises(NotAllowed):
            start_eligibility(actor=other, scenario_uid=scenario.uid)
    start_eligibility(actor=secretary, scenario_uid=scenario.uid)
    with pytest.raises(NotAllowed):
        check_condition(actor=bidder, **given)
    with pytest.raises(NotAllowed):
        conclude_eligibility(actor=world.officer(), scenario_uid=scenario.uid)
    Scenario.objects.update(suspended=True)
    with pytest.raises(StateConflict):
        check_condition(actor=secretary, **given)


def test_bids_under_one_control_are_void(clock):
    one, other, third = world.vendor(), world.vendor(), world.vendor()
    for vendor in (one, other):
        world.control(vendor.organisation, "holding-1")
    scenario, made, secretary = opened(clock, one, other, third)
    for bid in made:
        judge(secretary, bid)
    conclude_eligibility(actor=secretary, scenario_uid=scenario.uid)
    assert [state(bid) for bid in made] == [BidState.VOID, BidState.VOID, BidState.ELIGIBLE]
    assert other.organisation.name in made[0].void_reason
    assert one.organisation.name in made[1].void_reason
    event = Event.objects.filter(kind="bid.voided").order_by("pk")[0]
    assert (event.from_state, event.to_state) == ("opened", "void")
    assert event.reason_hash != ""


def partner(actor):
    changes = bids.consortium(bids.member(actor.organisation))
    return {"files": {"business": [bids.AGREEMENT]}, **changes}


def test_a_member_under_the_control_of_a_rival_makes_both_void(clock):
    lead, member, rival = world.vendor(), world.vendor(), world.vendor()
    world.control(member.organisation, rival.organisation.uscc)
    scenario, made, secretary = opened(clock, (lead, partner(member)), rival, **bids.CONSORTIA)
    for bid in made:
        judge(secretary, bid)
    conclude_eligibility(actor=secretary, scenario_uid=scenario.uid)
    assert [state(bid) for bid in made] == [BidState.VOID, BidState.VOID]


def test_void_bids_do_not_count_toward_the_least_number(clock):
    one, other, third = world.vendor(), world.vendor(), world.vendor()
    for vendor in (one, other):
        world.control(vendor.organisation, "holding-1")
    scenario, made, secretary = opened(clock, one, other, third, profile=world.profile("B"))
    for bid in made:
        judge(secretary, bid)
    result = conclude_eligibility(actor=secretary, scenario_uid=scenario.uid)
    assert [state(bid) for bid in made] == [BidState.VOID, BidState.VOID, BidState.ELIGIBLE]
    assert (result.state, result.failure) == (State.FAILED, "too_few_bids")
    kinds = list(Event.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds[-2:] == ["eligibility.concluded", "scenario.failed"]


def test_none_eligible_fails_the_listing(clock):
    scenario, (bid,), secretary = opened(clock, world.vendor())
    judge(secretary, bid, "fail", reason="不满足")
    result = conclude_eligibility(actor=secretary, scenario_uid=scenario.uid)
    assert (result.state, result.failure) == (State.FAILED, "none_eligible")
    public = Event.objects.get(kind="scenario.failed")
    assert public.data == {"ref": scenario.ref, "failure": "none_eligible"}


def test_the_matrix_for_the_office_and_for_the_owner(clock):
    scenario, (bid, _other), secretary = opened(clock, world.vendor(), world.vendor())
    judge(secretary, bid, code="Q1")
    rows = eligibility_matrix(secretary, scenario)
    assert [row.missing for row in rows] == [1, 2]
    assert [cell.statement for cell in rows[0].cells] == ["三个同类项目。", "承诺保密。"]
    owner = world.member(scenario.organisation)
    rows = eligibility_matrix(owner, scenario)
    assert [cell.statement for row in rows for cell in row.cells] == [""] * 4
    assert eligibility_matrix(world.vendor(), scenario) == []


@pytest.mark.parametrize("count", [1, 30])
def test_the_matrix_asks_the_same_for_one_and_for_thirty(clock, count_queries, count):
    scenario, _made, secretary = opened(clock, world.vendor())
    for number in range(count - 1):
        Bid.objects.create(
            scenario=scenario,
            organisation=world.vendor().organisation,
            state=BidState.OPENED,
            blind_code=f"B{number + 2:02d}",
        )
    with count_queries() as queries:
        assert len(eligibility_matrix(secretary, scenario)) == count
    assert len(queries) == 5
