"""匿名举报: open to everybody, addressed to the inspectors, answered by number and secret.

The pages keep no address and write nothing about the sender anywhere; signed in or not, a tip
comes from a visitor.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from marketplace.base.actor import Role
from marketplace.base.errors import DomainError, TooMany
from marketplace.base.rules import require_confidentiality
from marketplace.files.access import record_access
from marketplace.supervision import actions, queries
from marketplace.supervision.limits import within
from marketplace.supervision.models import Tip
from marketplace.web.forms.supervision import AnswerForm, LookUpForm, TipForm
from marketplace.web.pages import actor_of, attempt, first_or_404, forbid_unless, page, show_refusal
from marketplace.web.request import Request

PER_PAGE = 30


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tips(request: Request) -> HttpResponse:
    """Send a tip. What is shown afterwards is shown once, in the answer itself."""
    form = TipForm(request.POST if request.method == "POST" else None)
    sent: actions.Sent | None = None
    error: DomainError | None = None
    if form.is_valid():
        if not within(request, "tip"):
            error = TooMany()
        else:
            sent, error = attempt(actions.send_tip, **form.cleaned_data)
        if error:
            show_refusal(form, error)
    response = page(request, "supervision/tip.html", {"form": form, "sent": sent}, error=error)
    if form.errors:
        response.status_code = 422
    return response


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tip_answer(request: Request) -> HttpResponse:
    """Whoever has number and secret reads the answers; a wrong pair says no more than that."""
    form = LookUpForm(request.POST if request.method == "POST" else None)
    found, error, status = None, None, 200
    if form.is_valid():
        if not within(request, "tip_lookup"):
            error = TooMany()
        else:
            found = queries.tip_by_secret(**form.cleaned_data)
            status = 200 if found else 404
    context = {
        "form": form,
        "found": found,
        "answers": queries.answers_of(found) if found else [],
        "missed": status == 404,
    }
    response = page(request, "supervision/tip_answer.html", context, error=error)
    response.status_code = error.status if error else 422 if form.errors else status
    return response


# -- The inspectors' side ----------------------------------------------------------------------------
@never_cache
@require_GET
def tip_inbox(request: Request) -> HttpResponse:
    actor = actor_of(request)
    forbid_unless(actor.role == Role.INSPECTOR)
    listed = Paginator(queries.tips_for(actor), PER_PAGE).get_page(request.GET.get("page"))
    return page(request, "supervision/tip_inbox.html", {"page_obj": listed})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tip(request: Request, uid: UUID) -> HttpResponse:
    """One tip with its answers. Reading it is recorded, and needs the pledge, like a bid."""
    actor = actor_of(request)
    row = first_or_404(Tip.objects.visible_to(actor).filter(uid=uid))
    require_confidentiality(actor)
    form = AnswerForm(request.POST if request.method == "POST" else None)
    error = None
    if form.is_valid():
        _answer, error = attempt(
            actions.answer_tip, actor=actor, tip_uid=uid, text=form.cleaned_data["text"]
        )
        if error is None:
            messages.success(request, _("The answer is kept for whoever has number and secret."))
            return redirect("tip", uid)
        show_refusal(form, error)
    record_access(actor=actor, subject_uid=row.uid, what="tip.read")
    context = {
        "tip": row,
        "text": queries.tip_text(row),
        "answers": queries.answers_of(row),
        "form": form,
    }
    response = page(request, "supervision/tip_read.html", context, error=error)
    if form.errors:
        response.status_code = 422
    return response


urlpatterns = [
    path("tips/", tips, name="tips"),
    path("tips/answer/", tip_answer, name="tip-answer"),
    path("tips/inbox/", tip_inbox, name="tip-inbox"),
    path("tips/<uuid:uid>/", tip, name="tip"),
]
