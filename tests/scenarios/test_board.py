"""The board: what is on it, how it is found, and at what cost."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from marketplace.base import clock as real_clock
from marketplace.base.actor import VISITOR
from marketplace.scenarios import tallies
from marketplace.scenarios.board import _counted, page_of, tallied
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario, State
from marketplace.scenarios.queries import board, facets
from marketplace.scenarios.search.indexing import index
from marketplace.scenarios.search.synonyms import synonyms
from marketplace.scenarios.tallies import BoardTally
from tests import world

pytestmark = pytest.mark.django_db


def post(**fields):
    """A posted demand with its words."""
    deadline_at = real_clock.now() + timedelta(days=fields.pop("days", 30))
    scenario = world.published_scenario(deadline_at=deadline_at, **fields)
    index([scenario])
    return scenario


def refs(filters=None, sort="closing"):
    return [row.ref for row in board(VISITOR, filters or {}, sort)]


def counts(filters=None):
    found = facets(VISITOR, filters or {})
    return {
        name: {choice.code: choice.count for choice in found[name] if choice.count}
        for name in ("state", "domain", "carrier", "area", "mode")
    }


def test_only_what_is_posted_is_on_the_board_whoever_looks():
    owner = world.owner()
    for state in BEFORE_PUBLICATION:
        world.draft_scenario(owner, state=state)
    shown = post()
    for actor in (VISITOR, owner, world.officer()):
        assert [row.pk for row in board(actor, {})] == [shown.pk]
        assert facets(actor, {})["total"] == 1


def test_groups_follow_the_clock_not_the_sweep(clock):
    scenario = post()
    scenario.refresh_from_db()
    clock.freeze(scenario.deadline_at - timedelta(microseconds=1))
    assert (refs({"state": "open"}), refs({"state": "review"})) == ([scenario.ref], [])
    assert counts()["state"] == {"open": 1}
    clock.freeze(scenario.deadline_at)
    assert (refs({"state": "open"}), refs({"state": "review"})) == ([], [scenario.ref])
    assert counts()["state"] == {"review": 1}


@pytest.mark.parametrize(
    ("state", "group"),
    [
        (State.CLOSED, "review"),
        (State.ELIGIBILITY, "review"),
        (State.PUBLICITY, "review"),
        (State.AWARDED, "done"),
        (State.ACCEPTED, "done"),
        (State.WITHDRAWN, "done"),
        (State.FAILED, "done"),
        (State.TERMINATED, "done"),
    ],
)
def test_each_state_is_in_one_group(state, group):
    scenario = post(state=state)
    for name in ("open", "review", "done"):
        assert refs({"state": name}) == ([scenario.ref] if name == group else [])
    assert counts()["state"] == {group: 1}


def test_filters_and_their_counts_agree():
    areas = ("innovation_zone", "services_zone")
    domains = ("ai", "data_compliance")
    for number in range(8):
        post(
            domain=world.term("domain", domains[number % 2]),
            area=world.term("area", areas[number // 2 % 2]),
            carrier=world.term("carrier", "data_port") if number == 3 else None,
            organising_mode="race" if number > 5 else "best",
            race_entrants=3 if number > 5 else None,
            state=State.AWARDED if number == 0 else State.PUBLISHED,
        )
    for filters in (
        {},
        {"domain": "ai"},
        {"domain": "ai", "area": "services_zone"},
        {"mode": "race", "state": "open"},
        {"carrier": "data_port", "domain": "data_compliance"},
        {"carrier": "data_port", "domain": "ai"},
    ):
        found = facets(VISITOR, filters)
        assert found["total"] == board(VISITOR, filters).count()
        for name in ("state", "domain", "carrier", "area", "mode"):
            for choice in found[name]:
                narrowed = filters | {name: choice.code}
                assert choice.count == board(VISITOR, narrowed).count(), (filters, name)
                assert choice.chosen is (filters.get(name) == choice.code)
        for name in filters:
            without = {key: value for key, value in filters.items() if key != name}
            assert found["without"][name] == board(VISITOR, without).count()


def test_every_term_of_a_facet_is_offered_in_its_order():
    codes = [choice.code for choice in facets(VISITOR, {})["domain"]]
    assert codes == ["industrial_internet", "digital_infrastructure", "ai", "data_compliance"]


def test_words_are_found_whatever_their_width_and_case():
    sbom, other = post(title="芯片供应链 SBOM 检查"), post(title="港口勒索恢复")
    assert refs({"q": "ｓｂｏｍ　芯片"}) == [sbom.ref]
    assert refs({"q": "勒索"}) == [other.ref]
    assert refs({"q": sbom.ref.lower()}) == [sbom.ref]
    assert refs({"q": "sbom 勒索"}) == []
    assert set(refs({"q": "  "})) == {sbom.ref, other.ref}
    found = facets(VISITOR, {"q": "勒索", "domain": "ai"})
    assert (found["total"], found["without"]) == (0, {"domain": 1, "q": 0})


@pytest.mark.parametrize("typed", ["%", "_", "\\", "'; --", "\x00", "%%_", "x" * 5000])
def test_signs_of_the_database_are_plain_text(typed):
    post()
    assert refs({"q": typed}) in ([], refs())


@pytest.mark.parametrize("name", ["state", "domain", "carrier", "area", "mode"])
def test_an_unknown_code_finds_nothing(name):
    post()
    assert refs({name: "no-such"}) == []
    assert facets(VISITOR, {name: "no-such"})["total"] == 0


def test_orders():
    late, soon = post(days=50, budget_cny=Decimal(5)), post(days=20, budget_cny=Decimal(9))
    over = post(days=10, budget_cny=Decimal(7), state=State.AWARDED)
    assert refs(sort="closing") == [soon.ref, late.ref, over.ref]
    assert refs(sort="new") == [over.ref, soon.ref, late.ref]
    assert refs(sort="budget") == [soon.ref, over.ref, late.ref]
    assert refs(sort="no-such") == refs(sort="closing")


def test_the_board_costs_the_same_for_one_row_and_for_thirty(count_queries):
    def look():
        synonyms()  # the process knows the words
        with count_queries() as queries:
            rows = list(board(VISITOR, {"q": "示例", "domain": "ai"}, "new"))
            for row in rows:
                near = (row.organisation, row.domain, row.area, row.profile)
                assert None not in near
                assert (row.carrier, row.focus) == (None, None)
            facets(VISITOR, {"q": "示例", "domain": "ai"})
        return len(rows), len(queries)

    domain = world.term("domain", "ai")
    post(domain=domain)
    assert look() == (1, 3)
    for _ in range(29):
        post(domain=domain)
    assert look() == (30, 3)


# -- The sums that are kept, and pages by indexes --------------------------------------------------
def recounted():
    with connection.cursor() as cursor:
        cursor.execute(tallies.RECOUNT)


def sums():
    names = ("group", "domain_id", "carrier_id", "area_id", "organising_mode", "rows")
    return sorted(map(str, BoardTally.objects.exclude(rows=0).values_list(*names)))


def a_board():
    ai, supply = world.term("domain", "ai"), world.term("domain", "data_compliance")
    made = [post(days=days, domain=ai) for days in (5, 3, 3, 9)]
    made += [post(domain=supply, state=state) for state in (State.REVIEW, State.AWARDED)]
    made += [post(days=1, organising_mode="race", race_entrants=2), post(state=State.WITHDRAWN)]
    world.draft_scenario(world.owner())
    return made


def test_the_sums_are_those_of_a_recount(clock):
    made = a_board()
    Scenario.objects.filter(pk=made[0].pk).update(state=State.CLOSED)
    Scenario.objects.filter(pk=made[4].pk).update(state=State.FAILED)
    world.draft_scenario(world.owner()).delete()
    kept = sums()
    assert len(kept) == 5
    recounted()
    assert sums() == kept


@pytest.mark.parametrize("sort", ["closing", "new", "budget"])
@pytest.mark.parametrize(
    "filters",
    [{}, {"state": "open"}, {"state": "review"}, {"state": "done"}, {"domain": "ai"},
     {"mode": "race"}, {"domain": "ai", "state": "review"}, {"q": "LG-"}],
)  # fmt: skip
def test_a_page_is_a_part_of_the_board(filters, sort, clock):
    """Some are over their deadline with no sweep having recorded it."""
    clock.freeze(real_clock.now())
    a_board()
    clock.move(timedelta(days=4))
    every = [row.pk for row in board(VISITOR, filters, sort)]
    for start in range(len(every) + 2):
        for stop in (start + 1, start + 2, start + 5):
            page = page_of(VISITOR, filters, sort, start, stop)
            assert [row.pk for row in page] == every[start:stop]
            known = facets(VISITOR, filters)
            page = page_of(VISITOR, filters, sort, start, stop, found=known)
            assert [row.pk for row in page] == every[start:stop]


def test_facets_are_those_that_are_counted(clock):
    clock.freeze(real_clock.now())
    a_board()
    for days in (0, 4, 40):
        clock.move(timedelta(days=days))
        assert tallied() == _counted(Scenario.objects.public())
