"""The changes of a posted demand: everybody reads them; the owner or an officer drafts one."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from marketplace.base.errors import DomainError, Invalid
from marketplace.scenarios.amendments import actions
from marketplace.scenarios.amendments.models import Amendment, AmendmentState
from marketplace.scenarios.amendments.queries import Changed, amendments_of, difference
from marketplace.scenarios.amendments.table import affects_bids
from marketplace.scenarios.models import State
from marketplace.scenarios.queries import stored_content
from marketplace.scenarios.rules import can_draft_amendment, can_publish_amendment
from marketplace.web import published
from marketplace.web.attachments import uid_of
from marketplace.web.forms.amendments import FIELDS, ReasonForm, amended_data
from marketplace.web.forms.scenarios import PART_TITLES, PARTS, DemandForm, DemandPage
from marketplace.web.forms.typed import put_errors
from marketplace.web.kept import kept_for_visitors
from marketplace.web.pages import (
    actor_of,
    attempt,
    forbid_unless,
    page,
    posted_or_404,
    show_refusal,
)
from marketplace.web.request import Request
from marketplace.web.words import instant_text, money_text

DONE = {
    "publish": gettext_lazy("The change is in force; everybody reads it."),
    "drop": gettext_lazy("The draft is dropped; it stays on record."),
}


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@kept_for_visitors
def amendments(request: Request, address: str) -> HttpResponse:
    scenario = posted_or_404(request, address)
    if scenario.address != address:
        return redirect("scenario-amendments", scenario.address)
    actor = actor_of(request)
    error = None
    if request.method == "POST":
        forbid_unless(actor.user_id is not None)
        error = _step(request)
        if error is None:
            return redirect("scenario-amendments", scenario.address)
    rows = list(amendments_of(actor, scenario))
    context = published.head(request, scenario, "amendments") | {
        "amendments": [line(row) for row in rows if row.state == AmendmentState.PUBLISHED],
        "drafts": [
            line(row) | {"may_publish": can_publish_amendment(actor, row)}
            for row in rows
            if row.state == AmendmentState.DRAFTED
        ],
        "dropped": [line(row) for row in rows if row.state == AmendmentState.DROPPED],
        "may_draft": can_draft_amendment(actor, scenario) and scenario.state == State.PUBLISHED,
    }
    return page(request, "public/amendments.html", context, error=error)


def _step(request: Request) -> DomainError | None:
    step = request.POST.get("do", "")
    called = {"publish": actions.publish_amendment, "drop": actions.drop_amendment}.get(step)
    if called is None:
        return Invalid(errors={"do": [_("Choose one of the values offered.")]})
    uid = uid_of(request.POST.get("amendment", ""))
    _row, error = attempt(called, actor=actor_of(request), amendment_uid=uid)
    if error is None:
        messages.success(request, str(DONE[step]))
    return error


def line(row: Amendment) -> dict[str, Any]:
    return {
        "row": row,
        "affects": affects_bids(set(row.changes)),
        "changes": [told(change) for change in difference(row)],
        "moved": row.deadline_after_at is not None
        and row.deadline_after_at != row.deadline_before_at,
    }


def told(change: Changed) -> dict[str, Any]:
    part = change.name in PARTS
    return {
        "label": PART_TITLES[change.name] if part else label(DemandForm, change.name),
        "pieces": change.pieces,
        "rows": [
            {
                "kind": row.kind,
                "key": row.key,
                "fields": [
                    (label(PARTS[change.name], name), pieces) for name, pieces in row.fields
                ],
            }
            for row in change.rows
        ],
        "values": None
        if part or change.pieces
        else (shown(change.name, change.before), shown(change.name, change.after)),
    }


def label(form: Any, name: str) -> Any:
    field = form.base_fields.get(name)
    return field.label if field else name


def shown(name: str, value: Any) -> str:
    """A plain value in words: dates by the clock of Beijing, money as elsewhere, numbers grouped."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, str) and "T" in value and (at := parse_datetime(value)):
        return instant_text(at)
    try:
        number = Decimal(str(value))
        return money_text(number) if name.endswith("_cny") else f"{number:,f}"
    except InvalidOperation:
        return str(value)


def amend(request: Request, address: str) -> HttpResponse:
    """The form of a change, filled with what is posted."""
    scenario = posted_or_404(request, address)
    actor = actor_of(request)
    forbid_unless(can_draft_amendment(actor, scenario))
    shown_page = DemandPage(content=stored_content(scenario))
    reason, error = ReasonForm(), None
    if request.method == "POST":
        post = request.POST
        shown_page, reason = DemandPage(post=post, add=post.get("add", "")), ReasonForm(post)
        if "add" not in post:
            row, error = attempt(
                actions.draft_amendment,
                actor=actor,
                scenario_uid=scenario.uid,
                data=amended_data(post),
                reason=post.get("reason", ""),
            )
            if error is None:
                messages.success(request, _("The change is drafted; another officer publishes it."))
                return redirect("scenario-amendments", row.scenario.address)
            shown_page = DemandPage(post=post, errors=error.errors)
            about = {k: v for k, v in error.errors.items() if k != "reason"}
            put_errors(shown_page.form, shown_page.rows, about)
            if "reason" in error.errors or not error.errors:
                show_refusal(reason, error)
    context = {
        "scenario": scenario,
        "form": shown_page.form,
        "fields": [shown_page.form[name] for name in FIELDS],
        "parts": [(PART_TITLES[part], shown_page.rows[part]) for part in PARTS],
        "forms": [reason, *shown_page.all_forms],
        "reason": reason,
    }
    box = None if isinstance(error, Invalid) else error
    response = page(request, "scenarios/amend.html", context, error=box)
    response.status_code = error.status if error else 200
    return response


urlpatterns = [
    path("scenarios/<str:address>/amendments/", amendments, name="scenario-amendments"),
    path("scenarios/<str:address>/amend/", amend, name="scenario-amend"),
]
