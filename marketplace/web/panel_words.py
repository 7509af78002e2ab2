"""A member's pages beside the desk: the second declaration, and the word on the report."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace.base import clock
from marketplace.committee import actions, queries
from marketplace.committee.models import REPORT_MADE, PanelMember, Report
from marketplace.committee.signing.queries import said, sign_by
from marketplace.files.access import record_access
from marketplace.files.signing import making
from marketplace.web.forms.committee import DeclareForm, WordForm
from marketplace.web.pages import actor_of, attempt, page, show_refusal
from marketplace.web.request import Request
from marketplace.web.second_factor import fresh_proof


def own_seat(request: Request, uid: UUID) -> PanelMember:
    member, _error = attempt(queries.seat, actor=actor_of(request), panel_uid=uid)
    found: PanelMember = member
    return found


@require_http_methods(["GET", "POST"])
def declare_named(request: Request, uid: UUID) -> HttpResponse:
    """Who bid in fact, and a declaration against them before the sheets by name."""
    member = own_seat(request, uid)
    panel = member.panel
    if not queries.declares_again(member) and request.method == "GET":
        return HttpResponseRedirect(reverse("panel-desk", args=[uid]))
    form = DeclareForm(request.POST or None)
    error = None
    if request.method == "POST" and form.is_valid():
        free = form.cleaned_data["free"] == "yes"
        _row, error = attempt(
            actions.declare_against_bidders,
            actor=actor_of(request),
            panel_uid=uid,
            free=free,
            reason=form.cleaned_data["reason"],
        )
        if error is None and not free:
            return render(request, "committee/recused.html")
        if error is None:
            messages.success(request, _("Your second declaration is on record."))
            return HttpResponseRedirect(reverse("panel-desk", args=[uid]))
        show_refusal(form, error)
    bidders = queries.shown_bidders(panel, member)
    if bidders:
        record_access(actor=actor_of(request), subject_uid=panel.uid, what="panel.bidders")
    context = {
        "scenario": panel.scenario,
        "panel_uid": uid,
        "code": member.code,
        "bidders": bidders,
        "declare": form,
    }
    response = page(request, "committee/declare_named.html", context, error=error)
    if request.method == "POST" and error is None:
        response.status_code = 422
    return response


@require_http_methods(["GET", "POST"])
@fresh_proof(do="sign")
def panel_report(request: Request, uid: UUID) -> HttpResponse:
    """The report as its members see it: the ranking, and each one's own word on it."""
    member = own_seat(request, uid)
    panel = member.panel
    actor = actor_of(request)
    reports = Report.objects.visible_to(actor).select_related("scenario__profile")
    report = reports.filter(scenario=panel.scenario).first()
    if report is None or panel.state not in REPORT_MADE:
        raise Http404
    form = WordForm(request.POST or None, asks=making.route().asks_signature)
    error = None
    if request.method == "POST" and form.is_valid():
        _row, error = attempt(actions.sign_report, actor=actor, panel_uid=uid, **form.given())
        if error is None:
            messages.success(request, _("Your word on the report is on record."))
            return HttpResponseRedirect(reverse("panel-report", args=[uid]))
        show_refusal(form, error)
    record_access(actor=actor, subject_uid=report.uid, what="report.read")
    words = said(report, panel)
    own = next((row.word for row in words if row.member.pk == member.pk), None)
    until = sign_by(report)
    context: dict[str, Any] = {
        "scenario": panel.scenario,
        "panel_uid": uid,
        "panel_state": panel.state,
        "code": member.code,
        "report": report,
        "body": json.loads(bytes(report.body)),
        "own": own,
        "until": until,
        "open": panel.state == "signing" and own is None and clock.now() < until,
        "form": form,
    }
    response = page(request, "committee/panel_report.html", context, error=error)
    if request.method == "POST" and error is None:
        response.status_code = 422
    return response


urlpatterns = [
    path("panels/<uuid:uid>/bidders/", declare_named, name="panel-bidders"),
    path("panels/<uuid:uid>/report/", panel_report, name="panel-report"),
]
