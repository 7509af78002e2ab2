"""The design of a race: drafted beside its demand, read by everybody once the demand is published."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from marketplace.base.errors import DomainError, Invalid, Stale
from marketplace.races.design import actions, told
from marketplace.races.design.checks import grants_cny
from marketplace.races.design.content import read
from marketplace.races.design.queries import EMPTY, all_faults, design_of, frozen_content, is_race
from marketplace.races.models import RaceDesign
from marketplace.races.rules import can_design_race
from marketplace.scenarios.content import Fault, by_field
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario, State
from marketplace.web.answers import attached, tagged
from marketplace.web.attempts import race_links
from marketplace.web.forms.race_design import DesignPage, changed, typed_design
from marketplace.web.kept import kept_for_visitors
from marketplace.web.pages import (
    actor_of,
    attempt,
    first_or_404,
    forbid_unless,
    page,
    scenario_or_404,
)
from marketplace.web.published import head
from marketplace.web.request import Request


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: Request, address: str) -> HttpResponse:
    """The form; every button of it sends the whole, so that nothing typed is lost."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    if not is_race(scenario):
        raise Http404
    forbid_unless(can_design_race(actor, scenario))
    if scenario.state not in BEFORE_PUBLICATION or scenario.state == State.REJECTED:
        return redirect("scenario", scenario.address)
    if request.method != "POST":
        stored = design_of(actor, scenario)
        return form_page(request, scenario, stored.content if stored else EMPTY, row=stored)
    typed = typed_design(request.POST)
    if "change" in request.POST:
        return form_page(request, scenario, changed(typed, request.POST["change"]))
    if request.POST.get("do") == "check":
        context = {"scenario": scenario, **judged(scenario, typed)}
        return page(request, "races/_design_side.html", context)
    revision = request.POST.get("revision", "")
    _row, error = attempt(
        actions.save_design,
        actor=actor,
        scenario_uid=scenario.uid,
        revision=int(revision) if revision.isascii() and revision.isdigit() else 0,
        data=typed,
    )
    if error is None:
        messages.success(request, _("The design is saved."))
        return redirect("race-design", scenario.address)
    return form_page(request, scenario, typed, error=error)


def form_page(
    request: Request,
    scenario: Scenario,
    design: dict[str, Any],
    *,
    row: RaceDesign | None = None,
    error: DomainError | None = None,
) -> HttpResponse:
    errors = error.errors if isinstance(error, Invalid) else {}
    shown = DesignPage(design, errors)
    revision = str(row.revision if row else 0)
    if request.method == "POST":
        revision = request.POST.get("revision", "0")
    context = {
        "scenario": scenario,
        "shown": shown,
        "revision": revision,
        "stale": isinstance(error, Stale),
        **judged(scenario, design),
    }
    # Sentences beside the fields say it all; only other refusals need a box of their own.
    box = None if isinstance(error, Invalid) else error
    response = page(request, "races/design.html", context, error=box)
    response.status_code = error.status if error else 200
    return response


def judged(scenario: Scenario, typed: dict[str, Any]) -> dict[str, Any]:
    """What is open, what it costs and what vendors will read, of what stands in the form now."""
    content, unread = read(typed)
    told_of = {fault.field for fault in unread}
    faults = [*unread, *(f for f in all_faults(scenario, content) if f.field not in told_of)]
    total = grants_cny(content)
    return {
        "checklist": checklist(faults),
        "total_cny": total,
        "left_cny": scenario.budget_cny - total if scenario.budget_cny is not None else None,
        **read_design(content),
    }


def checklist(faults: list[Fault]) -> list[dict[str, Any]]:
    return [
        {"field": field, "label": label, "text": text, "anchor": anchor}
        for field, sentences in by_field(faults).items()
        for label, anchor in [place_of(field)]
        for text in dict.fromkeys(map(str, sentences))
    ]


def place_of(field: str) -> tuple[str, str]:
    """The label of a field and the anchor of its control: "heats-0-measures-1-weight"."""
    steps = field.split("-")
    if steps[0] != "heats" or len(steps) == 1:
        return (_("The race") if steps[0] != "heats" else _("Heats")), f"id_{field}"
    label = _("Heat %(n)s") % {"n": int(steps[1]) + 1}
    if len(steps) > 3:
        measure = _("measure %(n)s") % {"n": int(steps[3]) + 1}
        label = f"{label} · {measure}"
    anchor = field if steps[-1] == "measures" else f"id_{field}"
    return label, anchor


def read_design(content: dict[str, Any]) -> dict[str, Any]:
    """A design for readers: sentences, heats with their bars, the money."""
    heats = []
    for place, (heat, money) in enumerate(zip(content["heats"], told.money(content), strict=True)):
        rows = [{**row, "reached": told.reached(row)} for row in heat["measures"]]
        heats.append(
            {
                "number": place + 1,
                "heat": heat,
                "money": money,
                "sentences": told.of_heat(content, place),
                "measures": rows,
                "bar": [row for row in rows if row["weight"]],
            }
        )
    return {"design": content, "sentences": told.summary(content), "heats": heats}


# -- As everybody reads it ---------------------------------------------------------------------------
@login_not_required
@require_safe
@kept_for_visitors
def shown(request: Request, address: str) -> HttpResponse:
    """赛马: the rules of the race; before the publication those who see the demand read the draft."""
    scenario = scenario_or_404(request, address)
    if scenario.address != address:
        return redirect("scenario-race", scenario.address)
    if not is_race(scenario):
        raise Http404
    row = design_of(actor_of(request), scenario)
    context = head(request, scenario, "race")
    context["may_write"] = context["before"] and can_design_race(actor_of(request), scenario)
    context["race_links"] = race_links(actor_of(request), scenario)
    if row is not None:
        content = frozen_content(row) if row.frozen_at else row.content
        total = grants_cny(content)
        context |= {"row": row, "total_cny": total, **read_design(content)}
        if scenario.budget_cny is not None:
            context["left_cny"] = scenario.budget_cny - total
    return page(request, "races/designed.html", context)


@login_not_required
@require_safe
@kept_for_visitors
def text(request: Request, address: str) -> HttpResponse:
    """The canonical text as it was hashed, byte for byte."""
    scenario = scenario_or_404(request, address)
    rows = RaceDesign.objects.visible_to(actor_of(request)).frozen()
    row = first_or_404(rows.filter(scenario=scenario))
    response = HttpResponse(bytes(row.body or b""), content_type="application/json")
    attached(response, f"{scenario.ref}-race.json")
    return tagged(request, response, f'"{row.sha256}"')


urlpatterns = [
    path("scenarios/<str:address>/race-design/", edit, name="race-design"),
    path("scenarios/<str:address>/race/", shown, name="scenario-race"),
    path("scenarios/<str:address>/race.json", text, name="race-design-text"),
]
