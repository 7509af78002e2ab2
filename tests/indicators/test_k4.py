"""The counting rule: by properties, against a second implementation, and by its named cases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.indicators.k4 import DemandFact, Period, Reason, count_k4, why_not_strict

PLAN = Period(date(2022, 3, 24), date(2025, 12, 31))
EARLY = datetime(2022, 3, 23, tzinfo=UTC)
NOON = datetime(2024, 6, 1, 4, tzinfo=UTC)
LATE = datetime(2026, 6, 1, tzinfo=UTC)


def fact(number=1, *, published_at=NOON, **fields):
    values = {
        "root_uid": UUID(int=number),
        "scenario_uid": UUID(int=1000 + number),
        "ref": f"LG-2024-{number:04d}",
        "published_at": published_at,
        "deadline_at": published_at + timedelta(days=20),
        "withdrawn_at": None,
        "counts_in_demo_only": False,
        "domain_code": "ai",
        "organising_mode": "best",
        "owner_in_lingang": True,
        "summary_counts_at": published_at + timedelta(days=5),
    }
    return DemandFact(**(values | fields))


def count(*facts, demo=False, as_of=LATE, period=PLAN):
    return count_k4(facts, period=period, demo=demo, as_of=as_of)


# -- By properties -----------------------------------------------------------------------------
# Few roots and few instants, so that repetitions, edges and ties are common.
INSTANTS = st.one_of(
    st.sampled_from(
        [
            datetime(2022, 3, 23, 15, 59, 59, tzinfo=UTC),  # the last second before the plan
            datetime(2022, 3, 23, 16, tzinfo=UTC),
            datetime(2025, 12, 31, 15, 59, 59, 999999, tzinfo=UTC),
            datetime(2025, 12, 31, 16, tzinfo=UTC),  # 00:00 of 2026-01-01 in Shanghai
        ]
    ),
    st.integers(0, 5 * 365 * 24).map(
        lambda hours: datetime(2022, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    ),
)
SPANS = st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=60))


@st.composite
def demand_facts(draw):
    root = draw(st.integers(1, 6))
    number = draw(st.integers(1, 9999))
    published_at = draw(INSTANTS)
    withdrawn = draw(st.one_of(st.none(), SPANS))
    return fact(
        number,
        published_at=published_at,
        root_uid=UUID(int=root),
        deadline_at=published_at + draw(SPANS),
        withdrawn_at=published_at + withdrawn if withdrawn else None,
        counts_in_demo_only=draw(st.booleans()),
        domain_code=draw(st.sampled_from(["ai", "data_compliance", "tourism", ""])),
        organising_mode=draw(st.sampled_from(["best", "race", "none"])),
        owner_in_lingang=draw(st.booleans()),
        summary_counts_at=published_at + draw(SPANS),
    )


LISTS = st.lists(demand_facts(), max_size=12, unique_by=lambda f: f.ref)


def second_opinion(facts, *, demo, as_of):
    """The same rule said root by root, with days compared as text. Returns refs per figure."""
    found = {"strict_in": set(), "strict_after": set(), "broad_in": set(), "broad_after": set()}
    for root in {f.root_uid for f in facts}:
        rounds = [f for f in facts if f.root_uid == root and f.published_at <= as_of]
        valid = []
        for f in rounds:
            taken_back = f.withdrawn_at and f.withdrawn_at < f.deadline_at
            if not (taken_back and f.withdrawn_at <= as_of):
                valid.append(f)
        if not valid:
            continue
        first = min(valid, key=lambda f: (f.published_at, f.ref))
        day = (first.published_at + timedelta(hours=8)).strftime("%Y-%m-%d")
        if day < "2022-03-24" or (first.counts_in_demo_only and not demo):
            continue
        half = "in" if day <= "2025-12-31" else "after"
        found[f"broad_{half}"].add(first.ref)
        if (
            first.owner_in_lingang
            and first.domain_code in {"ai", "data_compliance"}
            and first.organising_mode != "none"
            and first.summary_counts_at <= as_of
        ):
            found[f"strict_{half}"].add(first.ref)
    return found


def refs(facts):
    return {f.ref for f in facts}


@given(LISTS, st.booleans(), INSTANTS)
def test_a_second_implementation_counts_the_same(facts, demo, as_of):
    k4 = count(*facts, demo=demo, as_of=as_of)
    assert second_opinion(facts, demo=demo, as_of=as_of) == {
        "strict_in": refs(k4.strict.in_period),
        "strict_after": refs(k4.strict.after),
        "broad_in": refs(k4.broad.in_period),
        "broad_after": refs(k4.broad.after),
    }


@given(LISTS, st.booleans(), INSTANTS)
def test_every_known_fact_is_in_exactly_one_place(facts, demo, as_of):
    k4 = count(*facts, demo=demo, as_of=as_of)
    places = [
        *k4.strict.together,
        *(exclusion.fact for exclusion in k4.not_strict),
        *k4.withdrawn,
        *(exclusion.fact for exclusion in k4.excluded),
    ]
    assert sorted(f.ref for f in places) == sorted(f.ref for f in facts if f.published_at <= as_of)


@given(LISTS, st.booleans(), INSTANTS)
def test_strict_is_a_part_of_broad_and_every_exclusion_has_a_reason(facts, demo, as_of):
    k4 = count(*facts, demo=demo, as_of=as_of)
    assert refs(k4.strict.in_period) <= refs(k4.broad.in_period)
    assert refs(k4.strict.after) <= refs(k4.broad.after)
    lenient = refs(exclusion.fact for exclusion in k4.not_strict)
    assert refs(k4.broad.together) - refs(k4.strict.together) == lenient
    assert all(exclusion.reasons for exclusion in (*k4.not_strict, *k4.excluded))


@given(LISTS, st.booleans(), INSTANTS)
def test_one_root_counts_once(facts, demo, as_of):
    roots = [f.root_uid for f in count(*facts, demo=demo, as_of=as_of).broad.together]
    assert len(roots) == len(set(roots))


@given(LISTS, st.booleans(), INSTANTS, st.randoms())
def test_the_order_of_the_rows_does_not_matter(facts, demo, as_of, random):
    shuffled = random.sample(facts, len(facts))
    assert count(*facts, demo=demo, as_of=as_of) == count(*shuffled, demo=demo, as_of=as_of)


@given(LISTS, st.booleans(), INSTANTS)
def test_a_relisting_adds_nothing(facts, demo, as_of):
    before = count(*facts, demo=demo, as_of=as_of).broad.together
    again = [
        replace(f, ref=f"X{f.ref}", published_at=f.published_at + timedelta(seconds=1))
        for f in before
    ]
    assert count(*facts, *again, demo=demo, as_of=as_of).broad.together == before


# -- By its named cases --------------------------------------------------------------------------
def test_the_plan_period_ends_at_midnight_in_shanghai():
    last = fact(1, published_at=datetime(2025, 12, 31, 15, 59, 59, 999999, tzinfo=UTC))
    first = fact(2, published_at=datetime(2025, 12, 31, 16, tzinfo=UTC))
    k4 = count(last, first)
    assert (k4.strict.in_period, k4.strict.after) == ((last,), (first,))
    assert k4.strict.together == (last, first)


def test_before_the_plan_is_in_no_figure():
    early = fact(published_at=EARLY)
    k4 = count(early)
    assert k4.broad.together == ()
    assert [e.reasons for e in k4.excluded] == [(Reason.BEFORE_PLAN,)]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"owner_in_lingang": False}, Reason.NOT_IN_LINGANG),
        ({"domain_code": "tourism"}, Reason.DOMAIN),
        ({"organising_mode": "none"}, Reason.MODE),
        ({"summary_counts_at": LATE + timedelta(microseconds=1)}, Reason.SUMMARY_TOO_SHORT),
    ],
)
def test_what_keeps_a_demand_out_of_the_strict_figure_only(changed, reason):
    demand = fact(**changed)
    k4 = count(demand)
    assert k4.strict.together == ()
    assert k4.broad.together == (demand,)
    assert [(e.fact, e.reasons) for e in k4.not_strict] == [(demand, (reason,))]


def test_several_reasons_are_all_named():
    demand = fact(owner_in_lingang=False, domain_code="")
    assert why_not_strict(demand, LATE) == (Reason.NOT_IN_LINGANG, Reason.DOMAIN)


def test_the_summary_counts_from_its_instant_on():
    at = NOON + timedelta(days=5)
    assert count(fact(), as_of=at).strict.together == (fact(),)
    assert count(fact(), as_of=at - timedelta(microseconds=1)).strict.together == ()


def test_demo_data_count_in_a_demo_only():
    demand = fact(counts_in_demo_only=True)
    assert count(demand, demo=True).strict.together == (demand,)
    k4 = count(demand, demo=False)
    assert k4.broad.together == ()
    assert [e.reasons for e in k4.excluded] == [(Reason.DEMO,)]


def test_withdrawn_before_the_deadline_is_shown_apart():
    at = NOON + timedelta(days=3)
    demand = fact(withdrawn_at=at)
    k4 = count(demand)
    assert (k4.withdrawn, k4.broad.together, k4.excluded) == ((demand,), (), ())
    # It was open until then.
    assert count(demand, as_of=at - timedelta(microseconds=1)).broad.together == (demand,)


def test_at_the_deadline_it_is_too_late_to_take_it_out_of_the_count():
    assert count(fact(withdrawn_at=fact().deadline_at)).broad.together == (
        fact(withdrawn_at=fact().deadline_at),
    )


def test_after_a_withdrawal_the_next_round_is_the_first_valid_publication():
    taken_back = fact(1, withdrawn_at=NOON + timedelta(days=1))
    again = fact(2, root_uid=taken_back.root_uid, published_at=NOON + timedelta(days=9))
    k4 = count(taken_back, again)
    assert (k4.withdrawn, k4.broad.together) == ((taken_back,), (again,))


def test_a_second_round_is_listed_as_a_repetition():
    first, second = fact(1), fact(2, root_uid=UUID(int=1), published_at=NOON + timedelta(days=40))
    k4 = count(second, first)
    assert k4.broad.together == (first,)
    assert [(e.fact, e.reasons) for e in k4.excluded] == [(second, (Reason.REPEATED,))]


def test_later_publications_are_not_known_yet():
    assert count(fact(), as_of=NOON - timedelta(microseconds=1)).broad.together == ()
    assert count(fact(), as_of=NOON).broad.together == (fact(),)


def test_the_rule_has_a_version():
    assert count().rule == "k4/1"
