"""What fails for an unknown reason: tried again with growing pauses, told once."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.bidding import opener
from marketplace.bidding.models import Bid, BidState, Opening
from marketplace.bidding.opener import open_confirmed
from marketplace.bidding.pauses import FIRST_SECONDS, MOST_SECONDS, Pauses
from marketplace.bidding.replay import Replay
from marketplace.ledger.models import Event
from marketplace.web.standing import stuck_openings
from tests import world
from tests.bidding import bids
from tests.notices.steps import deliver, ids, told


class Watch:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def test_each_pause_is_twice_the_one_before_up_to_five_minutes():
    watch, pauses, tried = Watch(), None, []
    pauses = Pauses(watch)
    assert not pauses.rests("bid")
    while watch.seconds < 1200:
        if not pauses.rests("bid"):
            tried.append(watch.seconds)
            assert pauses.failed("bid") is (len(tried) == 1)
        watch.seconds += 1
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert gaps == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert (FIRST_SECONDS, MOST_SECONDS) == (1, 300)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=40))
def test_what_went_well_starts_anew_and_others_are_not_concerned(deeds):
    pauses, row = Pauses(Watch()), {"a": 0, "b": 0}
    for key, fails in deeds:
        if fails:
            assert pauses.failed(key) is (row[key] == 0)
        else:
            pauses.went_well(key)
        row[key] = row[key] + 1 if fails else 0
        assert {one: pauses.rests(one) for one in row} == {one: row[one] > 0 for one in row}


@pytest.mark.django_db
def test_one_bid_fails_for_an_unknown_reason(clock, monkeypatch, settings, caplog):
    scenario = world.published_scenario()
    good, bad = bids.bid(scenario).bid, bids.bid(scenario).bid
    officer = world.officer()
    bids.close(scenario, clock)
    bids.confirm(scenario)
    watch, tried, open_bid = Watch(), [], opener.open_bid

    def failing(bid, *given):
        if bid.pk == bad.pk:
            tried.append(watch.seconds)
            raise ZeroDivisionError
        open_bid(bid, *given)

    monkeypatch.setattr(opener, "open_bid", failing)
    pauses, replay = Pauses(watch), Replay(settings.OPENER_LOG_VKEY)
    for _second in range(20):
        assert open_confirmed(bids.identity(), replay, pauses) == 0
        watch.seconds += 1
    assert tried == [0, 1, 3, 7, 15]
    states = dict(Bid.objects.values_list("pk", "state"))
    assert states == {good.pk: BidState.OPENED, bad.pk: BidState.SUBMITTED}
    assert sum("opener.bid_failed" in str(line.msg) for line in caplog.records) == 1
    # A restart tries at once and says it in its own log; the office is not told again.
    assert open_confirmed(bids.identity(), replay, Pauses(watch)) == 0
    assert Event.objects.filter(kind="opening.stuck").count() == 1
    assert stuck_openings() == 1
    deliver()
    assert told("opening.stuck") == ids(officer)
    monkeypatch.setattr(opener, "open_bid", open_bid)
    watch.seconds += 300
    assert open_confirmed(bids.identity(), replay, pauses) == 1
    assert stuck_openings() == 0
    assert Opening.objects.get().stuck_at is not None
