"""The graph of control against a slow way of writing it, on graphs with circles and long chains."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.accounts.models import Control, Organisation
from marketplace.accounts.organisations.models import OrganisationRelation
from marketplace.experts.control import STEPS_MOST, ways_from
from tests import world

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 22)
NODES = 7
PAIRS = st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)).filter(
    lambda pair: pair[0] != pair[1]
)
# The last two codes are parties that are not on the platform: a person, and a holding abroad.
STRANGERS = 2


@pytest.fixture
def codes():
    rows = [world.make_organisation() for _ in range(NODES - STRANGERS)]
    return [*(row.uscc for row in rows), "person:1", world.make_uscc()]


def near_slowly(start, controls, ties):
    """{node: steps}: every walk is tried, up first, then down, as the docstring says in words."""
    found = {}

    def walk(node, falling, steps):
        if node not in found or len(steps) < len(found[node]):
            found[node] = steps
        if len(steps) == STEPS_MOST:
            return
        for low, high in controls:
            if low == node and not falling:
                walk(high, False, [*steps, "up"])
            if high == node:
                walk(low, True, [*steps, "down"])
        for pair in ties:
            if node in pair:
                walk(pair[1 - pair.index(node)], True, [*steps, "tie"])

    walk(start, False, [])
    return {node: len(steps) for node, steps in found.items()}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    controls=st.lists(PAIRS, max_size=7, unique=True), ties=st.lists(PAIRS, max_size=2, unique=True)
)
def test_the_nearest_parties_are_those_of_the_slow_walk(codes, controls, ties):
    Control.objects.all().delete()
    OrganisationRelation.objects.all().delete()
    known = {row.uscc: row for row in Organisation.objects.filter(uscc__in=codes)}
    controls = [(low, high) for low, high in controls if codes[low] in known]
    ties = [(one, other) for one, other in ties if codes[one] in known]
    for low, high in controls:
        world.control(known[codes[low]], codes[high])
    for one, other in ties:
        OrganisationRelation.objects.create(
            organisation=known[codes[one]],
            other_uscc=codes[other],
            other_name="另一方",
            kind="management",
        )
    for start in range(2):
        ways = ways_from([codes[start]], DAY)
        expected = near_slowly(start, controls, ties)
        found = {codes.index(way.end.code): len(way.steps) for way in ways}
        assert found == expected
        for way in ways:
            stations = [codes.index(party.code) for party in way.parties]
            assert stations[0] == start
            legs = {(*pair, step) for pair, step in zip(pairwise(stations), way.steps, strict=True)}
            allowed = {
                *((low, high, "up") for low, high in controls),
                *((high, low, "down") for low, high in controls),
                *((one, other, "tie") for one, other in ties),
                *((other, one, "tie") for one, other in ties),
            }
            assert legs <= allowed


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({}, True),
        ({"statement_waits": True}, False),
        ({"from_date": date(2026, 11, 22)}, True),
        ({"from_date": date(2026, 11, 23)}, False),
        ({"until_date": date(2026, 11, 22)}, False),
        ({"until_date": date(2026, 11, 22), "end_waits": True}, True),
        ({"until_date": date(2026, 11, 23)}, True),
    ],
)
def test_only_what_the_office_has_seen_and_holds_counts(fields, counts):
    low, high = world.make_organisation(), world.make_organisation()
    Control.objects.create(
        organisation=low, controller_code=high.uscc, controller_name=high.name, **fields
    )
    assert (high.uscc in {way.end.code for way in ways_from([low.uscc], DAY)}) is counts


def test_a_chain_is_followed_so_far_and_no_further():
    firms = [world.make_organisation() for _ in range(STEPS_MOST + 2)]
    for low, high in pairwise(firms):
        world.control(low, high.uscc)
    ends = [way.end.code for way in ways_from([firms[0].uscc], DAY)]
    assert ends == [firm.uscc for firm in firms[:-1]]
    assert ways_from([], DAY) == []
