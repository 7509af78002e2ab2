"""The matrix domain × carrier: its cells are the board's, its holes are said in words."""

import csv
import io
import re

import pytest
from django.test import Client

from marketplace.scenarios.matrix import matrix
from marketplace.scenarios.models import State
from tests import world
from tests.web.asking import get, text

pytestmark = pytest.mark.django_db


def posted(domain="ai", carrier="data_port", **more):
    given = {"domain": world.term("domain", domain)}
    given["carrier"] = world.term("carrier", carrier) if carrier else None
    return world.published_scenario(**given, **more)


def sums():
    return {
        (cell.domain and cell.domain.code, cell.carrier and cell.carrier.code): (
            cell.open,
            cell.review,
            cell.done,
        )
        for cell in matrix().cells
        if cell.posted
    }


def test_each_cell_counts_what_the_board_finds():
    posted(), posted(), posted("data_compliance", state=State.CLOSED)
    posted(state=State.FAILED), posted(carrier=None)
    world.draft_scenario(world.owner())
    assert sums() == {
        ("ai", "data_port"): (2, 0, 1),
        ("data_compliance", "data_port"): (0, 1, 0),
        ("ai", None): (1, 0, 0),
    }
    shown = text(get("/en/goals/matrix/"))
    for cell in matrix().cells:
        if cell.domain and cell.carrier:
            path = f"/en/?domain={cell.domain.code}&amp;carrier={cell.carrier.code}"
            assert f'href="{path}"' in shown
            board = text(get(path.replace("&amp;", "&")))
            count = re.search(r'id="found"[^>]*>(\d+) demand', board)
            assert int(count[1]) == cell.posted


def test_what_is_empty_is_said():
    posted()
    found = matrix()
    assert (len(found.holes), found.places) == (11, 12)
    shown = text(get("/en/goals/matrix/"))
    assert "11 of 12 places are empty" in shown
    assert shown.count('class="pub-hole"') == 11
    assert "Artificial intelligence × Information Flying Fish" in shown
    # What names no carrier is no place of the matrix.
    assert "No carrier named" not in shown
    posted(carrier=None)
    assert len(matrix().holes) == 11
    assert "No carrier named" in text(get("/en/goals/matrix/"))
    assert 'class="pub-hole"' in text(get("/goals/"))


def test_the_same_as_csv():
    posted()
    answer = Client().get("/goals/matrix.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 12
    assert [
        (row["domain"], row["carrier"], row["posted"], row["open"])
        for row in rows
        if row["posted"] != "0"
    ] == [("ai", "data_port", "1", "1")]
    again = Client(headers={"If-None-Match": answer["ETag"]}).get("/goals/matrix.csv")
    assert (again.status_code, again.content) == (304, b"")
    posted()
    assert Client().get("/goals/matrix.csv")["ETag"] != answer["ETag"]


@pytest.mark.parametrize("count", [1, 30])
def test_it_takes_two_queries(count, count_queries):
    owner = world.owner()
    for _ in range(count):
        world.published_scenario(owner)
    matrix()
    with count_queries() as queries:
        matrix()
    assert len(queries) == 2
