"""What fits a vendor: the arithmetic, the order, the reason in words."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from marketplace.base import clock as base_clock
from marketplace.scenarios.board import facets, page_of
from marketplace.scenarios.fitting.queries import fits, fits_among, fitting
from marketplace.scenarios.fitting.scoring import DOMAINS, FOCUSES, Fit, fit
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.reference import Term
from marketplace.scenarios.search.indexing import index_again
from tests import world
from tests.api.client import As
from tests.files.sending import signed_in
from tests.web.asking import text

db = pytest.mark.django_db
TECHNOLOGIES = ["ai", "mpc", "converged", "data_flow", "pentest", "quantum", "identity"]
codes = st.lists(st.sampled_from(TECHNOLOGIES))
domains = st.sampled_from(["", "ai", "industrial_internet", "data_compliance"])
focuses = st.sampled_from(["", "ics_security", "cross_border_data"])


@given(codes, codes, domains, focuses)
def test_the_points_follow_from_what_is_told(mine, asked, domain, focus):
    found = fit(mine, asked, domain, focus)
    assert set(found.technologies) == set(mine) & set(asked)
    near = any(domain in DOMAINS.get(code, ()) for code in mine)
    sharp = any(focus in FOCUSES.get(code, ()) for code in mine)
    assert (found.domain, found.focus) == (domain * near, focus * sharp)
    assert found.points == min(9, 3 * len(set(mine) & set(asked))) + 2 * near + 2 * sharp


@given(codes, codes, domains, focuses, st.sampled_from(TECHNOLOGIES))
def test_whoever_can_more_fits_no_worse(mine, asked, domain, focus, more):
    least = fit(mine, asked, domain, focus).points
    assert fit([*mine, more], asked, domain, focus).points >= least


def test_nothing_declared_fits_nothing():
    assert fit([], ["ai"], "ai", "ics_security") == Fit()


def posted(domain, *technologies, **fields):
    scenario = world.published_scenario(domain=world.term("domain", domain), **fields)
    scenario.technologies.set(world.term("technology", code) for code in technologies)
    index_again(every=True)  # as the publication does
    return scenario


@db
def test_the_vocabularies_know_the_table():
    known = set(Term.objects.values_list("vocabulary", "code"))
    assert {("technology", code) for code in (*DOMAINS, *FOCUSES)} <= known
    assert {("domain", code) for found in DOMAINS.values() for code in found} <= known
    assert {("focus", code) for found in FOCUSES.values() for code in found} <= known


@db
def test_open_ones_the_best_first_then_the_soonest():
    vendor = world.vendor(capabilities=["ai", "pentest"])
    now = base_clock.now()
    late = posted("ai", deadline_at=now + timedelta(days=20))
    soon = posted("ai", deadline_at=now + timedelta(days=9))
    posted("industrial_internet", "quantum")
    posted("ai", "ai", state=State.REVIEW)
    best = posted("ai", "ai", "pentest", deadline_at=now + timedelta(days=40))
    found = fits(vendor)
    assert [(row.pk, one.points) for row, one in found] == [
        (best.pk, 8),
        (soon.pk, 2),
        (late.pk, 2),
    ]
    assert fits_among(vendor, [soon, best]) == {row.pk: one for row, one in found[:2]}
    assert fits(world.vendor()) == []
    assert fits(world.owner(capabilities=["ai"])) == []
    assert fits_among(world.officer(), [best]) == {}


@db
def test_the_reason_stands_beside_it_in_words():
    vendor = world.vendor(capabilities=["ai"])
    posted("ai", "ai")
    client = signed_in(vendor)
    assert (
        "Fits you: technology: Artificial intelligence; domain near to it: Artificial intelligence"
    ) in text(client.get("/en/desk/fits/"))
    assert "Fits you: technology: Artificial" in text(client.get("/en/"))
    assert "Fits you" not in text(signed_in(world.owner()).get("/en/"))
    assert "No capabilities are declared" in text(signed_in(world.vendor()).get("/en/desk/fits/"))


@db
def test_one_and_thirty_cost_the_same(count_queries):
    owner, vendor, seen = world.owner(), world.vendor(capabilities=["ai"]), []
    client = signed_in(vendor)
    for number in (1, 29):
        for _ in range(number):
            scenario = world.published_scenario(owner, domain=world.term("domain", "ai"))
            scenario.technologies.set([world.term("technology", "ai")])
        client.get("/en/desk/fits/")
        with count_queries() as queries:
            client.get("/en/desk/fits/")
            client.get("/en/")
        seen.append(len(queries))
    assert seen[0] == seen[1]


# -- As a filter of the board ------------------------------------------------------------------------
def found(client, path):
    shown = text(client.get(path))
    return re.findall(r'<span class="jb-num">(LG-[^<]+)</span>', shown), shown


@db
def test_it_filters_the_board_beside_the_others_and_says_why():
    vendor = world.vendor(capabilities=["ai", "converged"])
    client = signed_in(vendor)
    fit_open = posted("ai", "ai", title="甲项目")
    fit_past = posted("ai", state=State.REVIEW)
    by_focus = posted("data_compliance", focus=world.term("focus", "ics_security"))
    posted("data_compliance", "quantum")
    every = {fit_open.ref, fit_past.ref, by_focus.ref}
    refs, shown = found(client, "/en/?fits=1")
    assert set(refs) == every
    assert shown.count("Fits you: ") == 3
    assert "3 demands" in shown
    assert set(found(client, "/en/?fits=1&state=open")[0]) == {fit_open.ref, by_focus.ref}
    assert found(client, "/en/?fits=1&domain=ai&state=open&sort=new")[0] == [fit_open.ref]
    assert found(client, "/en/?fits=1&q=甲项目")[0] == [fit_open.ref]
    refs, shown = found(client, "/en/?fits=1&technology=quantum")
    assert refs == []
    assert "what your organisation declares that it can do" in shown  # which to drop: it or quantum


@db
def test_the_filter_finds_exactly_what_the_points_find():
    vendor = world.vendor(capabilities=["ai", "mpc"])
    for domain in ("ai", "data_compliance", "industrial_internet"):
        posted(domain)
        posted(domain, "mpc", "quantum")
    rows = list(Scenario.objects.select_related("domain", "focus"))
    numbers = facets(vendor, {"fits": fitting(vendor)})
    shown = page_of(vendor, {"fits": fitting(vendor)}, "closing", 0, 20)
    assert {row.pk for row in shown} == set(fits_among(vendor, rows))
    assert numbers["total"] == len(shown)


@db
def test_an_own_demand_fits_nobody_of_its_organisation():
    both = world.owner(capabilities=["ai"], is_vendor=True)
    own = world.published_scenario(both, domain=world.term("domain", "ai"))
    other = posted("ai")
    refs, _shown = found(signed_in(both), "/en/?fits=1")
    assert refs == [other.ref]
    assert own.ref in found(signed_in(both), "/en/")[0]


@db
def test_for_others_it_filters_nothing_and_says_so():
    scenario = posted("industrial_internet")
    for actor in (None, world.officer(), world.vendor()):
        refs, shown = found(signed_in(actor) if actor else Client(), "/en/?fits=1")
        assert refs == [scenario.ref]
        assert "here it filters nothing" in shown
        assert "Only what fits" not in shown


@db
def test_the_filter_costs_the_same_for_one_and_thirty(count_queries):
    owner, client, seen = world.owner(), signed_in(world.vendor(capabilities=["ai"])), []
    for number in (1, 29):
        for _ in range(number):
            world.published_scenario(owner, domain=world.term("domain", "ai"))
        client.get("/en/?fits=1&state=open")
        with count_queries() as queries:
            client.get("/en/?fits=1&state=open")
        seen.append(len(queries))
    assert seen[0] == seen[1]


@db
def test_the_api_filters_by_it_for_those_who_declare_something(settings):
    settings.MFA_OPTIONAL = True
    vendor = world.vendor(capabilities=["ai", "mpc"])
    ones = [posted("ai"), posted("data_compliance", "mpc", "quantum")]
    posted("industrial_internet", "quantum")
    caller = As(vendor)
    rows = caller.get("scenarios/?fits=1").json()["results"]
    assert {row["ref"] for row in rows} == {row.ref for row in ones}
    named = caller.get("scenarios/?fits=1&technology=quantum").json()["results"]
    assert [row["ref"] for row in named] == [ones[1].ref]
    assert caller.get("scenarios/?fits=2").status_code == 400
    assert As(world.vendor()).get("scenarios/?fits=1").status_code == 400
    sent = caller.post("saved-searches/", {"name": "合适", "fits": True})
    assert sent.json()["filters"] == {"fits": [str(vendor.party.uid)]}
