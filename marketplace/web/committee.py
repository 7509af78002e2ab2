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
from marketplace.base.actor import Role
from marketplace.base.errors import DomainError, Stale, Text
from marketplace.base.rules import require_confidentiality
from marketplace.committee import actions, queries
from marketplace.committee.defence.queries import slots_of
from marketplace.committee.models import (
    PANEL_MAY_CHANGE,
    REPORT_MADE,
    MemberState,
    Panel,
    PanelState,
)
from marketplace.committee.rules import can_prepare_draw, can_see_progress
from marketplace.committee.signing.queries import unsaid
from marketplace.files.access import record_access
from marketplace.scenarios.models import Scenario
from marketplace.web.defence import SHEET_MOVES, sheet_page, sheet_question
from marketplace.web.forms.committee import (
    CorrectionForm,
    DeclareForm,
    LookForm,
    RecuseForm,
    typed_revision,
    typed_scores,
)
from marketplace.web.pages import actor_of, attempt, page, scenario_or_404, show_refusal
from marketplace.web.request import Request
from marketplace.web.second_factor import fresh_proof, scoring_proof
from marketplace.web.templatetags.jiebang import localized_text

STAGES = {
    PanelState.APPOINTED: gettext_lazy("Declarations"),
    PanelState.TECHNICAL: gettext_lazy("Technical, blind"),
    PanelState.NAMED: gettext_lazy("Team, by name"),
    PanelState.PRICE: gettext_lazy("Prices"),
    PanelState.SIGNING: gettext_lazy("Signatures"),
    PanelState.REPORTED: gettext_lazy("Report"),
}


def steps(panel: Panel | None) -> list[dict[str, Any]]:
    """Where the panel stands, for the stepper; a made report is done, not under way."""
    order = list(STAGES)
    at = order.index(PanelState(panel.state)) if panel else -1
    if panel and panel.state == PanelState.REPORTED:
        at = len(order)
    states = [
        "done" if place < at else "now" if place == at else "next" for place in range(len(order))
    ]
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
    looking = request.method == "POST" and request.POST.get("do") == "look"
    look = LookForm(request.POST if looking else None)
    named = _named(request, scenario, found, look)
    forms: dict[str, Any] = {"recuse": RecuseForm()}
    error = None
    if request.method == "POST" and not looking:
        error = _panel_move(request, scenario, found, forms)
        if error is None and not any(form.errors for form in forms.values()):
            return HttpResponseRedirect(reverse("panel", args=[scenario.address]))
        found = Panel.objects.visible_to(actor).filter(scenario=scenario).first()
    rules = scenario.profile.values if scenario.profile else {}
    progress = queries.progress(found) if found else []
    sitting = sum(row.member.state != MemberState.RECUSED for row in progress)
    may_change = found is not None and found.state in PANEL_MAY_CHANGE
    context = {
        "scenario": scenario,
        "panel": found,
        "steps": steps(found),
        "progress": progress,
        "short": may_change and not queries.size_fits(scenario, sitting),
        "named": named,
        "look": look,
        "may_look": found is not None and actor.is_office and not named,
        "challenges": queries.challenges_shown(actor, scenario),
        "forms": forms,
        "may_act": can_prepare_draw(actor, scenario),
        "may_change": may_change,
        "prices_open": queries.price_opening_finished(scenario),
        "rule_least": rules.get("panel_size_min", {}).get("value", 0),
        "rule_odd": rules.get("panel_size_odd", {}).get("value", False),
    }
    response = page(request, "committee/panel.html", context, error=error)
    if error is None and (look.errors or any(form.errors for form in forms.values())):
        response.status_code = 422
    return response


def _named(request: Request, scenario: Scenario, found: Panel | None, look: LookForm) -> bool:
    """Whether names are shown; before the result each look stands in the access log.

    The office sees codes unless it says why it has to know; an inspector reads on a request that
    says so already.
    """
    if queries.names_are_public(scenario):
        return True
    if found is None:
        return False
    actor = actor_of(request)
    if actor.role == Role.INSPECTOR:
        record_access(actor=actor, subject_uid=found.uid, what="panel.names")
        return True
    if not look.is_valid():
        return False
    reason = look.cleaned_data["reason"]
    record_access(actor=actor, subject_uid=found.uid, what="panel.names", detail=reason)
    return True


def _panel_move(
    request: Request,
    scenario: Scenario,
    found: Panel | None,
    forms: dict[str, Any],
) -> DomainError | None:
    """Call the one action that the pressed button names. Returns its refusal, if any."""
    do = request.POST.get("do", "")
    if do not in PANEL_MOVES or (found is None and do != "finish"):
        raise Http404
    if do == "recuse":
        forms[do] = RecuseForm(request.POST)
    if do in forms and not forms[do].is_valid():
        return None
    given = forms[do].given() if do in forms else {}
    if do == "finish":
        given["scenario_uid"] = scenario.uid
    elif do == "start" and found is not None:
        given["panel_uid"] = found.uid
    action, said = PANEL_MOVES[do]
    _row, error = attempt(action, actor=actor_of(request), **given)
    if error is None:
        messages.success(request, str(said))
    elif do in forms:
        show_refusal(forms[do], error)
    return error


PANEL_MOVES: dict[str, tuple[Callable[..., Any], Text]] = {
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
        gettext_lazy("The report is frozen; its members sign it now."),
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
        "defences": slots_of(actor, member.panel),
        "total": len(bids),
        "declare": declare,
        "recuse": recuse,
        "again": queries.declares_again(member),
        "signing": member.panel.state in REPORT_MADE,
        "unsigned": unsaid().filter(pk=member.pk).exists(),
        "closed": member.panel.state not in PANEL_MAY_CHANGE,
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
        return sheet_page(request, {"sheet": view, "correct": CorrectionForm()})
    revision = typed_revision(request.POST)
    if request.POST.get("do") == "lock":
        _row, error = attempt(actions.lock_sheet, actor=actor, sheet_uid=uid, revision=revision)
        if error is None:
            messages.success(request, _("Sheet %(code)s is locked.") % {"code": view.blind_code})
            return HttpResponseRedirect(reverse("panel-desk", args=[view.panel_uid]))
        return sheet_page(request, {"sheet": view}, error=error)
    if request.POST.get("do") in SHEET_MOVES:
        return sheet_question(request, view)
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
    return sheet_page(request, context, error=error)


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
    response = sheet_page(request, context, error=error)
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
