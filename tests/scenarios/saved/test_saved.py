"""Searches that are kept: one's own, asked again once a day, each demand told once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import translation

from marketplace.base import clock as base_clock
from marketplace.base.actor import VISITOR, Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound
from marketplace.ledger.models import Event
from marketplace.notices.models import Notice
from marketplace.notices.queries import lines
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.saved import actions, looking
from marketplace.scenarios.saved.actions import (
    SavedLimit,
    delete_search,
    rename_search,
    save_search,
)
from marketplace.scenarios.saved.looking import promise_searches
from marketplace.scenarios.saved.models import Find, SavedSearch
from marketplace.scenarios.saved.queries import saved_searches
from tests import world
from tests.api.client import As
from tests.files.sending import signed_in
from tests.notices.steps import deliver
from tests.web.asking import text

pytestmark = pytest.mark.django_db
AI = {"domain": ["ai"]}


def posted(code="ai", **fields):
    return world.published_scenario(domain=world.term("domain", code), title_en="", **fields)


@pytest.fixture
def morning(clock):
    """Nine o'clock; `morning(1)` is that of the next day."""
    start = base_clock.day_starts_at(base_clock.today()) + timedelta(hours=9)

    def go(days=0, hours=0):
        clock.freeze(start + timedelta(days=days, hours=hours))

    go()
    return go


def look():
    promise_searches()
    deliver()


def found():
    rows = Notice.objects.filter(kind="search.found").order_by("pk")
    with translation.override("en"):
        return [line.text for row in rows for line in lines(row.user, [row])]


# -- Who, twice, what it leaves behind ---------------------------------------------------------------
def test_the_same_twice_is_once_and_leaves_no_event():
    vendor, events = world.vendor(), Event.objects.count()
    first = save_search(actor=vendor, name=" 人工\n智能 ", filters={**AI, "mode": [], "x": ["y"]})
    assert (first.name, first.filters) == ("人工 智能", AI)
    assert save_search(actor=vendor, name="人工 智能", filters=AI) == first
    with pytest.raises(Invalid):
        save_search(actor=vendor, name="人工 智能", filters={"q": "检测"})
    other = save_search(actor=vendor, name="检测", filters={"q": "检测"})
    with pytest.raises(Invalid):
        rename_search(actor=vendor, search_uid=other.uid, name="人工 智能")
    rename_search(actor=vendor, search_uid=other.uid, name="检测类")
    assert [row.name for row in saved_searches(vendor)] == ["人工 智能", "检测类"]
    delete_search(actor=vendor, search_uid=other.uid)
    with pytest.raises(NotFound):
        delete_search(actor=vendor, search_uid=other.uid)
    assert Event.objects.count() == events


@pytest.mark.parametrize("name", ["", " ", "名" * 81, "a\x00b"])
def test_a_name_is_needed(name):
    with pytest.raises(Invalid):
        save_search(actor=world.vendor(), name=name, filters=AI)


@pytest.mark.parametrize("filters", [{}, {"q": "  "}, {"domain": []}, {"domain": ["x" * 41]}])
def test_nothing_asked_is_not_saved(filters):
    with pytest.raises(Invalid):
        save_search(actor=world.vendor(), name="空", filters=filters)


def test_it_is_ones_own_and_visitors_and_inspectors_have_none(monkeypatch):
    vendor, other = world.vendor(), world.vendor()
    row = save_search(actor=vendor, name="一", filters=AI)
    with pytest.raises(NotFound):
        rename_search(actor=other, search_uid=row.uid, name="二")
    with pytest.raises(NotFound):
        delete_search(actor=other, search_uid=row.uid)
    assert list(saved_searches(other)) == []
    for actor in (VISITOR, world.person(Role.INSPECTOR)):
        with pytest.raises(NotAllowed):
            save_search(actor=actor, name="一", filters=AI)
    monkeypatch.setattr(actions, "SAVED_MOST", 1)
    save_search(actor=vendor, name="一", filters=AI)
    with pytest.raises(SavedLimit):
        save_search(actor=vendor, name="二", filters=AI)


# -- What is told ----------------------------------------------------------------------------------
def test_new_finds_are_told_once_a_day_and_each_demand_once(morning):
    posted(title="早已在榜")
    vendor = world.vendor()
    morning(0, 1)
    save_search(actor=vendor, name="人工智能", filters=AI)
    morning(0, 2)
    posted(title="甲")
    posted("industrial_internet", title="别的")
    look()
    assert found() == ["New for your saved search 人工智能: 甲"]
    look()
    morning(0, 4)
    posted(title="乙")
    look()  # tomorrow: once a day
    assert len(found()) == 1
    morning(1)
    look()
    assert [("甲" in one, "乙" in one) for one in found()] == [(True, False), (False, True)]
    morning(2)
    look()
    assert len(found()) == 2
    assert Find.objects.count() == 2


