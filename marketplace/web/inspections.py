"""An inspector's requests, what they open, and the record of every reading under them."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from marketplace.base import clock
from marketplace.base.actor import Role
from marketplace.desk.supervision import opened_scenarios, reading_list
from marketplace.files.access import readings_by, record_access
from marketplace.scenarios.models import Scenario
from marketplace.supervision import actions, queries
from marketplace.supervision.models import Inspection
from marketplace.supervision.rules import can_request_inspection
from marketplace.web.forms.supervision import InspectionForm
from marketplace.web.pages import (
    actor_of,
    address_lookup,
    attempt,
    first_or_404,
    forbid_unless,
    page,
    show_refusal,
)
from marketplace.web.request import Request

PER_PAGE = 30
READINGS = 100
# Pages of one's own, which are no reading of anybody's papers, and tips, which record themselves.
NOT_RECORDED = {
    *("inspection", "inspections", "pledge", "notice", "tip", "api-schema", "api-docs"),
    *("api-inspection", "api-inspections", "api-pledge", "api-pledges", "api-pledge-text"),
    *("api-pledge-texts", "api-notice", "api-notices", "api-notices-unread"),
}
# What the pages are called, by the names of their addresses; others are shown by that name.
WORDS = {
    "scenario": gettext_lazy("Demand"),
    "scenario-gate": gettext_lazy("Gate"),
    "opening": gettext_lazy("Opening"),
    "eligibility": gettext_lazy("Eligibility"),
    "bid": gettext_lazy("Bid"),
    "panel": gettext_lazy("Panel"),
    "signals": gettext_lazy("Signals"),
    "report": gettext_lazy("Report"),
    "decision": gettext_lazy("Decision"),
    "publicity": gettext_lazy("Notice"),
    "organisation": gettext_lazy("Organisation"),
    "organisation-control": gettext_lazy("Control and relations"),
    "organisation-members": gettext_lazy("Members"),
    "organisation-verification": gettext_lazy("Verification"),
    "file": gettext_lazy("File"),
    "approaches": gettext_lazy("Register of approaches"),
}


class InspectionMiddleware:
    """Records whatever an inspector reads while a request is in force, before it is delivered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        response = self.get_response(request)
        read = request.method == "GET" and response.status_code in {200, 206}
        # Where nobody asked who acts, nothing was shown that depends on it.
        if read and request.acted:
            record_reading(request)
        return response


def record_reading(request: Request) -> None:
    actor = request.load_acting()[0]
    match = request.resolver_match
    if actor.role != Role.INSPECTOR or match is None or match.url_name in NOT_RECORDED:
        return
    subject = subject_of(request)
    listed = match.url_name == "approaches" or request.path.startswith("/api/")
    if subject is None and not listed:
        return
    inspection = queries.covering(actor, subject)
    if inspection is not None:
        record_access(
            actor=actor,
            subject_uid=subject or inspection.uid,
            what="inspection.read",
            detail=f"{inspection.uid} {match.url_name}"[:80],
        )


def subject_of(request: Request) -> UUID | None:
    """What the address names: a row by its uid, or a demand by reference."""
    assert request.resolver_match is not None
    named = request.resolver_match.kwargs
    if "uid" in named:
        return UUID(str(named["uid"]))
    if "address" not in named:
        return None
    rows = Scenario.objects.filter(**address_lookup(named["address"]))
    return rows.values_list("uid", flat=True).first()


@never_cache
@require_GET
def inspections(request: Request) -> HttpResponse:
    actor = actor_of(request)
    forbid_unless(can_request_inspection(actor, None))
    listed = Paginator(queries.my_inspections(actor), PER_PAGE).get_page(request.GET.get("page"))
    now = clock.now()
    rows = [{"row": row, "state": queries.state_of(row, now)} for row in listed.object_list]
    return page(request, "supervision/inspections.html", {"rows": rows, "page_obj": listed})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def inspection_new(request: Request) -> HttpResponse:
    actor = actor_of(request)
    forbid_unless(can_request_inspection(actor, None))
    form = InspectionForm(request.POST if request.method == "POST" else None)
    error = None
    if form.is_valid():
        made, error = attempt(actions.request_inspection, actor=actor, **form.given())
        if error is None:
            messages.success(request, _("The request is recorded."))
            return redirect("inspection", made.uid)
        show_refusal(form, error)
    response = page(request, "supervision/inspection_new.html", {"form": form}, error=error)
    if form.errors:
        response.status_code = 422
    return response


@never_cache
@require_GET
def inspection(request: Request, uid: UUID) -> HttpResponse:
    """The request, what it opens now, and what was read under it."""
    actor = actor_of(request)
    rows = Inspection.objects.visible_to(actor).select_related("end")
    row = first_or_404(rows.filter(uid=uid))
    opened = Paginator(opened_scenarios(actor, row), PER_PAGE).get_page(request.GET.get("page"))
    read = readings_by(row.inspector.uid).filter(detail__startswith=f"{row.uid} ")
    state = queries.state_of(row, clock.now())
    context = {
        "inspection": row,
        "state": state,
        "lines": reading_list(actor, opened.object_list),
        "page_obj": opened,
        "organisations": queries.organisations_of(row),
        "read": [
            {
                "at": reading.at,
                "page": (name := reading.detail.partition(" ")[2]),
                "word": WORDS.get(name, ""),
                "uid": reading.subject_uid,
            }
            for reading in read[:READINGS]
        ],
        "opens_register": state == "in_force" and row.scope in {"register", "everything"},
    }
    return page(request, "supervision/inspection.html", context)


@never_cache
@require_POST
def inspection_end(request: Request, uid: UUID) -> HttpResponse:
    _end, error = attempt(actions.end_inspection, actor=actor_of(request), inspection_uid=uid)
    if error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The request is ended; it opens nothing any more."))
    return redirect("inspection", uid)


urlpatterns = [
    path("inspections/", inspections, name="inspections"),
    path("inspections/new/", inspection_new, name="inspection-new"),
    path("inspections/<uuid:uid>/", inspection, name="inspection"),
    path("inspections/<uuid:uid>/end/", inspection_end, name="inspection-end"),
]
