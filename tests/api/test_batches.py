"""A batch through the API: called, filed under, gathered, announced, all or none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace.base import clock as real_clock
from marketplace.scenarios.models import State
from tests import world
from tests.api.client import As, refused
from tests.scenarios import typed

pytestmark = pytest.mark.django_db


def call(**changed):
    return {
        "number": 1,
        "title": "第一批需求征集",
        "call_number": "沪临网办〔2026〕1号",
        "text": "征集网络安全需求。",
        "closes_at": (real_clock.now() + timedelta(days=5)).isoformat(),
    } | changed


def moves(body):
    return [row["name"] for row in body["actions"]]


def test_from_the_call_to_the_announcement(settings, clock):
    settings.MFA_OPTIONAL = True
    clock.freeze(clock.now())
    owner, first, second = world.owner(), As(world.officer()), As(world.officer())
    made = first.post("batches/", call(title="草稿"))
    assert made.status_code == 201, made.content
    address = f"batches/{made.json()['uid']}/"
    assert moves(made.json()) == ["save_batch", "call_batch", "cancel_batch", "add_task"]
    refused(As().get(address), 404, "not_found")
    saved = first.patch(address, {"title": "第一批需求征集"}, match=made["ETag"])
    assert saved.json()["title"] == "第一批需求征集", saved.content
    assert first.post(f"{address}call/").json()["open"] is True
    assert As().get(address).json()["actions"] == []
    good, bare = typed.demonstrated(owner), world.draft_scenario(owner, state=State.DEMONSTRATED)
    for row in (good, bare):
        body = {"batch": made.json()["uid"]}
        joined = As(owner).post(f"scenarios/{row.uid}/call/", body)
        assert joined.status_code == 200, joined.content
    assert As().get(address).json()["demands"] == []
    assert len(As(owner).get(address).json()["demands"]) == 2
    task = {"title": "核对", "due_date": "2027-12-31", "responsible_office": "数据处"}
    [row] = first.post(f"{address}tasks/", task).json()["tasks"]
    assert (
        first.post(f"tasks/{row['uid']}/report/", {"progress": 100}).json()["tasks"][0]["light"]
        == "green"
    )
    refused(first.post(f"{address}gather/"), 409, "deadline.not_reached")
    clock.move(timedelta(days=5))
    assert "announce_batch" in moves(first.post(f"{address}gather/").json())
    holders = [str(world.make_user().uid) for _ in range(2)]
    sent = {
        "announcement_number": "公告1号",
        "demands": [str(good.uid), str(bare.uid)],
        "key_holders": holders,
        "deadline_at": (real_clock.now() + timedelta(days=40)).isoformat(),
    }
    errors = refused(second.post(f"{address}announce/", sent), 422, "batch.not_published")["errors"]
    assert list(errors) == [f"demand-{bare.uid}"]
    done = second.post(f"{address}announce/", sent | {"demands": [str(good.uid)]})
    assert (done.status_code, done.json()["state"]) == (200, "announced"), done.content
    assert As().get(address).json()["demands"] == [str(good.uid)]
    assert [row["number"] for row in As().get("batches/").json()["results"]] == [1]


def test_batches_list_costs_the_same_for_one_and_thirty(count_queries):
    officer, costs = world.officer(), []
    for numbers in ([1], range(2, 31)):
        for number in numbers:
            As(officer).post("batches/", call(number=number))
        client = As(officer)
        client.get("batches/")
        with count_queries() as counted:
            assert client.get("batches/").status_code == 200
        costs.append(len(counted))
    assert costs[0] == costs[1]
