"""Pages on which a demand is written; what all pages on its way to the board share."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from marketplace.base import clock
from marketplace.base.errors import DomainError, Invalid, Stale
from marketplace.scenarios import actions, queries
from marketplace.scenarios.content import Content, Fault, by_field
from marketplace.scenarios.drafting.quality import Quality
from marketplace.scenarios.drafting.queries import Judgement, judge_stored, judge_typed
from marketplace.scenarios.likeness.queries import owed
from marketplace.scenarios.models import BEFORE_PUBLICATION, OWNER_EDITS, Scenario, State
from marketplace.scenarios.rules import (
    can_draft_scenario,
    can_edit_scenario,
)
from marketplace.web.attachments import shown_files
from marketplace.web.beginning import begun_with
from marketplace.web.forms.scenarios import (
    PART_TITLES,
    SECTIONS,
    DemandForm,
    DemandPage,
    changes,
    section_of,
    seen_of,
    typed_data,
)
from marketplace.web.forms.typed import put_errors
from marketplace.web.likeness import shown_likes
from marketplace.web.pages import (
    actor_of,
    attempt,
    forbid_unless,
    page,
    scenario_or_404,
    typed_number,
)
from marketplace.web.request import Request


# -- Writing ---------------------------------------------------------------------------------------
def new(request: Request) -> HttpResponse:
    actor = actor_of(request)
    forbid_unless(can_draft_scenario(actor, actor.organisation))
    if request.method != "POST":
        begun = begun_with(request)
        return _show_form(request, DemandPage(content=begun), None, content=begun)
    post = request.POST
    if "add" in post:
        return _show_form(request, DemandPage(post=post, add=post["add"]), None)
    scenario, error = attempt(
        actions.create_draft, actor=actor, data=typed_data(post), form=post.get("form", "")
    )
    if post.get("do") == "autosave":
        return _autosaved(request, scenario, error)
    if error:
        return _show_form(request, _refused_page(post, error), None, error=error)
    messages.success(request, _("The draft is saved."))
    return redirect("scenario-edit", address=scenario.address)


def edit(request: Request, address: str) -> HttpResponse:
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    forbid_unless(can_edit_scenario(actor, scenario))
    if request.method != "POST":
        if scenario.state not in OWNER_EDITS:
            return redirect(_home(scenario))
        content = queries.stored_content(scenario)
        return _show_form(request, DemandPage(content=content), scenario, content=content)
    post = request.POST
    if "add" in post:
        return _show_form(request, DemandPage(post=post, add=post["add"]), scenario)
    if post.get("do") == "delete":
        return _delete(request, scenario)
    given: dict[str, Any] = {
        "actor": actor,
        "scenario_uid": scenario.uid,
        "revision": typed_number(post.get("revision")) or 0,
        "data": typed_data(post),
    }
    if post.get("do") == "submit":
        saved, error = attempt(actions.submit_scenario, **given)
        done = _("The demand is filed. The office takes it from here.")
    else:
        saved, error = attempt(actions.save_draft, **given)
        done = _("The draft is saved.")
    if post.get("do") == "autosave":
        return _autosaved(request, saved or scenario, error)
    if error:
        return _show_form(request, _refused_page(post, error), scenario, error=error)
    messages.success(request, done)
    return redirect(_home(saved))


def _autosaved(
    request: Request, scenario: Scenario | None, error: DomainError | None
) -> HttpResponse:
    """The line under the form: saved and when, or why not and what changed meanwhile.

    A new draft's address takes the place of the empty form's, so that reloading shows the draft.
    """
    context: dict[str, Any] = {"scenario": scenario, "saved_at": None if error else clock.now()}
    if isinstance(error, Invalid):
        context["problems"] = [
            {"label": label, "text": text, "anchor": anchor}
            for name, sentences in error.errors.items()
            for label, anchor in [place_of(name)]
            for text in sentences
        ]
    if scenario is not None and (error is None or isinstance(error, Stale)):
        scenario.refresh_from_db()
        content = queries.stored_content(scenario)
        context |= {"revision": scenario.revision, "seen": seen_of(content)}
        if error:
            context["changes"] = changes(request.POST.get("seen", ""), content, request.POST)
    response = page(request, "scenarios/_autosaved.html", context, error=error)
    if scenario is not None and error is None:
        response.headers["HX-Replace-Url"] = reverse("scenario-edit", args=[scenario.address])
    return response


def _delete(request: Request, scenario: Scenario) -> HttpResponse:
    _gone, error = attempt(actions.delete_draft, actor=actor_of(request), scenario_uid=scenario.uid)
    if error:
        messages.error(request, str(error))
        return redirect(_home(scenario))
    messages.success(request, _("The draft is deleted."))
    return redirect("board")


@require_POST
def check(request: Request) -> HttpResponse:
    """What is still missing in what stands in the form now, and how good it is. Nothing is kept."""
    found = judge_typed(typed_data(request.POST), clock.now(), actor_of(request).organisation_id)
    told = told_judgement(found) | {"oob": True}
    return render(request, "scenarios/_checked.html", told)


def _refused_page(post: Any, error: DomainError) -> DemandPage:
    shown = DemandPage(post=post, errors=error.errors)
    put_errors(shown.form, shown.rows, error.errors)
    return shown


def _show_form(
    request: Request,
    shown: DemandPage,
    scenario: Scenario | None,
    *,
    content: Content | None = None,
    error: DomainError | None = None,
) -> HttpResponse:
    """The form, filled from the record or with what was typed. A stale one says what changed."""
    context: dict[str, Any] = {
        "scenario": scenario,
        "demand": shown,
        "form": shown.form,
        "rows": shown.rows,
        "sections": SECTIONS,
        "part_titles": PART_TITLES,
        "revision": request.POST.get("revision", 1),
        "seen": request.POST.get("seen", "{}"),
        "mark": request.POST.get("form") or secrets.token_urlsafe(),
    }
    if scenario is not None:
        stale = isinstance(error, Stale)
        if content is None and stale:
            scenario.refresh_from_db()
            content = queries.stored_content(scenario)
        if stale and content:
            context["changes"] = changes(request.POST.get("seen", ""), content, request.POST)
        if content:
            context |= {"revision": scenario.revision, "seen": seen_of(content)}
        context["notes"] = queries.notes(actor_of(request), scenario)
        context["deletable"] = scenario.state == State.DRAFT
        context["files"] = shown_files(request, scenario)
    if request.method == "POST" or scenario is None:
        typed = typed_data(request.POST) if request.method == "POST" else plainly(content)
        found = judge_typed(typed, clock.now(), actor_of(request).organisation_id)
    else:
        found = judge_stored(scenario, clock.now())
    if scenario is not None:
        context["likes"] = shown_likes(actor_of(request), scenario, found.content)
        found.faults.extend(owed([item["like"] for item in context["likes"]]))
    context |= told_judgement(found)
    # Sentences beside the fields say it all; only other refusals need a box of their own.
    box = None if isinstance(error, Invalid) else error
    response = page(request, "scenarios/form.html", context, error=box)
    response.status_code = error.status if error else 200
    return response


def plainly(content: Content | None) -> dict[str, Any]:
    """What a new form is filled with, as it would be typed."""
    return {**content.values, **content.rows} if content else {}


def told_judgement(found: Judgement) -> dict[str, Any]:
    """For the pages: the checklist, the same per part of the form, and the meter."""
    checklist = told_checklist(found.faults)
    missing: dict[str, list[Any]] = {section: [] for section, _title in SECTIONS}
    for item in checklist:
        missing[section_of(item["field"])].append(item)
    return {
        "checklist": checklist,
        "missing": [{"section": name, "items": items} for name, items in missing.items()],
        "meter": told_quality(found.quality),
    }


def told_quality(quality: Quality) -> dict[str, Any]:
    """The meter's points, each with the label of and the way to the field that it speaks of."""
    points = []
    for point in quality.points:
        label, anchor = place_of(point.field) if point.field else ("", "")
        points.append({"point": point, "field": label, "anchor": anchor})
    return {"score": quality.score, "rule": quality.rule, "points": points}


