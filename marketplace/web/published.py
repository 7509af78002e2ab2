"""The page of one scenario, its history, and the text that was published."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.bidding.record.models import OpeningRecord
from marketplace.bidding.record.queries import records as signed_records
from marketplace.desk.queries import actions_for
from marketplace.ledger.models import Event
from marketplace.scenarios.actions.relisting import ENDED
from marketplace.scenarios.attachments import Access
from marketplace.scenarios.batches.queries import announced_batch_of
from marketplace.scenarios.disclosure.mask import knows_owner
from marketplace.scenarios.disclosure.withheld import file_of
from marketplace.scenarios.models import (
    BEFORE_PUBLICATION,
    NOT_PAST,
    OrganisingMode,
    Scenario,
    ScenarioNote,
    State,
)
from marketplace.scenarios.queries import history, is_open, notes, rounds_of, tags_of
from marketplace.scenarios.rules import can_ask_release, can_edit_scenario
from marketplace.scenarios.suspensions.models import Suspension
from marketplace.web import happened
from marketplace.web.answers import attached, tagged
from marketplace.web.attachments import shown_files
from marketplace.web.course import shown_state, steps
from marketplace.web.kept import kept_for_visitors
from marketplace.web.pages import actor_of, first_or_404, scenario_or_404
from marketplace.web.profiles import rule_lines
from marketplace.web.request import Request
from marketplace.web.shared import Shared, shared_demand
from marketplace.web.watch_buttons import button_of

LABELS: dict[str, str | Promise] = {
    "demand": gettext_lazy("The demand"),
    "questions": gettext_lazy("Questions and answers"),
    "amendments": gettext_lazy("Changes"),
    "race": gettext_lazy("Race"),
    "publicity": gettext_lazy("Publicity"),
    "history": gettext_lazy("History"),
}
NOT_OPENED = {*NOT_PAST, State.CLOSED, State.WITHDRAWN}
# Why a listing failed, by its public code; the record keeps the sentence in Chinese.
FAILURES: dict[str, str | Promise] = {
    "no_bids": gettext_lazy("No bid stood at the deadline."),
    "too_few_bids": gettext_lazy("Fewer bids than the rules of this demand ask for."),
    "opening_impossible": gettext_lazy(
        "The keys that open the bids are lost; the bids stay sealed, by no bidder's fault."
    ),
    "none_eligible": gettext_lazy("No bid met all conditions of this demand."),
    "below_pass_line": gettext_lazy("No valid bid reached the pass line."),
    "refused": gettext_lazy("The winner refused the award and no candidate is left."),
    "none_chosen": gettext_lazy("None of the candidates was chosen; the reasons are on record."),
    "panel_challenged": gettext_lazy(
        "A challenge to a member was upheld, and the ranking does not hold."
    ),
}


@login_not_required
@require_safe
@kept_for_visitors
def scenario_page(request: Request, address: str) -> HttpResponse:
    scenario = scenario_or_404(request, address)
    if scenario.address != address:
        return redirect("scenario", scenario.address)
    return render(request, "public/scenario.html", whole(request, scenario))


@login_not_required
@require_safe
@kept_for_visitors
def history_page(request: Request, address: str) -> HttpResponse:
    scenario = scenario_or_404(request, address)
    if scenario.address != address:
        return redirect("scenario-history", scenario.address)
    context = head(request, scenario, "history")
    context["lines"] = happened.lines(context["events"])
    context["publications"] = scenario.publications.order_by("version")
    return render(request, "public/history.html", context)


@login_not_required
@require_safe
def published_text(request: Request, address: str, version: int) -> HttpResponse:
    """The canonical text as it was hashed, byte for byte."""
    scenario = scenario_or_404(request, address)
    publication = first_or_404(scenario.publications.filter(version=version))
    response = HttpResponse(bytes(publication.body), content_type="application/json")
    attached(response, f"{scenario.ref}-{publication.version}.json")
    return tagged(request, response, f'"{publication.sha256}"')


def head(request: Request, scenario: Scenario, tab: str) -> dict[str, Any]:
    """What stands above both tabs, and the column at the right."""
    actor, now = actor_of(request), clock.now()
    events = list(history(scenario))
    return {
        "scenario": scenario,
        "now": now,
        "events": events,
        "state": shown_state(scenario, now),
        "before": scenario.state in BEFORE_PUBLICATION,
        "open": is_open(scenario, now),
        "race": scenario.organising_mode == OrganisingMode.RACE,
        "steps": steps(scenario, events, now),
        "tabs": tabs(scenario, tab, events),
        "extension": happened.extension(events),
        "notes": told_notes(actor, scenario),
        "knows_owner": knows_owner(actor, scenario),
        "suspension": Suspension.objects.filter(scenario=scenario, until_at=None).first()
        if scenario.suspended
        else None,
        "rounds": rounds(scenario),
        "watch": button_of(actor, scenario),
        "batch": announced_batch_of(scenario),
        "shared": shared_part(request, scenario, tab),
        **actions(actor, scenario),
    }


def shared_part(request: Request, scenario: Scenario, tab: str) -> Shared | None:
    if scenario.state in BEFORE_PUBLICATION:
        return None
    return shared_demand(request, scenario, str(LABELS[tab]) if tab != "demand" else "")


def rounds(scenario: Scenario) -> list[dict[str, Any]]:
    """The chain of a demand that was listed more than once; nothing is asked of a first round."""
    if scenario.root_id is None and scenario.state not in ENDED:
        return []
    rows = list(rounds_of(scenario.root or scenario))
    if len(rows) < 2:
        return []
    return [
        {"row": row, "number": number, "current": row.pk == scenario.pk}
        for number, row in enumerate(rows, start=1)
    ]


def records(request: Request, scenario: Scenario) -> list[OpeningRecord]:
    """Asked for only where an opening may have been; before that every visitor would pay."""
    if scenario.state in NOT_OPENED:
        return []
    return signed_records(actor_of(request), scenario)


def whole(request: Request, scenario: Scenario) -> dict[str, Any]:
    context = head(request, scenario, "demand")
    ordered = ("position", "pk")
    files = shown_files(request, scenario)
    return context | {
        "held": held(actor_of(request), scenario, files),
        "metrics": scenario.metrics.order_by(*ordered),
        "criteria": scenario.criteria.order_by(*ordered),
        "payments": scenario.payment_nodes.order_by(*ordered),
        "milestones": scenario.milestones.order_by("month", "pk"),
        "conditions": scenario.conditions.order_by(*ordered),
        **tags_of(scenario),
        "rules": rule_lines(scenario),
        "records": records(request, scenario),
        "files": files,
        "more_files_url": more_files_url(actor_of(request), scenario),
        "releases": can_edit_scenario(actor_of(request), scenario)
        and any(file["row"].restricted for file in files),
    }


def held(actor: Actor, scenario: Scenario, files: list[dict[str, Any]]) -> dict[str, Any]:
    """Fields whose texts are for released readers, and the way to them for this one.

    Before publication whoever sees the demand reads them in their places.
    """
    if scenario.state in BEFORE_PUBLICATION or not scenario.restricted_fields:
        return {"names": []}
    own = file_of(actor, scenario)
    file = next((file for file in files if file["row"] == own), None)
    requests_url = reverse("release-requests", args=[scenario.address])
    return {
        "names": scenario.restricted_fields,
        "file": file,
        "url": file["url"]
        if file and file["signs"]
        else reverse("scenario-restricted", args=[scenario.address]),
        "asks": True,
        "ask_url": requests_url if can_ask_release(actor, scenario) else "",
        "requests_url": requests_url if can_edit_scenario(actor, scenario) else "",
        "contact": scenario.contact if knows_owner(actor, scenario) else "",
    }


def more_files_url(actor: Actor, scenario: Scenario) -> str:
    """Where a vendor asks for restricted files of a demand whose fields are all public."""
    if scenario.restricted_fields or not can_ask_release(actor, scenario):
        return ""
    there = scenario.attachments.filter(access=Access.RESTRICTED).exists()
    return reverse("release-requests", args=[scenario.address]) if there else ""


def actions(actor: Actor, scenario: Scenario) -> dict[str, Any]:
    """The one next step of this reader, and the others."""
    acts = actions_for(actor, scenario)
    return {"act": acts[0] if acts else None, "more_acts": acts[1:]}


def told_notes(actor: Actor, scenario: Scenario) -> list[ScenarioNote]:
    """Reasons and opinions; that of a failure, a sentence of ours, in the reader's language."""
    told = list(notes(actor, scenario))
    for note in told:
        if note.to_state == State.FAILED and scenario.failure in FAILURES:
            note.text = str(FAILURES[scenario.failure])
    return told


