from datetime import date, datetime, timedelta

import pytest
from django.utils import translation

from marketplace.accounts.members.models import EndedRole
from marketplace.accounts.models import Membership
from marketplace.accounts.organisations.models import OrganisationRelation
from marketplace.base.clock import day_starts_at
from marketplace.experts import graph
from marketplace.experts.graph import conflicts, conflicts_of, whole_months, years_before
from marketplace.experts.models import Interest
from marketplace.experts.queries import pool
from tests import world
from tests.experts.factories import expert, tied

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 22)


@pytest.fixture
def today(clock):
    clock.freeze(day_starts_at(DAY))


@pytest.mark.parametrize(
    ("until", "hard"),
    [(None, True), (date(2023, 11, 23), True), (date(2023, 11, 22), False), (date(2020, 1, 1), False)],
)  # fmt: skip
def test_the_look_back_is_three_years_half_open(today, until, hard):
    firm = world.make_organisation()
    [tie] = conflicts(tied(firm, until_date=until).user, [firm])
    assert tie.hard is hard


SENTENCES = [
    ({}, "works at {}", "现任职于{}"),
    ({"until_date": date(2025, 9, 22)}, "worked at {} until 14 months ago", "曾任职于{}，至14个月前止"),
    ({"until_date": date(2026, 10, 22)}, "worked at {} until 1 month ago", "曾任职于{}，至1个月前止"),
    ({"until_date": date(2026, 11, 1)}, "worked at {} until less than a month ago", ""),
    ({"until_date": date(2020, 1, 1)}, "worked at {} until 2020-01-01", ""),
    ({"until_date": date(2027, 1, 1)}, "works at {} until 2027-01-01", ""),
    ({"kind": "adviser"}, "is an adviser of {}", "现任{}顾问"),
    ({"kind": "director"}, "is a director or supervisor of {}", ""),
    ({"kind": "holding"}, "holds shares of {}", "持有{}股份"),
    ({"kind": "relative"}, "a near relative works at or holds shares of {}", ""),
    ({"kind": "relative", "relation": "spouse"}, "the spouse works at or holds shares of {}", "配偶在{}任职或持股"),
    ({"kind": "relative", "relation": "in_law", "until_date": date(2025, 11, 22)},
     "a near in-law worked at or held shares of {} until 12 months ago", ""),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "in_english", "in_chinese"), SENTENCES)
def test_each_tie_has_its_sentence_in_both_languages(today, fields, in_english, in_chinese):
    firm = world.make_organisation(name="示图工控", name_en="Demo-ICS")
    [tie] = conflicts(tied(firm, **fields).user, [firm])
    assert (tie.sentence, tie.path) == (in_english.format("Demo-ICS"), ("Demo-ICS",))
    if in_chinese:
        with translation.override("zh-hans"):
            assert tie.sentence == in_chinese.format("示图工控")
            # What is kept tells the same, in whatever language it is read later.
            assert graph.told(tie.plain) == tie


def test_a_tie_is_explained_by_its_way(today):
    bidder, sister, holding, child = (world.make_organisation(name=n) for n in "标姊控子")
    for firm in (bidder, sister):
        world.control(firm, holding.uscc, holding.name)
    world.control(child, bidder.uscc, bidder.name)
    cases = {
        holding: ("works at 控, which controls 标", ("标", "控")),
        child: ("works at 子, controlled by 标", ("标", "子")),
        sister: ("works at 姊, under the same control as 标 (through 控)", ("标", "控", "姊")),
    }
    for firm, expected in cases.items():
        [tie] = conflicts(tied(firm).user, [bidder])
        assert (tie.hard, tie.sentence, tie.path) == (True, *expected)


def test_a_controlling_person_is_not_named(today):
    bidder, sister = world.make_organisation(name="标"), world.make_organisation(name="姊")
    for firm in (bidder, sister):
        world.control(firm, "person:1", "赵某")
    [tie] = conflicts(tied(sister).user, [bidder])
    assert tie.sentence == "works at 姊, under the same control as 标"
    # A namesake among the parties of an expert is nobody's controller.
    assert conflicts(tied(None, party_name="赵某").user, [bidder]) == []


def test_the_same_head_ties(today):
    bidder, other = world.make_organisation(name="标"), world.make_organisation(name="同")
    OrganisationRelation.objects.create(
        organisation=other, other_uscc=bidder.uscc, other_name="标", kind="same_head"
    )
    [tie] = conflicts(tied(other).user, [bidder])
    assert tie.sentence == "works at 同, tied to 标 by its head"


def test_an_employer_that_registers_later_is_found_by_code_or_name(today):
    bidder = world.make_organisation(name="示图工控", name_en="Demo-ICS")
    for fields in (
        {"party_name": "别名", "party_uscc": bidder.uscc},
        {"party_name": "示图工控"},
        {"party_name": "Demo-ICS"},
    ):
        [tie] = conflicts(tied(None, **fields).user, [bidder])
        assert tie.sentence == "works at Demo-ICS"
    # A code that is known and another decides over the name.
    other = world.make_uscc()
    assert conflicts(tied(None, party_name="示图工控", party_uscc=other).user, [bidder]) == []


def test_what_was_struck_out_ties_nobody(today):
    firm = world.make_organisation()
    judge = tied(firm)
    Interest.objects.update(struck_at=day_starts_at(DAY))
    assert conflicts(judge.user, [firm]) == []


def test_a_member_of_the_account_is_tied_now_and_for_three_years(today):
    firm, judge = world.make_organisation(name="甲"), expert()
    seat = Membership.objects.create(user=judge.user, organisation=firm, role="viewer")
    assert [tie.sentence for tie in conflicts(judge.user, [firm])] == ["is a member of 甲"]
    assert conflicts(judge.user, [world.make_organisation()]) == []
    seat.delete()
    EndedRole.objects.create(
        user=judge.user,
        organisation=firm,
        role="viewer",
        since_at=day_starts_at(DAY) - timedelta(days=99),
        ended_by=judge.user,
    )
    [tie] = conflicts(judge.user, [firm])
    assert (tie.hard, tie.sentence) == (True, "was a member of 甲 until less than a month ago")


@pytest.mark.parametrize("number", [1, 30])
def test_many_experts_cost_what_one_costs(number, count_queries):
    firm = world.make_organisation()
    users = [tied(firm).user for _ in range(number)]
    with count_queries() as queried:
        assert [len(ties) for ties in conflicts_of(users, [firm]).values()] == [1] * number
    assert len(queried) == 5
    assert len(pool()) == number


def test_years_before_a_leap_day():
    assert years_before(date(2028, 2, 29), 3) == date(2025, 2, 28)


@pytest.mark.parametrize(
    ("since", "day", "months"),
    [("2026-01-31", "2026-02-28", 0), ("2026-01-31", "2026-03-31", 2), ("2025-09-22", "2026-11-22", 14),
     ("2025-09-23", "2026-11-22", 13), ("2026-11-22", "2026-11-22", 0)],
)  # fmt: skip
def test_months_are_whole(since, day, months):
    read = [datetime.fromisoformat(text).date() for text in (since, day)]
    assert whole_months(*read) == months