def test_not_at_night_and_a_late_commit_is_not_lost(morning):
    vendor = world.vendor()
    search = save_search(actor=vendor, name="人工智能", filters=AI)
    morning(0, 12)
    assert promise_searches() == 0
    morning(1)
    look()
    # Written while the board was looked through, and seen only afterwards.
    late = posted(title="迟到")
    Scenario.objects.filter(pk=late.pk).update(
        published_at=SavedSearch.objects.get(pk=search.pk).looked_at - timedelta(seconds=5)
    )
    morning(2)
    look()
    assert len(found()) == 1


def test_what_can_no_longer_be_read_is_not_told(morning):
    vendor = world.vendor()
    search = save_search(actor=vendor, name="人工智能", filters=AI)
    morning(0, 1)
    scenario = posted(title="甲")
    look()
    [before] = found()
    assert "甲" in before
    Scenario.objects.filter(pk=scenario.pk).update(state=State.DEMONSTRATED)
    assert found() == [""]
    Scenario.objects.filter(pk=scenario.pk).update(state=State.PUBLISHED)
    delete_search(actor=vendor, search_uid=search.uid)
    assert found() == [""]


def test_of_too_many_the_rest_comes_the_next_day(morning, monkeypatch):
    monkeypatch.setattr(looking, "FOUND_MOST", 2)
    save_search(actor=world.vendor(), name="人工智能", filters=AI)
    for hour in (1, 2, 3):
        morning(0, hour)
        posted()
    look()
    assert Find.objects.count() == 2
    morning(1)
    look()
    assert Find.objects.count() == 3


# -- Pages and API ---------------------------------------------------------------------------------
def test_the_board_saves_and_the_pages_name_and_drop(morning):
    vendor = world.vendor()
    client = signed_in(vendor)
    assert "Save this search" not in text(client.get("/en/"))
    assert "Save this search" in text(client.get("/en/?domain=ai"))
    sent = client.post("/en/desk/searches/", {"name": "AI", "domain": "ai"})
    assert (sent.status_code, sent["Location"]) == (302, "/en/desk/searches/")
    row = SavedSearch.objects.get()
    shown = text(client.get("/en/desk/searches/"))
    assert "/en/?domain=ai" in shown
    wrong = client.post("/en/desk/searches/", {"name": "", "q": "检测"})
    assert wrong.status_code == 422
    assert 'name="q" value="检测"' in text(wrong)
    morning(0, 1)
    posted(title="甲")
    look()
    address = f"/en/desk/searches/{row.uid}/"
    assert "甲" in text(client.get(address))
    assert client.post(address, {"name": "AI 2"}).status_code == 302
    assert signed_in(world.officer()).get(address).status_code == 404
    assert client.post(address, {"do": "delete"}).status_code == 302
    assert SavedSearch.objects.count() == 0


def test_the_same_by_api():
    api = As(world.vendor())
    given = {"name": "AI", "facets": {"domain": ["ai"]}, "q": "检测"}
    made = api.post("saved-searches/", given)
    assert (made.status_code, made.json()["filters"]) == (201, {"q": "检测", "domain": ["ai"]})
    path = f"saved-searches/{made.json()['uid']}/"
    assert api.patch(path, {"name": "AI 2"}).json()["name"] == "AI 2"
    assert [row["name"] for row in api.get("saved-searches/").json()["results"]] == ["AI 2"]
    assert As(world.officer()).get(path).status_code == 404
    assert api.send("delete", path).status_code == 204
    assert api.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/en/desk/searches/", "/api/v1/saved-searches/"])
def test_lists_cost_the_same_with_one_and_with_twenty(path, count_queries):
    vendor, seen = world.vendor(), []
    client = signed_in(vendor)
    for numbers in (range(1), range(1, 20)):
        for number in numbers:
            save_search(actor=vendor, name=f"搜索{number}", filters=AI)
        client.get(path)
        with count_queries() as queries:
            assert client.get(path).status_code == 200
        seen.append(len(queries))
    assert seen[0] == seen[1]


def test_what_fits_is_kept_for_the_organisation_and_found_as_it_declares_then(morning):
    vendor = world.vendor(capabilities=["ai"])
    client = signed_in(vendor)
    assert 'name="fits" value="1"' in client.get("/en/?fits=1").content.decode()
    morning(0, 1)
    sent = client.post("/en/desk/searches/", {"name": "合适", "fits": "1"})
    assert sent.status_code == 302
    row = SavedSearch.objects.get()
    assert row.filters == {"fits": [str(vendor.party.uid)]}
    shown = text(client.get("/en/desk/searches/"))
    assert ("what your organisation declares that it can do" in shown, "/en/?fits=1" in shown) == (
        True,
        True,
    )
    with pytest.raises(Invalid):
        save_search(actor=world.vendor(), name="合适", filters={"fits": "1"})
    morning(0, 2)
    posted(title="甲")
    posted("industrial_internet", title="别的")
    look()
    assert found() == ["New for your saved search 合适: 甲"]
    # Whoever has left the organisation is told no more of what fits it.
    vendor.user.memberships.all().delete()
    morning(1)
    posted(title="乙")
    look()
    assert len(found()) == 1
