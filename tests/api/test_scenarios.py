import base64
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from marketplace.api.pagination import KeysetPagination
from marketplace.base import clock as base_clock
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.search.indexing import index
from tests import world

pytestmark = pytest.mark.django_db
LIST = "/api/v1/scenarios/"
PROBLEM = "application/problem+json"


def get(path, actor=None, **query):
    client = Client()
    if actor:
        client.force_login(actor.user)
    return client.get(path, query)


def uids(response):
    assert response.status_code == 200, response.content
    return [row["uid"] for row in response.json()["results"]]


def one(scenario):
    return f"{LIST}{scenario.uid}/"


# -- Who sees what ---------------------------------------------------------------------------------
def test_a_draft_is_seen_by_its_owner_only():
    owner = world.owner()
    draft = world.draft_scenario(owner)
    seen = {
        "visitor": None,
        "other vendor": world.vendor(),
        "other owner": world.owner(),
        "officer": world.officer(),
        "expert": world.person("expert"),
    }
    for name, actor in seen.items():
        assert uids(get(LIST, actor)) == [], name
        answer = get(one(draft), actor)
        assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM), name
    assert uids(get(LIST, owner)) == [str(draft.uid)]
    assert get(one(draft), owner).json()["state"] == "draft"


@pytest.mark.parametrize("state", [State.SUBMITTED, State.DEMONSTRATING, State.REJECTED])
def test_a_filed_demand_is_seen_by_its_owner_and_the_office(state):
    owner = world.owner()
    filed = world.draft_scenario(owner, state=state)
    for actor in (None, world.vendor(), world.person("witness")):
        assert uids(get(LIST, actor)) == []
        assert get(one(filed), actor).status_code == 404
    for actor in (owner, world.officer(), world.secretary()):
        assert uids(get(LIST, actor)) == [str(filed.uid)]
        assert get(one(filed), actor).status_code == 200


def test_a_state_filter_does_not_widen_what_is_seen():
    world.draft_scenario(world.owner())
    assert uids(get(LIST, state="draft")) == []


# -- What it says ----------------------------------------------------------------------------------
def test_one_scenario_in_full():
    scenario = world.published_scenario(title="<b>需求</b>")
    body = get(one(scenario)).json()
    assert (body["title"], body["ref"], body["budget_cny"]) == (
        "<b>需求</b>",
        scenario.ref,
        "1000000.00",
    )
    assert (body["domain"], body["carrier"], body["profile"]) == (
        "industrial_internet",
        None,
        "A/2",
    )
    assert body["deadline_at"].endswith("Z")
    assert body["metrics"][0]["value"] == "98.000000"
    assert [row["weight"] for row in body["criteria"]] == ["50.00", "20.00", "20.00", "10.00"]
    assert body["rules"]["values"]["bid_window_min"]["unit"] == "day"
    assert body["links"] == {
        "self": f"http://testserver{one(scenario)}",
        "html": f"http://testserver/scenarios/{scenario.ref}/",
    }
    assert (body["open"], body["actions"]) == (True, [])


def test_open_is_computed_from_the_clock(clock):
    clock.freeze(base_clock.now())
    scenario = world.published_scenario()
    clock.freeze(scenario.deadline_at - timedelta(microseconds=1))
    assert get(one(scenario)).json()["open"] is True
    clock.freeze(scenario.deadline_at)
    assert get(one(scenario)).json()["open"] is False
    assert get(one(scenario)).json()["state"] == "published"


def test_actions_name_the_moves_of_the_user():
    owner = world.owner()
    scenario = world.published_scenario(owner)
    moves = [
        {"name": name, "method": "POST", "href": f"http://testserver{one(scenario)}{path}/"}
        for name, path in (("draft_amendment", "amendments"), ("withdraw_scenario", "withdraw"))
    ]
    assert get(one(scenario), owner).json()["actions"] == moves
    assert get(LIST, owner).json()["results"][0]["actions"] == moves
    officer = get(one(scenario), world.officer()).json()
    assert names(officer) == ["draft_amendment", "suspend_scenario"]
    assert get(one(scenario), world.secretary()).json()["actions"] == []


