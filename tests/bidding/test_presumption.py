"""Failures that bidders share: by a table, by properties, and in an opening."""

import json

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.bidding.models import Bid, Opening, Outcome
from marketplace.bidding.opener import open_confirmed
from marketplace.bidding.queries import entries_of, opened_contents
from marketplace.bidding.record.faults import PRESUMED, REASONS
from marketplace.bidding.record.presumption import DECRYPTION, Failure, presumed
from tests import world
from tests.bidding import bids
from tests.bidding.test_opener import reseal

TABLE = [
    # (bidder, envelope, reason) …, those presumed to be the platform's
    ("alone", [(1, "price", "not_age")], []),
    ("two alike", [(1, "price", "not_age"), (2, "price", "not_age")], [0, 1]),
    ("another envelope", [(1, "price", "not_age"), (2, "business", "not_age")], []),
    ("another way", [(1, "price", "not_age"), (2, "price", "stanzas")], []),
    ("one bidder twice", [(1, "price", "not_age"), (1, "business", "not_age")], []),
    ("after decryption", [(1, "price", "schema"), (2, "price", "schema")], []),
    ("its own package", [(1, "price", "not_a_package"), (2, "price", "not_a_package")], []),
    (
        "two of three",
        [(1, "price", "undecryptable"), (2, "price", "undecryptable"), (3, "price", "stanzas")],
        [0, 1],
    ),
]


@pytest.mark.parametrize(("_name", "rows", "places"), TABLE, ids=[row[0] for row in TABLE])
def test_the_table(_name, rows, places):
    failures = [Failure(*row) for row in rows]
    assert presumed(failures) == {failures[place] for place in places}


failures = st.builds(
    Failure,
    st.integers(1, 4),
    st.sampled_from(["business", "technical", "price"]),
    st.sampled_from(sorted(REASONS)),
)


@given(st.lists(failures))
def test_against_each_pair(found):
    expected = {
        one
        for one in found
        for other in found
        if one.bidder != other.bidder
        and one[1:] == other[1:]
        and one.reason in {"not_age", "stanzas", "undecryptable"}
    }
    assert presumed(found) == expected


@given(st.lists(failures), failures)
def test_one_more_failure_never_moves_blame_back_to_a_bidder(found, more):
    assert presumed(found) <= presumed([*found, more])


def test_the_reasons_exist():
    assert set(REASONS) >= DECRYPTION


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 2])
def test_the_record_and_the_page_say_it(clock, count):
    scenario = world.published_scenario()
    good = bids.bid(scenario).bid
    stranger = str(pyrage.x25519.Identity.generate().to_public())
    for _ in range(count):
        reseal(scenario, world.vendor(), recipient=stranger)
    bids.open_first(scenario, clock)
    opening = Opening.objects.get()
    shared = count > 1
    fault = Outcome.PLATFORM_FAULT if shared else Outcome.BIDDER_FAULT
    entries = {entry.bid.pk: entry for entry in entries_of(opening)}
    assert entries.pop(good.pk).outcome == Outcome.OPENED
    assert [entry.outcome for entry in entries.values()] == [fault] * count
    assert [entry.hash_holds for entry in entries.values()] == [True] * count
    said = json.loads(bytes(opening.record.receipt.body))
    told = {row["fault"] for row in said["bids"] if row["outcome"] != "opened"}
    assert told == {"platform" if shared else "bidder"}
    rows = [row for bid in said["bids"] for row in bid["envelopes"] if row["fault"]]
    assert [row.get("presumed", False) for row in rows] == [shared] * count
    assert [row["why"]["en"].endswith(PRESUMED["en"]) for row in rows] == [shared] * count
    bid = next(bid for bid in Bid.objects.order_by("pk") if bid.pk != good.pk)
    own = opened_contents(world.member(bid.organisation), bid)
    assert {row.blamed for row in own if row.reason} == {fault}
    assert open_confirmed(bids.identity()) == 0
