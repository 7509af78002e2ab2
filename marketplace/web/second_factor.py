"""Who must have a second factor, and which deeds ask for a fresh proof. See docs/decisions.md."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from marketplace.accounts.models import User
from marketplace.accounts.proof import (
    has_second_factor,
    lacks_second_factor,
    proved_recently,
    proved_within,
)
from marketplace.accounts.queries import needs_second_factor
from marketplace.base.problems import plain_problem
from marketplace.web.request import Request

View = Callable[..., HttpResponse]
# What somebody may still open who has to set up a second factor first.
SET_UP = {
    "security",
    "account_login",
    "account_logout",
    "account_reauthenticate",
    "account_change_password",
    "usersessions_list",
    "notices-unread",
}


class SecondFactorMiddleware:
    """Leads whoever must have a second factor, and has none, to where it is set up."""

    def __init__(self, get_response: Callable[[Request], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: Request, view: View, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        name = (request.resolver_match.url_name or "") if request.resolver_match else ""
        if settings.MFA_OPTIONAL or name in SET_UP or name.startswith(("mfa_", "health-")):
            return None
        user = request.user
        if not isinstance(user, User) or not lacks_second_factor(user):
            return None
        if request.path.startswith("/api/"):
            return plain_problem(
                403, "mfa.required", _("Your role needs a second factor. Set it up first.")
            )
        address = reverse("security")
        if request.htmx:
            return HttpResponse(headers={"HX-Redirect": address})
        return HttpResponseRedirect(address)


def fresh_proof(view: View | None = None, *, do: str = "", first: bool = False) -> Any:
    """A POST of this page (with `do`, only of that button) needs a fresh proof.

    allauth keeps the POST in the session, asks, and then goes on with it. With `first` the page
    asks before it shows its form, so that nothing typed waits for a code.
    """
    if view is None:
        return lambda view: fresh_proof(view, do=do, first=first)

    @wraps(view)
    def proved(request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        deed = request.method == "POST" and (not do or request.POST.get("do") == do)
        user = request.user
        asked = deed or (first and request.method == "GET")
        if asked and isinstance(user, User) and not proved_recently(request, user):
            raise ReauthenticationRequired
        return view(request, *args, **kwargs)

    return proved


def scoring_proof(view: View) -> View:
    """A sheet opens after a proof of the last hours; what is then written is taken for as long again.

    So a judge is asked before writing and never between two sentences.
    """

    @wraps(view)
    def proved(request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        user, within = request.user, settings.SCORING_PROOF_SECONDS
        if request.method == "POST":
            within *= 2
        if not isinstance(user, User) or proved_within(request, user, within):
            return view(request, *args, **kwargs)
        if request.htmx:
            # A part of a page cannot ask: the page itself does, and the sheet opens again after it.
            return HttpResponse(headers={"HX-Redirect": request.get_full_path()})
        raise ReauthenticationRequired

    return proved


@never_cache
@require_GET
def security(request: Request) -> HttpResponse:
    """Password, second factor, recovery codes and sessions, in one place."""
    user = request.user
    assert isinstance(user, User)  # the page is behind the sign-in
    context = {
        "protected": has_second_factor(user),
        "required": not settings.MFA_OPTIONAL and needs_second_factor(user),
    }
    return render(request, "account/security.html", context)
