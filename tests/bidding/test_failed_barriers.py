"""When nothing speaks against giving an opening up: against a plain enumeration."""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from marketplace.bidding.failed.barriers import HOLDERS, MASTER, OPENER_SILENT, Facts, barrier

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
PEOPLE = [UUID(int=number) for number in range(6)]
people = st.frozensets(st.sampled_from(PEOPLE))
hours = st.integers(-48, 48).map(lambda number: timedelta(hours=number))


@st.composite
def situations(draw):
    opener_at = draw(st.none() | hours.map(lambda span: NOW - abs(span)))
    return Facts(
        cause=draw(st.sampled_from([HOLDERS, MASTER])),
        needed=draw(st.integers(1, 4)),
        holders=draw(people),
        lost=draw(people),
        confirmed=draw(people),
        waits_until=NOW + draw(hours),
        opener_at=opener_at,
        now=NOW,
    )


def still_possible(facts):
    """Somebody who has confirmed has a key; so has everybody who is not said to have lost it."""
    able = facts.holders - facts.lost
    return any(combinations(sorted(able), facts.needed))


@given(situations())
def test_against_an_enumeration(facts):
    if facts.now < facts.waits_until:
        assert barrier(facts) == "too_early"
    elif facts.cause == MASTER:
        silent = facts.opener_at is None or facts.now - facts.opener_at >= OPENER_SILENT
        assert barrier(facts) == ("" if silent else "opener_able")
    else:
        said = facts.lost - facts.holders or facts.lost & facts.confirmed
        assert (barrier(facts) == "") == (not said and not still_possible(facts))


def test_each_barrier_has_its_code():
    a, b, c = PEOPLE[:3]
    plain = {
        "cause": HOLDERS,
        "needed": 2,
        "holders": frozenset({a, b, c}),
        "lost": frozenset({a, b}),
        "confirmed": frozenset({c}),
        "waits_until": NOW,
        "opener_at": NOW,
        "now": NOW,
    }
    table = {
        "": {},
        "too_early": {"waits_until": NOW + timedelta(microseconds=1)},
        "unknown_holder": {"lost": frozenset({a, PEOPLE[5]})},
        "holder_confirmed": {"confirmed": frozenset({a})},
        "enough_left": {"lost": frozenset({a})},
        "opener_able": {"cause": MASTER},
    }
    found = {code: barrier(Facts(**plain | changed)) for code, changed in table.items()}
    assert found == {code: code for code in table}
