"""A bid's consortium on its page: who takes part, and changes asked for and decided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from marketplace.base.errors import DomainError, Invalid
from marketplace.bidding.consortia.actions import (
    request_consortium_change,
)
from marketplace.bidding.consortia.queries import members_of
from marketplace.bidding.models import Bid
from marketplace.committee.actions import decide_consortium_change
from marketplace.web.bidding import bid_page
from marketplace.web.forms.consortia import ChangeForm, DecideForm
from marketplace.web.pages import Request, actor_of, attempt, first_or_404


def seen(request: Request, uid: UUID) -> Bid:
    rows = Bid.objects.visible_to(actor_of(request)).select_related("organisation", "scenario")
    return first_or_404(rows.filter(uid=uid))


def again(
    request: Request, bid: Bid, error: DomainError, typed: dict[str, Any] | None = None
) -> HttpResponse:
    told = None if typed and isinstance(error, Invalid) else error
    response = bid_page(request, bid.uid, error=told, typed=typed)
    response.status_code = error.status
    return response


@never_cache
@require_POST
def consortium_change(request: Request, uid: UUID) -> HttpResponse:
    bid = seen(request, uid)
    members = members_of(actor_of(request), bid)
    form = None
    given: dict[str, Any] = {"members": [], "lead_work": "", "lead_share_percent": ""}
    given |= {"agreement_name": "", "agreement_sha256": "", "reason": ""}
    if members:
        form = ChangeForm(request.POST, members=members, most=bid.scenario.consortium_members_max)
        given = form.asked()
    _change, error = attempt(
        request_consortium_change, actor=actor_of(request), bid_uid=uid, **given
    )
    if error:
        if form is not None and isinstance(error, Invalid):
            form.put_refusal(error)
            return again(request, bid, error, {"ask": form})
        return again(request, bid, error)
    messages.success(request, _("The change is asked for; the office decides."))
    return redirect("bid", uid)


@never_cache
@require_POST
def consortium_decide(request: Request, uid: UUID) -> HttpResponse:
    bid = seen(request, uid)
    form = DecideForm(request.POST)
    form.is_valid()
    try:
        change_uid = UUID(request.POST.get("change", ""))
    except ValueError:
        change_uid = UUID(int=0)
    _change, error = attempt(
        decide_consortium_change,
        actor=actor_of(request),
        bid_uid=uid,
        change_uid=change_uid,
        approve=request.POST.get("approve") == "yes",
        reason=request.POST.get("reason", ""),
    )
    if error:
        if isinstance(error, Invalid):
            for name, sentences in error.errors.items():
                form.add_error(name if name in form.fields else None, [*map(str, sentences)])
            return again(request, bid, error, {"decide": form})
        return again(request, bid, error)
    messages.success(request, _("The change of the consortium is decided."))
    return redirect("bid", uid)


urlpatterns = [
    path("bids/<uuid:uid>/consortium/", consortium_change, name="bid-consortium-change"),
    path("bids/<uuid:uid>/consortium/decision/", consortium_decide, name="bid-consortium-decide"),
]
