"""Who may bid, withdraw, confirm, check."""

import pytest

from marketplace.accounts.actions import grant
from marketplace.accounts.models import Capability, PersonRole
from marketplace.base.actor import OPENER, SYSTEM, VISITOR, Actor, Role
from marketplace.bidding.failed.models import FailedOpening
from marketplace.bidding.models import Bid, Opening
from marketplace.bidding.rules import (
    can_bid,
    can_certify_return,
    can_check_eligibility,
    can_confirm_opening,
    can_decide_consortium_change,
    can_decide_failed_opening,
    can_declare_failed_opening,
    can_request_consortium_change,
    can_see_eligibility,
    can_withdraw_bid,
)
from tests import world
from tests.matrix import cells, rules_of

pytestmark = pytest.mark.django_db

# bidder, editor, viewer: of the vendor whose bid it is; rival: of another vendor; owner: of the
# demand; holder: appointed key holder.
WHO = (
    "visitor bidder editor viewer rival owner officer secretary holder"
    " expert evaluator witness complaints inspector operator system opener"
)
#                         vi bi ed vi ri ow of se ho ex ev wi co in op sy op
MATRIX = {
    can_bid: "             -  +  +  -  +  -  -  -  -  -  -  -  -  -  -  -  -",
    can_withdraw_bid: "    -  +  +  -  -  -  -  -  -  -  -  -  -  -  -  -  -",
    can_confirm_opening: " -  -  -  -  -  -  -  -  +  -  -  -  -  -  -  -  -",
    can_declare_failed_opening: "- - - - - - + - - - - - - - - - -",
    can_decide_failed_opening: " - - - - - - + - - - - - - - - - -",
    can_check_eligibility: "- -  -  -  -  -  -  +  -  -  -  -  -  -  -  -  -",
    can_request_consortium_change: "- + + - - - - - - - - - - - - - -",
    can_decide_consortium_change: " - - - - - - + - - - - - - - - - -",
    can_certify_return: "  -  -  -  -  -  -  +  -  -  -  -  -  -  -  -  -  -",
    can_see_eligibility: " -  -  -  -  -  +  +  +  -  -  -  -  -  -  -  -  -",
}


OF_BIDS = {
    can_withdraw_bid,
    can_certify_return,
    can_request_consortium_change,
    can_decide_consortium_change,
}


def actor_called(who, bid):
    if who in {"visitor", "system", "opener"}:
        return {"visitor": VISITOR, "system": SYSTEM, "opener": OPENER}[who]
    if who in {"bidder", "editor", "viewer"}:
        return world.member(bid.organisation, Role.OWNER if who == "bidder" else Role(who))
    made = {
        "rival": world.vendor,
        "owner": lambda: world.member(bid.scenario.organisation),
        "officer": world.officer,
        "secretary": world.secretary,
        "holder": lambda: world.key_holder_actors(bid.scenario)[0],
    }
    return made[who]() if who in made else world.person(Role(who))


@pytest.mark.parametrize(("rule", "who", "allowed"), cells(WHO, MATRIX))
def test_matrix(rule, who, allowed):
    scenario = world.published_scenario()
    bid = Bid.objects.create(scenario=scenario, organisation=world.vendor().organisation)
    row = scenario if rule not in OF_BIDS else bid
    if rule is can_decide_failed_opening:
        opening = Opening(scenario=scenario, stage="first")
        row = FailedOpening(opening=opening, declared_by=world.officer().person)
    assert rule(actor_called(who, bid), row) is allowed


def test_every_rule_has_a_row():
    assert rules_of("bidding") == set(MATRIX)


def test_only_verified_vendors_bid():
    scenario = world.published_scenario()
    assert can_bid(world.vendor(verified_at=None), scenario) is False
    assert can_bid(world.owner(), scenario) is False
    assert can_bid(world.vendor(is_owner=True), scenario) is True


def test_nobody_bids_for_its_own_demand_or_that_of_a_sister():
    both = world.vendor(is_owner=True)
    assert can_bid(both, world.published_scenario(both)) is False
    sister, parent, stranger = world.vendor(), world.vendor(), world.vendor()
    owner = world.owner()
    for organisation in (owner.organisation, sister.organisation):
        world.control(organisation, "person-1")
    world.control(owner.organisation, parent.organisation.uscc)
    scenario = world.published_scenario(owner)
    assert can_bid(sister, scenario) is False
    assert can_bid(parent, scenario) is False
    assert can_bid(stranger, scenario) is True


def test_whoever_may_score_confirms_nothing():
    scenario = world.published_scenario()
    expert, reviewer = world.key_holder_actors(scenario)
    PersonRole.objects.create(user=expert.user, role=Role.EXPERT)
    grant(subject_uid=scenario.uid, capability=Capability.REVIEW, user=reviewer.user)
    assert can_confirm_opening(expert, scenario) is False
    assert can_confirm_opening(reviewer, scenario) is False


def test_a_key_is_held_by_a_person_and_while_it_is_granted():
    scenario = world.published_scenario()
    organisation = world.make_organisation()
    grant(subject_uid=scenario.uid, capability=Capability.KEY_HOLDER, organisation=organisation)
    assert can_confirm_opening(world.member(organisation), scenario) is False
    holder = world.key_holder_actors(scenario)[0]
    assert can_confirm_opening(holder, world.published_scenario()) is False
    assert can_confirm_opening(Actor(Role.OFFICER, holder.user, world.office()), scenario) is True
    holder.user.grants.update(until_at=scenario.published_at)
    assert can_confirm_opening(holder, scenario) is False


def test_who_declares_does_not_agree_and_who_holds_a_key_does_neither():
    scenario = world.published_scenario()
    first, second = world.officer(), world.officer()
    failure = FailedOpening(opening=Opening(scenario=scenario), declared_by=first.person)
    assert can_decide_failed_opening(first, failure) is False
    assert can_decide_failed_opening(second, failure) is True
    holder = Actor(Role.OFFICER, world.key_holder_actors(scenario)[0].user, world.office())
    assert can_declare_failed_opening(holder, scenario) is False
    assert can_decide_failed_opening(holder, failure) is False
    holder.user.grants.update(until_at=scenario.published_at)
    assert can_decide_failed_opening(holder, failure) is False