def names(body):
    return [row["name"] for row in body["actions"]]


def test_actions_follow_the_demand_through_the_gate():
    owner, officer = world.owner(), world.officer()
    draft = world.draft_scenario(owner)
    world.documents(draft)
    assert names(get(one(draft), owner).json()) == [
        "edit_scenario",
        "submit_scenario",
        "delete_scenario",
    ]
    offered = {
        State.SUBMITTED: ["start_demonstration", "return_scenario", "reject_scenario"],
        State.DEMONSTRATING: ["invite_experts", "return_scenario", "reject_scenario"],
        State.DEMONSTRATED: ["publish_scenario", "return_scenario"],
        State.RETURNED: [],
    }
    for state, expected in offered.items():
        Scenario.objects.filter(pk=draft.pk).update(state=state)
        assert names(get(one(draft), officer).json()) == expected
        mine = ["edit_scenario", "submit_scenario"] if state == State.RETURNED else []
        assert names(get(one(draft), owner).json()) == mine


@pytest.mark.parametrize("state", [State.SUBMITTED, State.DEMONSTRATED])
def test_the_gate_s_list_takes_as_many_for_one_as_for_thirty(state, count_queries):
    officer, owner = world.officer(), world.owner()
    world.draft_scenario(owner, state=state)
    few = signed_in_queries(count_queries, officer)
    for _ in range(29):
        world.draft_scenario(world.owner(), state=state)
    assert signed_in_queries(count_queries, officer) == few


# -- Filters -----------------------------------------------------------------------------------------
def test_filters_narrow_and_several_values_are_alternatives():
    first = world.published_scenario(domain=world.term("domain", "ai"))
    second = world.published_scenario(organising_mode="race", race_entrants=3)
    third = world.published_scenario(state=State.FAILED)
    every = [str(row.uid) for row in (third, second, first)]
    assert uids(get(LIST)) == every
    assert uids(get(LIST, ref=first.ref)) == [str(first.uid)]
    assert uids(get(LIST, domain="ai")) == [str(first.uid)]
    assert uids(get(LIST, domain=["ai", "industrial_internet"])) == every
    assert uids(get(LIST, organising_mode="race")) == [str(second.uid)]
    assert uids(get(LIST, state=["failed", "published"], domain="ai")) == [str(first.uid)]
    assert uids(get(LIST, area="innovation_zone", organising_mode="best")) == [
        str(third.uid),
        str(first.uid),
    ]
    assert uids(get(LIST, carrier="data_port")) == []
    assert uids(get(LIST, ref="LG-2019-0001")) == []


