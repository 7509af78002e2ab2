"""Fees of experts: recorded per member by the office's table, the register, and its CSV."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from marketplace.base.actor import Role
from marketplace.base.clock import SHANGHAI
from marketplace.committee import actions
from marketplace.committee.fees import queries
from marketplace.committee.models import MemberState, Panel, PanelState
from marketplace.files.access import record_access
from marketplace.web.answers import attached, table_csv
from marketplace.web.attachments import uid_of
from marketplace.web.forms.committee import FeeForm
from marketplace.web.pages import (
    actor_of,
    attempt,
    forbid_unless,
    page,
    scenario_or_404,
    show_refusal,
)
from marketplace.web.request import Request

PER_PAGE = 50
CSV_HEADS = (
    *("demand", "judge", "name", "basis", "half_days", "amount_cny", "table", "version"),
    *("recorded_at", "note"),
)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def panel_fees(request: Request, address: str) -> HttpResponse:
    """One panel: each member's fee, and the form that records or corrects it."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    panel = Panel.objects.visible_to(actor).filter(scenario=scenario).first()
    if panel is None or not (actor.is_office or actor.role == Role.INSPECTOR):
        raise Http404
    error, refused = None, None
    if request.method == "POST":
        refused = FeeForm(request.POST)
        if refused.is_valid():
            _row, error = attempt(
                actions.record_fee,
                actor=actor,
                member_uid=uid_of(request.POST.get("member", "")),
                **refused.given(),
            )
            if error is None:
                messages.success(request, _("The fee is recorded."))
                return redirect("panel-fees", address=scenario.address)
            show_refusal(refused, error)
    rows = queries.fees_of(actor, panel)
    if any(row.name for row in rows):
        record_access(actor=actor, subject_uid=panel.uid, what="panel.names")
    context = {
        "scenario": scenario,
        "rows": [
            {
                "owed": row,
                "form": refused
                if refused and request.POST.get("member") == str(row.member.uid)
                else FeeForm(
                    initial={
                        "basis": "arrived" if row.member.state == MemberState.RECUSED else "review",
                        "half_days": row.fee.half_days
                        if row.fee
                        else 0
                        if row.member.state == MemberState.RECUSED
                        else 1,
                    },
                    auto_id=f"{row.member.code}_%s",
                ),
            }
            for row in rows
        ],
        "table": queries.current_table(),
        "may": actor.is_office and panel.state == PanelState.REPORTED,
    }
    response = page(request, "committee/fees.html", context, error=error)
    if request.method == "POST" and error is None:
        response.status_code = 422
    return response


@never_cache
@require_safe
def fees(request: Request) -> HttpResponse:
    """The register: the office all, an expert the own, an inspector what a request opens."""
    actor = actor_of(request)
    forbid_unless(actor.is_office or actor.role in {Role.EXPERT, Role.INSPECTOR})
    listed = Paginator(queries.register(actor), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "listed": listed,
        "rows": queries.named(listed.object_list),
        "office": actor.is_office,
        "table": queries.current_table(),
    }
    return page(request, "committee/fee_register.html", context)


@never_cache
@require_safe
def fees_csv(request: Request) -> HttpResponse:
    """The whole register; the byte order mark is for spreadsheets, which run no cell of it."""
    actor = actor_of(request)
    forbid_unless(actor.is_office or actor.role == Role.INSPECTOR)
    record_access(actor=actor, subject_uid=_office_uid(actor), what="fees.read")
    rows: list[list[object]] = []
    for row in queries.named(queries.register(actor)):
        fee = row.fee
        assert fee is not None, "the register lists what is recorded"
        at = fee.recorded_at.astimezone(SHANGHAI)
        cells: list[object] = [
            *(row.member.panel.scenario.ref, row.member.code, row.name, fee.basis),
            *(fee.half_days, fee.amount_cny, fee.table.version, fee.version),
            *(f"{at:%Y-%m-%d %H:%M:%S}", fee.note),
        ]
        rows.append(cells)
    body = table_csv(CSV_HEADS, rows)
    response = HttpResponse(body, content_type="text/csv; charset=utf-8")
    return attached(response, "expert-fees.csv")


def _office_uid(actor: object) -> UUID:
    organisation = getattr(actor, "organisation", None)
    return organisation.uid if organisation else UUID(int=0)


urlpatterns = [
    path("scenarios/<str:address>/fees/", panel_fees, name="panel-fees"),
    path("fees/", fees, name="fees"),
    path("fees.csv", fees_csv, name="fees-csv"),
]