def told_checklist(faults: list[Fault]) -> list[dict[str, Any]]:
    """Faults with the label of what they speak of and the place on the page."""
    return [
        {"field": field, "label": label, "text": text, "anchor": anchor}
        for field, sentences in by_field(faults).items()
        for label, anchor in [place_of(field)]
        for text in dict.fromkeys(map(str, sentences))
    ]


def place_of(field: str) -> tuple[str, str]:
    """The label of a field or row, and the anchor of its control."""
    if field == "likeness":
        return _("Like earlier demands"), "id_likeness"
    part, _dash, rest = field.partition("-")
    if part not in PART_TITLES:
        known = DemandForm.base_fields.get(field)
        return str(known.label if known else field), f"id_{field}"
    if not rest:
        return str(PART_TITLES[part]), f"part-{part}"
    return f"{PART_TITLES[part]} {int(rest.partition('-')[0]) + 1}", f"id_{field}"


# -- Small things ----------------------------------------------------------------------------------
def answer(
    request: Request, template: str, context: dict[str, Any], error: DomainError | None
) -> HttpResponse:
    """Faults of content stand beside their fields; every other refusal has its box."""
    response = page(request, template, context, error=None if isinstance(error, Invalid) else error)
    response.status_code = error.status if error else 200
    return response


def _home(scenario: Scenario) -> str:
    """Where a demand is read by those inside: its form, the gate, and then its public page."""
    if scenario.state in OWNER_EDITS:
        name = "scenario-edit"
    elif scenario.state in BEFORE_PUBLICATION:
        name = "scenario-gate"
    else:
        name = "scenario"
    return reverse(name, kwargs={"address": scenario.address})


def moved_to(scenario: Scenario, address: str, name: str) -> HttpResponseRedirect | None:
    """Once there is a reference, the address with the uid leads to the one with the reference."""
    if scenario.ref is None or address == scenario.ref:
        return None
    return HttpResponseRedirect(reverse(name, kwargs={"address": scenario.address}))


urlpatterns = [
    path("scenarios/new/", new, name="scenario-new"),
    path("scenarios/check/", check, name="scenario-check"),
    path("scenarios/<str:address>/edit/", edit, name="scenario-edit"),
]
