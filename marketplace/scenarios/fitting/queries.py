"""Which open demands fit a vendor, by what its organisation declares."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Prefetch

from marketplace.base.actor import Actor
from marketplace.scenarios.fitting.scoring import DOMAINS, FOCUSES, Fit, at_home, fit
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.reference import Term
from marketplace.scenarios.search.asked import Fitting, open_now

# Of what fits somehow, the soonest so many are weighed.
WEIGHED_MOST = 200
PARTS = ("organisation", "domain", "carrier", "area", "focus", "profile")


def capabilities_of(actor: Actor) -> list[str]:
    """What a vendor's organisation declares; empty for all others."""
    organisation = actor.organisation
    return list(organisation.capabilities) if organisation and organisation.is_vendor else []


def facts_of(capabilities: list[str]) -> tuple[int, ...]:
    """Any of these in a demand is worth points, and nothing else is. One query."""
    wanted = {
        "technology": set(capabilities),
        "domain": at_home(capabilities, DOMAINS),
        "focus": at_home(capabilities, FOCUSES),
    }
    terms = Term.objects.filter(vocabulary__in=wanted).values_list("pk", "vocabulary", "code")
    return tuple(sorted(pk for pk, vocabulary, code in terms if code in wanted[vocabulary]))


def fitting(actor: Actor) -> Fitting | None:
    """What the board's filter asks for; None where nothing is declared."""
    mine = capabilities_of(actor)
    return Fitting(facts_of(mine), actor.organisation_id) if mine else None


def fits(actor: Actor) -> list[tuple[Scenario, Fit]]:
    """Open demands, the best fit first, then the soonest deadline. At most three queries."""
    mine = capabilities_of(actor)
    if not mine:
        return []
    ids = list(facts_of(mine))
    rows = Scenario.objects.visible_to(actor).filter(open_now(), suspended=False)
    rows = rows.filter(search__facts__overlap=ids).exclude(organisation=actor.organisation_id)
    some = rows.select_related(*PARTS).order_by("deadline_at", "pk")[:WEIGHED_MOST]
    return sorted(
        weighed(mine, some.prefetch_related(TECHNOLOGIES)), key=lambda one: -one[1].points
    )


def fits_among(actor: Actor, rows: list[Scenario]) -> dict[int, Fit]:
    """{id: its fit} of these demands. One query; none without declared capabilities."""
    mine = capabilities_of(actor)
    if not mine or not rows:
        return {}
    through = Scenario.technologies.through.objects.filter(scenario__in=[row.pk for row in rows])
    codes: dict[int, list[str]] = {}
    for pk, code in through.order_by("term__position", "term").values_list(
        "scenario_id", "term__code"
    ):
        codes.setdefault(pk, []).append(code)
    found = {row.pk: of_row(mine, row, codes.get(row.pk, [])) for row in rows}
    return {pk: one for pk, one in found.items() if one.points}


TECHNOLOGIES = Prefetch("technologies", Term.objects.order_by("position", "pk"))


def weighed(mine: list[str], rows: Iterable[Scenario]) -> list[tuple[Scenario, Fit]]:
    found = [
        (row, of_row(mine, row, [term.code for term in row.technologies.all()])) for row in rows
    ]
    return [(row, one) for row, one in found if one.points]


def of_row(mine: list[str], row: Scenario, technologies: list[str]) -> Fit:
    domain = row.domain.code if row.domain else ""
    return fit(mine, technologies, domain, row.focus.code if row.focus else "")
