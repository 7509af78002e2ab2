"""Who bids together: found at the opening, nobody in two bids of one demand."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import Error, connection
from django.test.utils import CaptureQueriesContext

from marketplace.bidding.consortia.models import ConsortiumMember
from marketplace.bidding.consortia.opening import settle_consortia
from marketplace.bidding.consortia.queries import members_of, standing_members, taking_part
from marketplace.bidding.models import Bid, BidState, OpenedEnvelope
from marketplace.files import storage
from marketplace.ledger.models import Event
from marketplace.scenarios.models import ScenarioNote, State
from tests import world
from tests.bidding import bids
from tests.committee.factories import opened_bid

pytestmark = pytest.mark.django_db


def outside(name="外部单位"):
    return SimpleNamespace(name=name, uscc=world.make_uscc())


def states(made):
    return [Bid.objects.get(pk=bid.pk).state for bid in made]


def together(scenario, lead, *members):
    return bids.bid_with(scenario, lead, *map(bids.member, members)).bid


def test_the_opening_writes_down_who_bids_together(clock):
    scenario = world.published_scenario(**bids.CONSORTIA)
    lead, other = world.vendor(), outside()
    bid = together(scenario, lead, other)
    alone = bids.bid(scenario).bid
    assert ConsortiumMember.objects.count() == 0
    bids.open_first(scenario, clock)
    rows = standing_members([bid, alone])
    assert list(rows) == [bid.pk]
    assert [
        (row.generation, row.lead, row.name, row.uscc, row.work, row.share_percent)
        for row in rows[bid.pk]
    ] == [
        (0, True, lead.organisation.name, lead.organisation.uscc, "总体方案与集成", Decimal(90)),
        (0, False, other.name, other.uscc, "部件供货", Decimal(10)),
    ]
    assert taking_part([bid, alone]) == {bid.pk: {other.uscc: other.name}, alone.pk: {}}
    assert states([bid, alone]) == [BidState.OPENED, BidState.OPENED]
    with pytest.raises(Error, match="permission denied"):
        ConsortiumMember.objects.update(share_percent=1)


def test_a_member_that_bids_itself_makes_both_void(clock):
    scenario = world.published_scenario(**bids.CONSORTIA)
    member = world.vendor()
    made = [
        together(scenario, world.vendor(), member.organisation),
        bids.bid(scenario, member).bid,
        bids.bid(scenario).bid,
    ]
    bids.open_first(scenario, clock)
    assert states(made) == [BidState.VOID, BidState.VOID, BidState.OPENED]
    one, other, third = (Bid.objects.get(pk=bid.pk) for bid in made)
    assert member.organisation.name in one.void_reason
    assert one.organisation.name in other.void_reason
    assert [bid.blind_code for bid in (one, other, third)] == ["", "", "B01"]
    assert scenario.state == State.OPENED
    events = Event.objects.filter(kind="bid.voided").order_by("pk")
    assert [(e.audience, e.from_state, e.to_state, e.subjects[1]) for e in events] == [
        ("parties", "opened", "void", one.uid),
        ("parties", "opened", "void", other.uid),
    ]
    assert all(event.reason_hash for event in events)
    assert one.void_reason not in bytes(events[0].body).decode()
    # Before blind codes were given and the opening was said to be finished.
    finished = Event.objects.get(kind="opening.finished", data__stage="first")
    assert max(event.pk for event in events) < finished.pk


def test_a_member_of_two_consortia_fails_a_listing_without_others(clock):
    scenario = world.published_scenario(**bids.CONSORTIA)
    shared = outside()
    made = [together(scenario, world.vendor(), shared) for _ in range(2)]
    bids.open_first(scenario, clock)
    assert states(made) == [BidState.VOID, BidState.VOID]
    assert shared.name in Bid.objects.get(pk=made[0].pk).void_reason
    assert (scenario.state, scenario.failure) == (State.FAILED, "too_few_bids")
    assert ScenarioNote.objects.count() == 1
    event = Event.objects.get(kind="scenario.failed")
    assert (event.audience, event.from_state) == ("public", "opened")
    assert event.data == {"ref": scenario.ref, "failure": "too_few_bids"}


@pytest.mark.parametrize(("others", "state"), [(2, State.FAILED), (3, State.OPENED)])
def test_void_bids_do_not_count_toward_the_least_number(clock, others, state):
    scenario = world.published_scenario(profile=world.profile("B"), **bids.CONSORTIA)
    shared = outside()
    for _ in range(2):
        together(scenario, world.vendor(), shared)
    for _ in range(others):
        bids.bid(scenario)
    bids.open_first(scenario, clock)
    assert scenario.state == state


def test_a_bid_that_could_not_be_opened_took_part_as_well(clock):
    scenario = world.published_scenario(**bids.CONSORTIA)
    member = world.vendor()
    made = [
        together(scenario, world.vendor(), member.organisation),
        bids.bid(scenario, member).bid,
    ]
    sealed = made[1].versions.get().envelopes.get(envelope="business")
    storage.path_of(sealed.stored_name).write_bytes(b"damaged")
    bids.open_first(scenario, clock)
    assert states(made) == [BidState.VOID, BidState.UNOPENED]
    assert scenario.state == State.OPENED


def test_settling_asks_no_more_for_more_bids(clock):
    counts = []
    for number in (1, 30):
        scenario = world.published_scenario(**bids.CONSORTIA)
        for place in range(number):
            form = bids.forms(**bids.consortium(bids.member(outside())))["business"]
            opened_bid(scenario, code=f"B{place:02d}", state="opened", files=0, business=form)
        with CaptureQueriesContext(connection) as captured:
            settle_consortia(scenario)
        counts.append(len(captured))
        assert ConsortiumMember.objects.filter(bid__scenario=scenario).count() == 2 * number
    assert counts[0] == counts[1]


def test_members_learn_nothing_of_the_bid(clock):
    scenario = world.published_scenario(**bids.CONSORTIA)
    lead, member = world.vendor(), world.vendor()
    bid = together(scenario, lead, member.organisation)
    bids.open_first(scenario, clock)
    people = world.member(member.organisation)
    assert Bid.objects.visible_to(people).count() == 0
    assert OpenedEnvelope.objects.visible_to(people).count() == 0
    assert members_of(people, bid) == []
    seen = [members_of(actor, bid) for actor in (lead, world.officer(), world.secretary())]
    assert [len(rows) for rows in seen] == [2, 2, 2]
    # The owner reads names and shares when it reads the rest of the envelope.
    assert members_of(world.member(scenario.organisation), bid) == []
    assert members_of(world.person("expert"), bid) == []
