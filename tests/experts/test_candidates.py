from datetime import timedelta
from types import SimpleNamespace

import pytest

from marketplace.accounts.models import PersonRole
from marketplace.base import clock as the_clock
from marketplace.committee.models import MemberState, Panel, PanelMember
from marketplace.experts import graph
from marketplace.experts.candidates import REASONS, eligible, gathered
from marketplace.experts.numbers import Numbers, numbers_of
from tests import world
from tests.experts.factories import expert, tied

pytestmark = pytest.mark.django_db


def sat(found, times=1, state=MemberState.DECLARED, days_ago=0):
    for _ in range(times):
        panel = Panel.objects.create(
            scenario=world.published_scenario(), appointed_by=world.make_user()
        )
        seat = PanelMember.objects.create(panel=panel, user=found.user, code="J1", state=state)
        at = the_clock.now() - timedelta(days=days_ago)
        PanelMember.objects.filter(pk=seat.pk).update(created_at=at)
    return found


def barred(found, *, profile=None, **gathering):
    """Why this expert is not a candidate for one seat of her own specialty; empty if she is."""
    profile = profile or world.profile("B")
    result = gathered(
        world.published_scenario().uid,
        {"ot_security": 1},
        gathering.pop("organisations", []),
        profile,
        the_clock.today(),
        **gathering,
    )
    inside = found in eligible(profile, the_clock.today())
    codes = [code for uid, code, _tie in result.excluded if uid == found.uid]
    standing = {*codes} - {"conflict", "key_holder", "demonstrated"}
    assert inside is not bool(standing)
    candidate = found.uid in {uid for uid, _user, _weight in result.candidates["ot_security"]}
    assert candidate is (codes == [])
    return codes[0] if codes else ""


def day(offset):
    return the_clock.today() + timedelta(days=offset)


CASES = {
    "ready": ({}, ""),
    "the last day": ({"valid_until": 1}, ""),
    "the day after": ({"valid_until": 0}, "expired"),
    "suspended": ({"suspended_at": 0, "suspended_reason": "违纪"}, "suspended"),
    "neither kind": ({"kind": "other"}, "kind"),
    "economist": ({"kind": "economic"}, ""),
    "equal level": ({"grade": "equal"}, ""),
    "lower title": ({"grade": "lower"}, "title"),
    "title unknown": ({"grade": ""}, "title"),
    "eight years": ({"field_from_year": -8}, ""),
    "seven years": ({"field_from_year": -7}, "years"),
    "years unknown": ({"field_from_year": None}, "years"),
}


@pytest.mark.parametrize(("fields", "code"), CASES.values(), ids=list(CASES))
def test_who_may_be_drawn(fields, code):
    fields = dict(fields)
    if "valid_until" in fields:
        fields["valid_until"] = day(fields["valid_until"])
    if "suspended_at" in fields:
        fields["suspended_at"] = the_clock.now()
    if fields.get("field_from_year"):
        fields["field_from_year"] += the_clock.today().year
    assert barred(expert(**fields)) == code


def test_the_profile_says_what_is_asked():
    light = SimpleNamespace(
        values={"expert_years_min": {"value": 3}, "expert_senior": {"value": False}}
    )
    year = the_clock.today().year
    assert barred(expert(grade="lower", field_from_year=year - 3), profile=light) == ""
    assert barred(expert(field_from_year=year - 2), profile=light) == "years"


def test_whose_account_is_closed_or_whose_roles_forbid_it():
    closed, ended, watching = expert(), expert(), expert()
    type(closed.user).objects.filter(pk=closed.user_id).update(is_active=False)
    PersonRole.objects.filter(user=ended.user).delete()
    PersonRole.objects.create(user=watching.user, role="witness")
    assert [barred(found) for found in (closed, ended, watching)] == [
        "inactive",
        "inactive",
        "role",
    ]


def test_workload_and_rotation_count_the_panels_of_twelve_months():
    assert barred(sat(expert(), 5)) == ""
    assert barred(sat(expert(), 6)) == "workload"
    assert barred(sat(expert(panels_most=1))) == "workload"
    assert barred(sat(expert(panels_most=1), state=MemberState.RECUSED)) == ""
    assert barred(sat(expert(panels_most=1), days_ago=367)) == ""
    people = [sat(expert("testing"), times) for times in range(5)]
    result = gathered(
        world.published_scenario().uid, {"testing": 1}, [], world.profile("B"), the_clock.today()
    )
    weights = {uid: weight for uid, _user, weight in result.candidates["testing"]}
    assert [weights[found.uid] for found in people] == [8, 4, 2, 1, 1]


def test_ties_keep_out_silently_and_are_told_later():
    bidder = world.make_organisation(name="甲")
    found = tied(bidder)
    past = tied(bidder, until_date=day(-4 * 366))
    result = gathered(
        world.published_scenario().uid,
        {"ot_security": 2},
        [bidder],
        world.profile("A"),
        the_clock.today(),
    )
    assert result.candidates == {"ot_security": [(past.uid, past.user_id, 8)]}
    [(uid, code, tie)] = result.excluded
    assert (uid, code, graph.told(tie).sentence) == (found.uid, "conflict", "works at 甲")


def test_holders_of_keys_and_whom_the_caller_names_are_kept_out():
    scenario = world.published_scenario()
    holder, demonstrator, free = (
        expert(actor=world.key_holder_actors(scenario)[0]),
        expert(),
        expert("testing", "ot_security"),
    )
    PersonRole.objects.create(user=holder.user, role="expert")
    result = gathered(
        scenario.uid,
        {"ot_security": 1, "testing": 1, "data_law": 1},
        [],
        world.profile("A"),
        the_clock.today(),
        barred={demonstrator.user_id: "demonstrated"},
    )
    entry = (free.uid, free.user_id, 8)
    assert result.candidates == {"ot_security": [entry], "testing": [entry], "data_law": []}
    assert {uid: code for uid, code, _tie in result.excluded} == {
        holder.uid: "key_holder",
        demonstrator.uid: "demonstrated",
    }


@pytest.mark.parametrize("number", [1, 30])
def test_a_large_pool_costs_what_a_small_one_costs(number, count_queries):
    firm, scenario = world.make_organisation(), world.published_scenario()
    people = [tied(firm) for _ in range(number)] + [expert() for _ in range(number)]
    profile, today = world.profile("B"), the_clock.today()
    with count_queries() as queried:
        result = gathered(scenario.uid, {"ot_security": 3}, [firm], profile, today)
    assert len(queried) == 8
    assert len(result.candidates["ot_security"]) + len(result.excluded) == len(people)


def test_a_profile_without_the_numbers_follows_the_law():
    assert (
        numbers_of(None) == Numbers(8, True, 6, (8, 4, 2, 1)) == numbers_of(world.profile("A", 2))
    )
    assert numbers_of(world.profile("D")) == Numbers(8, True, 12, (8, 4, 2, 1))
    assert {"expired", "conflict", "workload"} <= set(REASONS)
