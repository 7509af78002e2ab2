"""API tokens of the signed-in person: listed, made, shown once, revoked."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from marketplace.accounts.tokens import actions, queries
from marketplace.scenarios.models import Scenario
from marketplace.web.context import hat_label
from marketplace.web.forms.tokens import TokenForm
from marketplace.web.pages import actor_of, attempt, page, show_refusal
from marketplace.web.request import Request
from marketplace.web.second_factor import fresh_proof

PER_PAGE = 30


@never_cache
@require_GET
def tokens(request: Request) -> HttpResponse:
    actor = actor_of(request)
    rows = Paginator(queries.tokens_of(actor), PER_PAGE).get_page(request.GET.get("page"))
    uids = [token.scenario_uid for token in rows if token.scenario_uid]
    seen = Scenario.objects.visible_to(actor).filter(uid__in=uids) if uids else []
    demands = {scenario.uid: scenario for scenario in seen}
    lines = [
        {
            "token": token,
            "hat": hat_label(queries.hat_of(token)),
            "own": token.user_id == actor.user_id,
            "demand": demands.get(token.scenario_uid) if token.scenario_uid else None,
        }
        for token in rows
    ]
    warning = _("Programs that use it are refused from this moment on. This cannot be undone.")
    context = {"page_obj": rows, "lines": lines, "consequences": [warning]}
    return page(request, "account/tokens.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@fresh_proof(first=True)
def new_token(request: Request) -> HttpResponse:
    """The form; after it, in the answer itself, the secret: it is kept nowhere to be read again."""
    actor = actor_of(request)
    form = TokenForm(request.POST if request.method == "POST" else None, actor=actor)
    context = {"form": form, "hat": hat_label(actor)}
    error = None
    if form.is_valid():
        made, error = attempt(actions.create_token, actor=actor, **form.given())
        if error is None:
            return page(request, "account/token_made.html", {"made": made, **context})
        show_refusal(form, error)
    response = page(request, "account/token_new.html", context, error=error)
    if error is None and form.is_bound:
        response.status_code = 422
    return response


@require_POST
def revoke(request: Request, uid: UUID) -> HttpResponse:
    token, error = attempt(actions.revoke_token, actor=actor_of(request), token_uid=uid)
    if error is None:
        messages.success(request, _("“%(name)s” is revoked.") % {"name": token.name})
    else:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("tokens"))


urlpatterns = [
    path("accounts/tokens/", tokens, name="tokens"),
    path("accounts/tokens/new/", new_token, name="token-new"),
    path("accounts/tokens/<uuid:uid>/revoke/", revoke, name="token-revoke"),
]
