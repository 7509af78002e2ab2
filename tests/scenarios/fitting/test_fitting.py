"""What fits a vendor: the arithmetic, the order, the reason in words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.base import clock as base_clock
from marketplace.scenarios.fitting.queries import fits, fits_among
from marketplace.scenarios.fitting.scoring import DOMAINS, FOCUSES, Fit, fit
from marketplace.scenarios.models import State
from marketplace.scenarios.reference import Term
from tests import world
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
