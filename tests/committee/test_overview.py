"""The page of all scores: what it adds up, who reads it, and that its size costs no queries."""

from decimal import Decimal

import pytest

from bench.score import reviewed
from marketplace.base.errors import NotFound
from marketplace.committee import queries
from marketplace.committee.models import Score
from tests import world
from tests.committee import factories
from tests.committee.test_pages import signed_in

pytestmark = pytest.mark.django_db


def test_it_shows_every_point_of_the_standing_judges_and_their_sums():
    scenario = factories.reported(2)
    found = queries.score_overview(world.officer(), scenario)
    assert found.judges == ["J1", "J2", "J3"]
    assert [(b.blind_code, b.place, b.total, b.totals, b.spread) for b in found.bids] == [
        ("B1", 1, "91.00", ["81.00"] * 3, "0.00"),
        ("B2", 2, "86.38", ["76.50"] * 3, "0.00"),
    ]
    first = found.bids[0].criteria
    assert [(c.code, c.weight, c.points, c.mean, c.vetoes) for c in first] == [
        ("C1", "50.00", ["45.00"] * 3, "45.00", 0),
        ("C2", "20.00", ["18.00"] * 3, "18.00", 0),
        ("C3", "20.00", ["18.00"] * 3, "18.00", 0),
    ]
    text = signed_in(world.officer()).get(f"/scenarios/{scenario.address}/scores/").content.decode()
    assert text.count('<td data-label="J2" class="jb-right jb-num">45.00</td>') == 1


def test_it_is_read_by_who_reads_the_report():
    scenario = factories.reported(1)
    url = f"/scenarios/{scenario.address}/scores/"
    bidder = world.member(scenario.bids.get().organisation)
    expert = world.person("expert")
    owner = world.member(scenario.organisation)
    who = (world.secretary(), owner, bidder, expert, world.vendor())
    assert [signed_in(actor).get(url).status_code for actor in who] == [200, 200, 404, 404, 404]
    unfinished = factories.scenario_in_review(1)
    with pytest.raises(NotFound):
        queries.score_overview(world.officer(), unfinished)


def test_forty_bids_cost_as_many_queries_as_one(count_queries):
    client, asked = signed_in(world.officer()), []
    for size in ((1, 3, 4), (40, 9, 12)):
        scenario = reviewed(*size)
        url = f"/scenarios/{scenario.address}/scores/"
        client.get(url)
        with count_queries() as queried:
            page = client.get(url)
        asked.append(len(queried))
        cells = page.content.decode().count('class="jb-right jb-num"')
        bids, judges, criteria = size
        # Totals, and every criterion but the price with its weight and mean.
        assert cells == bids * (judges + 6) + bids * (criteria - 1) * (judges + 2)
    assert asked[0] == asked[1]
    assert asked[1] <= 12
    found = queries.score_overview(world.officer(), scenario)
    given = Score.objects.filter(sheet__bid__scenario=scenario, criterion__code="C5")
    points = [row.points for row in given.filter(sheet__bid__blind_code="B3")]
    (row,) = [bid for bid in found.bids if bid.blind_code == "B3"]
    assert Decimal(row.criteria[4].mean) == round(sum(points) / len(points), 2)
