"""The list says of each demand what the demand says of itself, however it is put together."""

import pytest
from django.test import Client

from marketplace.api.rows import FIELDS
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario, State
from tests import world

pytestmark = pytest.mark.django_db
LIST = "/api/v1/scenarios/"
EVIL = 'a "quoted" \\ \r\n\x1b <b>名</b> \u2028 😀'


def listed(path=LIST, actor=None, **query):
    client = Client()
    if actor:
        client.force_login(actor.user)
    answer = client.get(path, query)
    assert answer.status_code == 200
    return answer.json()


def demands(owner):
    plain = world.published_scenario(owner, title=EVIL, summary=EVIL)
    race = world.published_scenario(owner, organising_mode="race", race_entrants=3)
    over = world.published_scenario(state=State.FAILED)
    draft = world.draft_scenario(owner, budget_cny=None)
    return [draft, over, race, plain]


def test_each_row_is_the_start_of_its_object():
    owner = world.owner()
    made = demands(owner)
    for actor, rows in ((None, made[1:]), (owner, made)):
        body = listed(actor=actor)
        assert [row["uid"] for row in body["results"]] == [str(row.uid) for row in rows]
        for row in body["results"]:
            whole = listed(f"{LIST}{row['uid']}/", actor)
            assert {name: whole[name] for name in row} == row
            assert set(FIELDS) < set(row)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_visitors_and_people_turn_the_same_pages(limit):
    for number in range(7):
        world.published_scenario(title=f"demand {number}")
        world.draft_scenario(
            world.owner(), state=BEFORE_PUBLICATION[number % len(BEFORE_PUBLICATION)]
        )
    every = list(Scenario.objects.public().order_by("-id").values_list("uid", flat=True))
    for actor in (None, world.vendor()):
        seen, path, steps = [], f"{LIST}?limit={limit}", []
        while path:
            body = listed(path, actor)
            seen += [row["uid"] for row in body["results"]]
            steps.append(path)
            path, back = body["next"], body["previous"]
            if len(steps) > 1:
                before = listed(back, actor)["results"]
                assert [row["uid"] for row in before] == seen[
                    (len(steps) - 2) * limit : (len(steps) - 1) * limit
                ]
        assert seen == [str(uid) for uid in every]


def test_the_list_costs_visitors_two_queries(count_queries):
    world.published_scenario()
    listed()  # the process knows the terms
    with count_queries() as queries:
        listed()
    assert len(queries) == 2
    for _ in range(30):
        world.published_scenario()
    with count_queries() as queries:
        assert len(listed()["results"]) == 31
    assert len(queries) == 2