def test_the_facets_of_the_board_and_its_words_filter_as_well():
    now = base_clock.now()
    first = world.published_scenario(
        title="港口勒索恢复", budget_cny=Decimal(400_000), deadline_at=now + timedelta(days=3)
    )
    second = world.published_scenario(
        title="工业控制监测", budget_cny=Decimal(900_000), focus=world.term("focus", "ics_security")
    )
    third = world.published_scenario(state=State.FAILED, budget_cny=Decimal(6_000_000))
    first.technologies.set([world.term("technology", "pentest")])
    second.platforms.set([world.term("linked_platform", "shuliang_zhizao")])
    index([first, second, third])
    uid_a, uid_b, uid_c = (str(row.uid) for row in (first, second, third))
    assert uids(get(LIST, technology="pentest")) == [uid_a]
    assert uids(get(LIST, platform=["shuliang_zhizao", "trade_data"])) == [uid_b]
    assert uids(get(LIST, focus="ics_security")) == [uid_b]
    assert uids(get(LIST, budget=["to_50", "above_500"])) == [uid_c, uid_a]
    assert uids(get(LIST, stage="done")) == [uid_c]
    assert uids(get(LIST, stage=["open", "review"])) == [uid_b, uid_a]
    assert uids(get(LIST, deadline="week")) == [uid_a]
    assert uids(get(LIST, q="勒索")) == [uid_a]
    assert uids(get(LIST, q="ICS 监测", stage="open")) == [uid_b]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", "open"),
        ("state", ""),
        ("domain", "tourism"),
        ("domain", "data_port"),  # a carrier
        ("carrier", "x\x00"),
        ("area", "1 OR 1=1"),
        ("organising_mode", "RACE"),
        ("ref", "lg-2026-1"),
        ("ref", "LG-2026-0001\x00"),
        ("ref", "LG-２０２６-0001"),
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("limit", "9999999"),
        ("offset", "5"),
        ("domian", "ai"),
        ("technology", "ics_security"),
        ("platform", ""),
        ("budget", "to_1"),
        ("stage", "published"),
        ("deadline", "tomorrow"),
        ("q", ""),
        ("q", "😀"),
        ("q", "长" * 101),
    ],
)
def test_what_is_not_known_is_refused(name, value):
    answer = get(LIST, **{name: value})
    body = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)
    assert (body["status"], body["code"], list(body["errors"])) == (
        400,
        "request.parameter",
        [name],
    )


# -- Pages -------------------------------------------------------------------------------------------
def test_pages_follow_one_another():
    owner = world.owner()
    every = [str(world.published_scenario(owner).uid) for _ in range(5)][::-1]
    first = get(LIST, limit=2).json()
    second = Client().get(first["next"]).json()
    third = Client().get(second["next"]).json()
    found = [row["uid"] for page in (first, second, third) for row in page["results"]]
    assert found == every
    assert (first["previous"], third["next"]) == (None, None)
    assert Client().get(second["previous"]).json()["results"] == first["results"]


def test_a_page_has_a_size_limit(monkeypatch):

    monkeypatch.setattr(KeysetPagination, "max_page_size", 2)
    owner = world.owner()
    for _ in range(3):
        world.published_scenario(owner)
    assert len(uids(get(LIST, limit=100))) == 2


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "中",
        base64.b64encode(b"p=abc").decode(),
        base64.b64encode(b"p=2026-01-01").decode(),
        base64.b64encode(b"p=99999999999999999999999").decode(),
        base64.b64encode("p=１".encode()).decode(),
        base64.b64encode(b"p=1%00").decode(),
        base64.b64encode(b"o=-1").decode(),
        base64.b64encode(b"\xff\xfe").decode(),
    ],
)
def test_a_cursor_that_is_none_is_refused(cursor):
    answer = get(LIST, cursor=cursor)
    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)
    assert list(answer.json()["errors"]) == ["cursor"]


# -- How many queries --------------------------------------------------------------------------------
@pytest.mark.parametrize("rows", [1, 30])
def test_a_visitor_list_takes_three_queries(rows, count_queries):
    owner = world.owner()
    for _ in range(rows):
        world.published_scenario(owner)
    with count_queries() as queries:
        assert len(uids(get(LIST, domain="industrial_internet"))) == rows
    assert len(queries) == 3


def signed_in_queries(count_queries, actor):
    client = Client()
    client.force_login(actor.user)
    with count_queries() as queries:
        client.get(LIST)
    return len(queries)


@pytest.mark.parametrize("maker", [world.vendor, world.owner, world.officer])
def test_a_signed_in_list_takes_as_many_for_one_as_for_thirty(maker, count_queries):
    actor, owner = maker(), world.owner()
    world.published_scenario(owner)
    few = signed_in_queries(count_queries, actor)
    for _ in range(29):
        world.published_scenario(owner)
    assert signed_in_queries(count_queries, actor) == few


def test_nothing_is_written_by_reading():
    scenario = world.published_scenario()
    before = Scenario.objects.values().get(pk=scenario.pk)
    get(LIST)
    get(one(scenario))
    assert Scenario.objects.values().get(pk=scenario.pk) == before
