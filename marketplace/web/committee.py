"""Pages of the panel: the secretary's, the judge's seat and sheets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from marketplace.base import clock
from marketplace.base.errors import DomainError, Stale, Text
from marketplace.base.rules import require_confidentiality
from marketplace.committee import actions, queries
from marketplace.committee.models import MemberState, Panel, PanelState
from marketplace.committee.queries import Eligible
from marketplace.committee.rules import can_appoint_panel, can_see_progress
from marketplace.files.access import record_access
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.models import State as ScenarioState
from marketplace.scenarios.reference import Term
from marketplace.web.forms.committee import (
    AddForm,
    AppointForm,
    CorrectionForm,
    DeclareForm,
    RecuseForm,
    typed_revision,
    typed_scores,
)
from marketplace.web.pages import actor_of, attempt, page, scenario_or_404, show_refusal
from marketplace.web.request import Request
from marketplace.web.second_factor import fresh_proof, scoring_proof
from marketplace.web.templatetags.jiebang import localized_text, term

STAGES = {
    PanelState.APPOINTED: gettext_lazy("Declarations"),
    PanelState.TECHNICAL: gettext_lazy("Technical, blind"),
    PanelState.NAMED: gettext_lazy("Team, by name"),
    PanelState.PRICE: gettext_lazy("Prices"),
    PanelState.REPORTED: gettext_lazy("Report"),
}


def steps(panel: Panel | None) -> list[dict[str, Any]]:
    """Where the panel stands, for the stepper; a made report is done, not under way."""
    order = list(STAGES)
    at = order.index(PanelState(panel.state)) if panel else -1
    if panel and panel.state == PanelState.REPORTED:
        at = len(order)
    states = ["done" if place < at else "now" if place == at else "next" for place in range(5)]
    return [{"label": STAGES[s], "state": state} for s, state in zip(order, states, strict=True)]


# -- The secretary's page ----------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@fresh_proof(do="start")
def panel(request: Request, address: str) -> HttpResponse:
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    found = Panel.objects.visible_to(actor).filter(scenario=scenario).first()
    if not can_see_progress(actor, found or Panel(scenario=scenario)):
        raise Http404
    require_confidentiality(actor)
    hidden = not queries.names_are_public(scenario)
    if found is not None and request.method == "GET" and hidden:
        record_access(actor=actor, subject_uid=found.uid, what="panel.names")
    people = queries.choosable(scenario) if can_appoint_panel(actor, scenario) else []
    forms: dict[str, Any] = {
        "appoint": AppointForm(people=people),
        "add": AddForm(people=people),
        "recuse": RecuseForm(),
    }
    error = None
    if request.method == "POST":
        error = _panel_move(request, scenario, found, forms, people)
        if error is None and not any(form.errors for form in forms.values()):
            return HttpResponseRedirect(reverse("panel", args=[scenario.address]))
        found = Panel.objects.visible_to(actor).filter(scenario=scenario).first()
    rules = scenario.profile.values if scenario.profile else {}
    progress = queries.progress(found) if found else []
    sitting = sum(row.member.state != MemberState.RECUSED for row in progress)
    may_change = found is not None and found.state in {
        PanelState.APPOINTED,
        PanelState.TECHNICAL,
        PanelState.NAMED,
    }
    context = {
        "scenario": scenario,
        "panel": found,
        "steps": steps(found),
        "progress": progress,
        "short": may_change and not queries.size_fits(scenario, sitting),
        "people": with_specialties(people),
        "challenges": queries.challenges_shown(actor, scenario),
        "forms": forms,
        "may_act": can_appoint_panel(actor, scenario),
        "may_appoint": found is None
        and scenario.state in {ScenarioState.ELIGIBILITY, ScenarioState.REVIEW},
        "may_change": may_change,
        "prices_open": queries.price_opening_finished(scenario),
        "rule_least": rules.get("panel_size_min", {}).get("value", 0),
        "rule_odd": rules.get("panel_size_odd", {}).get("value", False),
    }
    response = page(request, "committee/panel.html", context, error=error)
    if error is None and any(form.errors for form in forms.values()):
        response.status_code = 422
    return response


def with_specialties(people: list[Eligible]) -> list[tuple[Eligible, list[str]]]:
    """Each with the names of what he knows; what is in no vocabulary stands as it was entered."""
    if not people:
        return []
    words = Term.objects.filter(vocabulary="specialty")
    named = {word.code: term(word) for word in words}
    known = [
        (person, getattr(getattr(person.user, "expert", None), "specialties", []))
        for person in people
    ]
    return [(person, [named.get(code, code) for code in codes]) for person, codes in known]


def _panel_move(
    request: Request,
    scenario: Scenario,
    found: Panel | None,
    forms: dict[str, Any],
    people: list[queries.Eligible],
) -> DomainError | None:
    """Call the one action that the pressed button names. Returns its refusal, if any."""
    do = request.POST.get("do", "")
    if do not in PANEL_MOVES or (found is None and do not in {"appoint", "finish"}):
        raise Http404
    if do in {"appoint", "add"}:
        forms[do] = type(forms[do])(request.POST, people=people)
    elif do == "recuse":
        forms[do] = RecuseForm(request.POST)
    if do in forms and not forms[do].is_valid():
        return None
    given = forms[do].given() if do in forms else {}
    if do in {"appoint", "finish"}:
        given["scenario_uid"] = scenario.uid
    elif do in {"start", "add"} and found is not None:
        given["panel_uid"] = found.uid
    action, said = PANEL_MOVES[do]
    _row, error = attempt(action, actor=actor_of(request), **given)
    if error is None:
        messages.success(request, str(said))
    elif do in forms:
        show_refusal(forms[do], error)
    return error


PANEL_MOVES: dict[str, tuple[Callable[..., Any], Text]] = {
    "appoint": (
        actions.appoint_panel,
        gettext_lazy("The panel is appointed. Each member now declares his interests."),
    ),
    "add": (
        actions.add_member,
        gettext_lazy("The member is added and now declares his interests."),
    ),
    "recuse": (
        actions.recuse_member,
        gettext_lazy("The member is recused; his rights ended at once and his sheets are void."),
    ),
    "start": (
        actions.start_scoring,
        gettext_lazy("Scoring has started: every member finds the blind sheets."),
    ),
    "finish": (
        actions.finish_review,
        gettext_lazy("The review is finished and its report is frozen."),
    ),
}


# -- A judge's seat ----------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
def panel_desk(request: Request, uid: UUID) -> HttpResponse:
    actor = actor_of(request)
    member, _error = attempt(queries.seat, actor=actor, panel_uid=uid)
    declaring = request.method == "POST" and request.POST.get("do") == "declare"
    recusing = request.method == "POST" and request.POST.get("do") == "recuse"
    declare = DeclareForm(request.POST if declaring else None)
    recuse = RecuseForm(
        request.POST if recusing else None, initial={"member": member.uid}, auto_id="recuse_%s"
    )
    error = None
    if declaring and declare.is_valid():
        free = declare.cleaned_data["free"] == "yes"
        _row, error = attempt(
            actions.declare_interest,
            actor=actor,
            panel_uid=uid,
            free=free,
            reason=declare.cleaned_data["reason"],
        )
        if error is None:
            return _declared(request, uid, stays=free)
        show_refusal(declare, error)
    elif recusing and recuse.is_valid():
        _row, error = attempt(
            actions.recuse_member,
            actor=actor,
            member_uid=member.uid,
            reason=recuse.cleaned_data["reason"],
        )
        if error is None:
            return _declared(request, uid, stays=False)
        show_refusal(recuse, error)
    bids = queries.blind_bids(actor, member.panel)
    context = {
        "scenario": member.panel.scenario,
        "panel_uid": uid,
        "panel_state": member.panel.state,
        "code": member.code,
        "declared": member.declared_at,
        "steps": steps(member.panel),
        "blind": [bid for bid in bids if bid.stage == "technical"],
        "named": [bid for bid in bids if bid.stage == "named"],
        "locked": sum(bid.state == "locked" for bid in bids),
        "total": len(bids),
        "declare": declare,
        "recuse": recuse,
        "closed": member.panel.state in {PanelState.PRICE, PanelState.REPORTED},
    }
    response = page(request, "committee/desk.html", context, error=error)
    if error is None and request.method == "POST":
        response.status_code = 422
    return response


def _declared(request: Request, uid: UUID, *, stays: bool) -> HttpResponse:
    if stays:
        messages.success(request, _("Your declaration is on record."))
        return HttpResponseRedirect(reverse("panel-desk", args=[uid]))
    return render(request, "committee/recused.html")


# -- A sheet -----------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@scoring_proof
@fresh_proof(do="correct")
@fresh_proof(do="lock")
def sheet(request: Request, uid: UUID) -> HttpResponse:
    """One judge's sheet: saved criterion by criterion (htmx) or as a whole, then locked."""
    actor = actor_of(request)
    view, _error = attempt(queries.sheet_view, actor=actor, sheet_uid=uid)
    if request.method == "GET":
        record_access(actor=actor, subject_uid=uid, what="sheet.read")
        return page(request, "committee/sheet.html", {"sheet": view, "correct": CorrectionForm()})
    revision = typed_revision(request.POST)
    if request.POST.get("do") == "lock":
        _row, error = attempt(actions.lock_sheet, actor=actor, sheet_uid=uid, revision=revision)
        if error is None:
            messages.success(request, _("Sheet %(code)s is locked.") % {"code": view.blind_code})
            return HttpResponseRedirect(reverse("panel-desk", args=[view.panel_uid]))
        return page(request, "committee/sheet.html", {"sheet": view}, error=error)
    typed = typed_scores(request.POST, [line.code for line in view.lines])
    if request.POST.get("do") == "correct":
        return _correct(request, view, revision, typed)
    _row, error = attempt(
        actions.save_scores, actor=actor, sheet_uid=uid, revision=revision, scores=typed
    )
    if error is None:
        view, _error = attempt(queries.sheet_view, actor=actor, sheet_uid=uid)
    if request.htmx:
        context = {
            "sheet": view,
            "code": next(iter(typed), ""),
            "saved_at": None if error else clock.now(),
            "changes": sheet_changes(view, typed) if isinstance(error, Stale) else [],
        }
        return page(request, "committee/_saved.html", context, error=error)
    if error is None:
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(reverse("sheet", args=[uid]))
    lines = [replace(line, typed=typed.get(line.code)) for line in view.lines]
    context = {"sheet": replace(view, lines=lines)}
    if isinstance(error, Stale):
        context["changes"] = sheet_changes(view, typed)
    return page(request, "committee/sheet.html", context, error=error)


