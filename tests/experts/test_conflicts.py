from datetime import date

import pytest

from marketplace.accounts.models import Membership
from marketplace.base.clock import day_starts_at
from marketplace.experts.models import Expert, Interest
from marketplace.experts.queries import conflicts, conflicts_of, pool, years_before
from tests import world

pytestmark = pytest.mark.django_db


def tied(organisation, kind="employment", **dates):
    judge = world.person("expert")
    expert = Expert.objects.create(user=judge.user)
    Interest.objects.create(expert=expert, organisation=organisation, kind=kind, **dates)
    return judge.user


@pytest.mark.parametrize(
    ("until", "hard"),
    [(None, True), (date(2023, 11, 23), True), (date(2023, 11, 22), False), (date(2020, 1, 1), False)],
)  # fmt: skip
def test_the_look_back_is_three_years_half_open(clock, until, hard):
    clock.freeze(day_starts_at(date(2026, 11, 22)))
    firm = world.make_organisation()
    [tie] = conflicts(tied(firm, until_date=until), [firm])
    assert tie.hard is hard


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("employment", "employed by {}"),
        ("adviser", "adviser of {}"),
        ("relative", "a near relative works at {}"),
    ],
)
def test_each_kind_has_its_sentence(kind, sentence):
    firm = world.make_organisation()
    [tie] = conflicts(tied(firm, kind), [firm])
    assert (tie.sentence, tie.path) == (sentence.format(firm.name), (firm.name,))


def test_a_tie_to_a_sister_is_told_with_its_path():
    bidder, sister = world.make_organisation(), world.make_organisation()
    for firm in (bidder, sister):
        world.control(firm, "P-9")
    [tie] = conflicts(tied(sister), [bidder])
    assert (tie.hard, tie.path) == (True, (bidder.name, sister.name))
    assert tie.sentence == (f"employed by {sister.name}, under the same control as {bidder.name}")


def test_a_member_of_the_account_is_tied_and_others_are_not():
    firm, judge = world.make_organisation(), world.person("expert")
    Membership.objects.create(user=judge.user, organisation=firm, role="viewer")
    assert [tie.hard for tie in conflicts(judge.user, [firm])] == [True]
    assert conflicts(judge.user, [world.make_organisation()]) == []


@pytest.mark.parametrize("number", [1, 30])
def test_many_experts_cost_what_one_costs(number, count_queries):
    firm = world.make_organisation()
    users = [tied(firm) for _ in range(number)]
    with count_queries() as queried:
        assert [len(ties) for ties in conflicts_of(users, [firm]).values()] == [1] * number
    assert len(queried) == 7
    assert len(pool()) == number


def test_years_before_a_leap_day():
    assert years_before(date(2028, 2, 29), 3) == date(2025, 2, 28)
