"""Pages of the named stage: defences and written questions, for the office and for a bidder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError, Text
from marketplace.base.rules import require_confidentiality
from marketplace.committee.defence import actions, queries, timing
from marketplace.committee.defence.models import PanelQuestion
from marketplace.committee.models import Panel, SheetStage
from marketplace.committee.queries import SheetView, rules_of, scored_bids
from marketplace.committee.rules import can_answer_panel_question, can_hold_defence
from marketplace.web.forms.defence import AnswerForm, AsideForm, AskForm, AttendanceForm, PlanForm
from marketplace.web.pages import actor_of, attempt, page, scenario_or_404, show_refusal
from marketplace.web.request import Request

# button -> (form, action, what its row is called, what is said)
MOVES: dict[str, tuple[Any, Callable[..., Any], str, Text]] = {
    "plan": (PlanForm, actions.set_defences, "panel_uid", _("The defences are set.")),
    "attend": (
        AttendanceForm,
        actions.record_attendance,
        "slot_uid",
        _("The defence is recorded."),
    ),
    "aside": (
        AsideForm,
        actions.set_aside_answer,
        "question_uid",
        _("The answer is set aside; it is kept."),
    ),
    "ask": (AskForm, actions.ask_bidder, "sheet_uid", _("Your question is with the bidder.")),
    "answer": (
        AnswerForm,
        actions.answer_panel_question,
        "question_uid",
        _("Your answer is with the panel."),
    ),
}
SHEET_MOVES = {"ask", "aside"}
Typed = dict[tuple[str, str], Any]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def defence(request: Request, address: str) -> HttpResponse:
    """The secretary sets times, records who came and reads the questions; the office reads."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    panel = Panel.objects.visible_to(actor).filter(scenario=scenario).first()
    if panel is None or actor.role == "expert":
        raise Http404
    require_confidentiality(actor)
    typed: Typed = {}
    error = None
    if request.method == "POST":
        said, error = moved(request, actor, typed, {"plan", "attend", "aside"}, str(panel.uid))
        if said:
            messages.success(request, str(said))
            return HttpResponseRedirect(reverse("defence", args=[scenario.address]))
    now = clock.now()
    slots = queries.slots_of(actor, panel)
    may = can_hold_defence(actor, panel) and panel.state == queries.STAGE
    context = {
        "scenario": scenario,
        "panel": panel,
        "named": panel.state == queries.STAGE,
        "slots": [
            {
                "row": row,
                "form": form_of(typed, "attend", str(row.uid))
                if may and not row.recorded_at and now >= row.starts_at
                else None,
            }
            for row in slots
        ],
        "plan": form_of(typed, "plan", str(panel.uid))
        if may and not any(row.recorded_at for row in slots)
        else None,
        "sooner": timing.end(rules_of(scenario), timing.NOTICE, now),
        "questions": [
            {
                "row": row,
                "form": form_of(typed, "aside", str(row.uid))
                if may and row.answered_at and not row.set_aside_at
                else None,
            }
            for row in queries.questions_of(actor, list(scored_bids(scenario)), now)
        ],
    }
    return answered(request, "committee/defence.html", context, error)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def bid_panel(request: Request, uid: UUID) -> HttpResponse:
    """A bidder's own defence and the questions to it; nobody else's, and not who asked."""
    actor = actor_of(request)
    bid, _error = attempt(queries.own_bid, actor=actor, bid_uid=uid)
    typed: Typed = {}
    error = None
    if request.method == "POST":
        said, error = moved(request, actor, typed, {"answer"})
        if said:
            messages.success(request, str(said))
            return HttpResponseRedirect(reverse("bid-panel", args=[uid]))
    slot = queries.own_slot(actor, bid)
    rows = queries.questions_of(actor, [bid], clock.now())
    if slot is None and not rows:
        raise Http404
    may = {
        row.uid: can_answer_panel_question(actor, row)
        for row in PanelQuestion.objects.visible_to(actor).filter(bid=bid).select_related("bid")
    }
    context = {
        "scenario": bid.scenario,
        "bid": bid,
        "slot": slot,
        "now": clock.now(),
        "questions": [
            {
                "row": row,
                "form": form_of(typed, "answer", str(row.uid))
                if row.waits and may[row.uid]
                else None,
            }
            for row in rows
        ],
    }
    return answered(request, "committee/bid_panel.html", context, error)


def sheet_question(request: Request, view: SheetView) -> HttpResponse:
    """A member asks from the own sheet, or sets an answer aside."""
    typed: Typed = {}
    said, error = moved(request, actor_of(request), typed, SHEET_MOVES, str(view.uid))
    if said:
        messages.success(request, str(said))
        return HttpResponseRedirect(reverse("sheet", args=[view.uid]))
    response = sheet_page(request, {"sheet": view, "typed": typed}, error=error)
    if error is None:
        response.status_code = 422
    return response


def sheet_page(
    request: Request, context: dict[str, Any], *, error: DomainError | None = None
) -> HttpResponse:
    """A sheet with what the panel asked its bidder."""
    view: SheetView = context["sheet"]
    typed: Typed = context.get("typed", {})
    named = view.stage == SheetStage.NAMED
    more = {
        "ask": form_of(typed, "ask", str(view.uid)) if named and view.is_open else None,
        "questions": [
            {
                "row": row,
                "form": form_of(typed, "aside", str(row.uid))
                if row.answered_at and not row.set_aside_at and view.is_open
                else None,
            }
            for row in view.asked
        ],
    }
    return page(request, "committee/sheet.html", {**context, **more}, error=error)


def moved(
    request: Request, actor: Actor, typed: Typed, buttons: set[str], own: str = ""
) -> tuple[Text | None, DomainError | None]:
    """Call the one action of the pressed button. Returns what to say, and the refusal.

    own: the uid of the page's own row, where the form names none.
    """
    do, named = request.POST.get("do", ""), request.POST.get("row", "") or own
    if do not in buttons:
        raise Http404
    kind, action, called, said = MOVES[do]
    form = typed[do, named] = kind(request.POST, auto_id=f"{do}-{named}-%s")
    if not form.is_valid():
        return None, None
    try:
        row = UUID(named)
    except ValueError as error:
        raise Http404 from error
    given = form.given() if hasattr(form, "given") else form.cleaned_data
    _row, refused = attempt(action, actor=actor, **{called: row}, **given)
    if refused is not None:
        show_refusal(form, refused)
    return (said if refused is None else None), refused


def form_of(typed: Typed, do: str, named: str) -> forms.Form:
    form: forms.Form = typed.get((do, named)) or MOVES[do][0](auto_id=f"{do}-{named}-%s")
    return form


def answered(
    request: Request, template: str, context: dict[str, Any], error: DomainError | None
) -> HttpResponse:
    response = page(request, template, context, error=error)
    if request.method == "POST" and error is None:
        response.status_code = 422
    return response


urlpatterns = [
    path("scenarios/<str:address>/panel/defence/", defence, name="defence"),
    path("bids/<uuid:uid>/panel/", bid_panel, name="bid-panel"),
]
