"""What is wrong in a bid is told beside the field, and nothing of it is kept."""

from __future__ import annotations

import pytest

from marketplace.bidding.models import Bid
from tests.bidding import posting
from tests.web.asking import faults

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"total_cny": "0", "node_0": "0", "node_1": "0", "node_2": "0"}, "total_cny"),
        ({"total_cny": "1000000.01"}, "total_cny"),
        ({"total_cny": "-900000"}, "total_cny"),
        ({"total_cny": "9e5"}, "total_cny"),
        ({"node_0": "1.00"}, "total_cny"),
        ({"tax_rate_percent": "100"}, "tax_rate_percent"),
        ({"commitment_M1": "very good"}, "commitment_M1"),
        ({"contact_phone": "call me"}, "contact_phone"),
        ({"statement_Q2": ""}, "statement_Q2"),
        ({"accepts_terms": ""}, "accepts_terms"),
    ],
)
def test_a_wrong_bid_is_told_beside_the_field_and_not_kept(challenge, changed, field):
    client, scenario, address = challenge
    page = client.post(address, posting.posted(scenario, **changed) | {"step": "submit"})
    assert page.status_code == 422
    assert faults(page, field)
    assert Bid.objects.count() == 0


def test_full_width_figures_of_a_bid_are_read(challenge):
    client, scenario, address = challenge
    changed = {
        "total_cny": "９００，０００．００",
        "team-0-years": "９",
        "commitment_M1": "９９．２",
    }
    page = client.post(address, posting.posted(scenario, **changed) | {"step": "submit"})
    assert page.status_code == 302
    assert Bid.objects.get().versions_count == 1


@pytest.mark.parametrize(
    ("name", "most"),
    [("risks", 5000), ("approach", 20_000), ("note", 2000), ("project_leader", 80)],
)
def test_long_texts_of_a_bid_are_refused_with_their_limit(challenge, name, most):
    client, scenario, address = challenge
    sent = posting.posted(scenario, **{name: "长" * (most + 1)})
    page = client.post(address, sent)
    assert page.status_code == 422
    assert [str(most) in said and str(most + 1) in said for said in faults(page, name)] == [True]
    assert client.post(address, sent | {name: "长" * most}).status_code == 200
