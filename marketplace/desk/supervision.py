"""What the desks of supervision and measurement show besides tasks, and what a request opens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.awards.models import Decision, Publicity
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.bidding.models import Bid, Opening, OpeningStage, OpeningState
from marketplace.committee.models import Panel, Report
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario, State
from marketplace.supervision.models import Inspection, Scope
from marketplace.supervision.queries import requests_in_force, subjects_of

Text = str | Promise
LIMIT = 50
BEFORE_OPENING = {*BEFORE_PUBLICATION, State.PUBLISHED, State.CLOSED}


@dataclass(frozen=True)
class Link:
    label: Text
    url: str


@dataclass(frozen=True)
class Line:
    """One demand with what may be opened of it."""

    scenario: Scenario
    links: list[Link]
    at: datetime | None = None
    due_at: datetime | None = None
    note: Text = ""


@dataclass(frozen=True)
class Section:
    title: Text
    nothing: Text
    lines: list[Line] = field(default_factory=list)
    states: bool = False  # whether each line shows where its demand stands


def sections_for(actor: Actor) -> list[Section]:
    """By role; empty for everybody who only has tasks. A constant number of queries."""
    if actor.role == Role.WITNESS:
        return [witnessed(actor)]
    if actor.role == Role.COMPLAINTS:
        return [notices_in_force()]
    if actor.role == Role.EVALUATOR:
        nothing = _("No heat and no milestone is assigned to you.")
        return [Section(_("To measure"), nothing)]
    return []


def record_of(opening: Opening) -> list[Link]:
    """None for those that finished before records were signed."""
    if not hasattr(opening, "record"):
        return []
    address = reverse("opening-record", args=[opening.scenario.address, opening.stage])
    return [Link(_("Record"), address)]


def signals_from(opening: Opening) -> list[Link]:
    """Once the prices are opened every sheet is locked, and there may be something to see."""
    if opening.stage != OpeningStage.PRICE:
        return []
    return [Link(_("Signals"), reverse("signals", args=[opening.scenario.address]))]


def witnessed(actor: Actor) -> Section:
    """Openings that have taken place, the newest first, each with its record."""
    rows = Opening.objects.visible_to(actor).filter(state=OpeningState.FINISHED)
    rows = rows.select_related("scenario__organisation", "record").order_by("-finished_at", "-pk")
    lines = [
        Line(
            row.scenario,
            [
                Link(_("Opening"), reverse("opening", args=[row.scenario.address])),
                *record_of(row),
                *signals_from(row),
            ],
            at=row.finished_at,
            note=row.get_stage_display(),
        )
        for row in rows[:LIMIT]
    ]
    return Section(_("Openings that have taken place"), _("No opening has finished yet."), lines)


def notices_in_force() -> Section:
    """Publicity under way, the nearest end first: until then objections may come."""
    rows = Publicity.objects.filter(ends_at__gt=clock.now())
    rows = rows.select_related("decision__scenario__organisation").order_by("ends_at", "pk")
    lines = [
        Line(
            row.decision.scenario,
            [Link(_("Notice"), reverse("publicity", args=[row.decision.scenario.address]))],
            due_at=row.ends_at,
        )
        for row in rows[:LIMIT]
    ]
    return Section(_("Notices in force"), _("No notice is in publicity."), lines)


# -- What a request opens ----------------------------------------------------------------------------
def opened_scenarios(actor: Actor, inspection: Inspection) -> QuerySet[Scenario]:
    """The demands that this request opens to the actor, newest first; none unless in force."""
    rows = Scenario.objects.visible_to(actor).select_related("organisation", "domain")
    rows = rows.order_by("-pk")
    if not requests_in_force(actor).filter(pk=inspection.pk).exists():
        return rows.none()
    if inspection.scope == Scope.EVERYTHING:
        return rows
    if inspection.scope == Scope.SCENARIOS:
        return rows.filter(uid__in=subjects_of(inspection))
    if inspection.scope == Scope.ORGANISATIONS:
        bids = Bid.objects.visible_to(actor).filter(organisation__uid__in=subjects_of(inspection))
        owned = rows.filter(organisation__uid__in=subjects_of(inspection))
        return owned | rows.filter(pk__in=bids.values("scenario"))
    return rows.none()


def reading_list(actor: Actor, scenarios: Iterable[Scenario]) -> list[Line]:
    """Each demand with the ordinary pages that exist of it and open to the actor. Five queries."""
    rows = list(scenarios)
    keys = [row.pk for row in rows]

    def having(found: QuerySet) -> set[int]:
        return set(found.filter(scenario__in=keys).values_list("scenario_id", flat=True))

    openings = having(Opening.objects.visible_to(actor))
    panels = having(Panel.objects.visible_to(actor))
    reports = having(Report.objects.visible_to(actor))
    notices = having(Decision.objects.visible_to(actor).exclude(publicity=None))
    bids: dict[int, list[tuple[UUID, str]]] = {}
    found = Bid.objects.visible_to(actor).filter(scenario__in=keys).order_by("pk")
    for key, uid, name in found.values_list("scenario_id", "uid", "organisation__name"):
        bids.setdefault(key, []).append((uid, name))
    lines = []
    for row in rows:
        here = [row.address]
        links = [Link(_("Demand"), reverse("scenario", args=here))]
        links.append(Link(_("Gate"), reverse("scenario-gate", args=here)))
        if row.pk in openings:
            links.append(Link(_("Opening"), reverse("opening", args=here)))
        if row.state not in BEFORE_OPENING and row.pk in bids:
            links.append(Link(_("Eligibility"), reverse("eligibility", args=here)))
        links += [Link(name, reverse("bid", args=[uid])) for uid, name in bids.get(row.pk, [])]
        if row.pk in panels:
            links.append(Link(_("Panel"), reverse("panel", args=here)))
            links.append(Link(_("Signals"), reverse("signals", args=here)))
        if row.pk in reports:
            links.append(Link(_("Report"), reverse("report", args=here)))
            links.append(Link(_("Decision"), reverse("decision", args=here)))
        if row.pk in notices:
            links.append(Link(_("Notice"), reverse("publicity", args=here)))
        lines.append(Line(row, links))
    return lines