def _correct(
    request: Request, view: Any, revision: int, typed: dict[str, tuple[str, str, bool]]
) -> HttpResponse:
    """Correct a locked sheet; what was typed stands there again when it is refused."""
    form = CorrectionForm(request.POST)
    error = None
    if form.is_valid():
        _row, error = attempt(
            actions.correct_sheet,
            actor=actor_of(request),
            sheet_uid=view.uid,
            revision=revision,
            scores=typed,
            **form.cleaned_data,
        )
        if error is None:
            messages.success(request, _("The sheet is corrected; what stood before is kept."))
            return HttpResponseRedirect(reverse("sheet", args=[view.uid]))
    lines = [replace(line, typed=typed.get(line.code)) for line in view.lines]
    context = {"sheet": replace(view, lines=lines), "correct": form, "correcting": True}
    response = page(request, "committee/sheet.html", context, error=error)
    if error is None:
        response.status_code = 422
    return response


def sheet_changes(view: Any, typed: Mapping[str, tuple[Any, str, bool]]) -> list[dict[str, Any]]:
    """Where a newer version of the sheet says something else than what was typed here."""

    def told(points: Any, comment: str, veto: bool) -> str:
        parts = (points, comment, _("veto") if veto else "")
        return " · ".join(str(part) for part in parts if part not in (None, ""))

    return [
        {
            "label": f"{line.code} {localized_text(line.criterion, 'name')}",
            "theirs": theirs,
            "mine": mine,
        }
        for line in view.lines
        if line.code in typed
        for theirs, mine in [(told(line.points, line.comment, line.veto), told(*typed[line.code]))]
        if theirs != mine
    ]


@require_GET
def sheet_file(request: Request, uid: UUID, number: int) -> HttpResponse:
    """An attachment under its neutral name, always as a download."""
    actor = actor_of(request)
    own, _error = attempt(queries.own_sheet, actor=actor, sheet_uid=uid)
    found, _error = attempt(queries.sheet_file, sheet=own, number=number)
    name, content = found
    record_access(actor=actor, subject_uid=uid, what="sheet.file", detail=str(number))
    return HttpResponse(
        content,
        content_type="application/octet-stream",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


urlpatterns = [
    path("scenarios/<str:address>/panel/", panel, name="panel"),
    path("panels/<uuid:uid>/", panel_desk, name="panel-desk"),
    path("sheets/<uuid:uid>/", sheet, name="sheet"),
    path("sheets/<uuid:uid>/files/<int:number>/", sheet_file, name="sheet-file"),
]