def tabs(scenario: Scenario, present: str, events: list[Event]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "url": reverse("scenario", args=[scenario.address]),
            "label": LABELS["demand"],
            "current": present == "demand",
        }
    ]
    if scenario.state not in BEFORE_PUBLICATION:
        rows.append(
            {
                "url": reverse("scenario-questions", args=[scenario.address]),
                "label": LABELS["questions"],
                "current": present == "questions",
            }
        )
        rows.append(
            {
                "url": reverse("scenario-amendments", args=[scenario.address]),
                "label": LABELS["amendments"],
                "current": present == "amendments",
            }
        )
    if scenario.organising_mode == OrganisingMode.RACE:
        url = reverse("scenario-race", args=[scenario.address])
        rows.append({"url": url, "label": LABELS["race"], "current": present == "race"})
    if any(event.kind == "award.publicised" for event in events):
        url = reverse("publicity", args=[scenario.address])
        rows.append({"url": url, "label": LABELS["publicity"]})
    if events:
        rows.append(
            {
                "url": reverse("scenario-history", args=[scenario.address]),
                "label": LABELS["history"],
                "count": len(events),
                "current": present == "history",
            }
        )
    return rows if len(rows) > 1 else []


urlpatterns = [
    path("scenarios/<str:address>/", scenario_page, name="scenario"),
    path("scenarios/<str:address>/history/", history_page, name="scenario-history"),
    path(
        "scenarios/<str:address>/published/<int:version>.json",
        published_text,
        name="scenario-published",
    ),
]
