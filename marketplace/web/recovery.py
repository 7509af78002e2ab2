"""The office resets a lost second factor: one asks, another agrees."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from marketplace.accounts.recovery import actions, queries
from marketplace.accounts.recovery.models import ASKED_FOR, ResetState
from marketplace.accounts.rules import can_ask_factor_reset, can_decide_factor_reset
from marketplace.base import clock
from marketplace.base.errors import DomainError
from marketplace.web.forms.recovery import AskResetForm
from marketplace.web.pages import actor_of, attempt, page, show_refusal
from marketplace.web.request import Request
from marketplace.web.second_factor import fresh_proof

PER_PAGE = 30
DECISIONS = {"confirm": actions.confirm_factor_reset, "decline": actions.decline_factor_reset}


@never_cache
@require_http_methods(["GET", "POST"])
@fresh_proof(first=True)
def factor_resets(request: Request) -> HttpResponse:
    """Asks for the proof before it opens: nothing here is for a screen left alone."""
    actor = actor_of(request)
    if not actor.is_office:
        raise Http404
    asking = request.method == "POST" and request.POST.get("do") == "ask"
    form = AskResetForm(request.POST if asking else None)
    error: DomainError | None = None
    if asking and form.is_valid():
        _row, error = attempt(actions.ask_factor_reset, actor=actor, **form.cleaned_data)
        if error is None:
            messages.success(request, _("Asked. A second person of the office now decides."))
            return HttpResponseRedirect(reverse("factor-resets"))
        show_refusal(form, error)
    elif request.method == "POST" and not asking:
        error = _decide(request)
        if error is None:
            return HttpResponseRedirect(reverse("factor-resets"))
    rows = Paginator(queries.resets(actor), PER_PAGE).get_page(request.GET.get("page"))
    now = clock.now()
    lines = [
        {
            "row": row,
            "open": row.state == ResetState.ASKED and now < row.created_at + ASKED_FOR,
            "lapsed": row.state == ResetState.ASKED and now >= row.created_at + ASKED_FOR,
            "hidden": {"do": "confirm", "reset": row.uid},
            "may_decide": can_decide_factor_reset(actor, row),
        }
        for row in rows
    ]
    context = {
        "form": form,
        "page_obj": rows,
        "lines": lines,
        "may_ask": can_ask_factor_reset(actor, None),
        "consequences": [
            _("Factor and recovery codes are deleted; security keys as well."),
            _("The person is signed out everywhere and all API tokens end."),
            _("A letter tells the person, who then sets up a new factor."),
        ],
    }
    response = page(request, "account/factor_resets.html", context, error=error)
    if asking and error is None:
        response.status_code = 422
    return response


def _decide(request: Request) -> DomainError | None:
    decide = DECISIONS.get(request.POST.get("do", ""))
    try:
        uid = UUID(request.POST.get("reset", ""))
    except ValueError:
        raise Http404 from None
    if decide is None:
        raise Http404
    row, error = attempt(decide, actor=actor_of(request), reset_uid=uid)
    if error is None and row.state == ResetState.CONFIRMED:
        messages.success(request, _("Reset. The person sets up a new factor at the next sign-in."))
    elif error is None:
        messages.success(request, _("Declined. Nothing was changed."))
    return error


urlpatterns = [path("desk/factors/", factor_resets, name="factor-resets")]
