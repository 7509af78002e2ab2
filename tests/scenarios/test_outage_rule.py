"""The arithmetic of the rule on outages, against a count second by second."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from marketplace.scenarios.outages import (
    OutageRule,
    extension_due,
    merged,
    moved,
    rule_of,
    within,
)

ZERO = datetime(2026, 12, 1, 9, tzinfo=UTC)
RULE = OutageRule(timedelta(seconds=9), timedelta(seconds=40), timedelta(hours=1))


def at(second):
    return ZERO + timedelta(seconds=second)


SECONDS = st.integers(-80, 40)
SPANS = st.lists(st.tuples(SECONDS, SECONDS), max_size=12)


def as_times(spans):
    return [(at(start), at(end)) for start, end in spans]


def seconds_of(spans, start=-1000, end=1000):
    """The seconds that lie in any span and in [start, end), each counted by itself."""
    return {s for one, other in spans for s in range(one, other) if start <= s < end}


@given(SPANS)
def test_merging_keeps_every_instant_once(spans):
    found = merged(as_times(spans))
    total = sum((end - start for start, end in found), timedelta())
    assert total.total_seconds() == len(seconds_of(spans))
    assert all(one[1] < other[0] for one, other in itertools.pairwise(found))
    assert merged(found) == found


@given(SPANS, SECONDS, SECONDS)
def test_clipping_is_half_open(spans, start, end):
    found = within(as_times(spans), at(start), at(end))
    total = sum((until - since for since, until in found), timedelta())
    assert total.total_seconds() == len(seconds_of(spans, start, end))
    assert all(at(start) <= since < until <= at(end) for since, until in found)


@given(SPANS)
def test_the_rule_counts_second_by_second(spans):
    counted = seconds_of(spans, -40, 0)
    due = extension_due(RULE, as_times(spans), deadline=ZERO, now=ZERO)
    assert (due is not None) is (len(counted) >= 9)
    if due:
        assert due.total == timedelta(seconds=len(counted))
        assert due.deadline_at == ZERO + timedelta(hours=1)


@given(SPANS, st.integers(0, 40))
def test_pieces_say_what_the_whole_says(spans, cut):
    whole = as_times(spans)
    pieces = [
        piece
        for start, end in whole
        for piece in ((start, min(end, at(cut - 40))), (max(start, at(cut - 40)), end))
    ]
    given_twice = pieces + pieces
    assert extension_due(RULE, given_twice, deadline=ZERO, now=ZERO) == extension_due(
        RULE, whole, deadline=ZERO, now=ZERO
    )


@given(st.integers(-200_000, 2_000_000))
def test_the_new_deadline_leaves_time_and_moves_by_whole_days(late):
    day = timedelta(days=1)
    new = moved(ZERO, at(late), day)
    assert (new - ZERO) % day == timedelta()
    assert new - at(late) >= day / 2
    assert new == ZERO + day or new - day - at(late) < day / 2


def test_without_outages_nothing_is_due_even_of_nothing():
    none = OutageRule(timedelta(), timedelta(seconds=40), timedelta(hours=1))
    assert extension_due(none, [], deadline=ZERO, now=ZERO) is None
    assert extension_due(None, as_times([(-40, 0)]), deadline=ZERO, now=ZERO) is None


def test_a_profile_has_the_whole_rule_or_none():
    values = {
        "outage_total": {"value": 9},
        "outage_window": {"value": 40},
        "outage_extension": {"value": 3600},
    }
    assert rule_of(values) == RULE
    for name in values:
        assert rule_of({key: row for key, row in values.items() if key != name}) is None
