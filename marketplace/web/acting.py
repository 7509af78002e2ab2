"""Which hat the signed-in person wears: `request.actor`, switched by one form."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import cast

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from marketplace.accounts.queries import Acting, acting
from marketplace.base.actor import Actor
from marketplace.web.request import Request

SESSION_KEY = "acting"


class ActingMiddleware:
    """Sets `request.actor` and `request.hats`; both are read only when a view asks."""

    def __init__(self, get_response: Callable[[Request], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        @cache
        def load() -> tuple[Actor, list[Acting]]:
            request.acted = True
            return acting(request.user, request.session.get(SESSION_KEY, ""))

        request.acted = False
        request.load_acting = load
        request.actor = cast("Actor", SimpleLazyObject(lambda: load()[0]))
        request.hats = cast("list[Acting]", SimpleLazyObject(lambda: load()[1]))
        return self.get_response(request)


def actor_of(request: Request) -> Actor:
    """The real Actor, not its lazy wrapper: rules and the ledger get a plain value."""
    return request.load_acting()[0]


@require_POST
def switch(request: Request) -> HttpResponse:
    """Put on another of one's own hats and go back to the page, or to the desk."""
    key = request.POST.get("acting", "")
    if key in {hat.key for hat in request.hats}:
        request.session[SESSION_KEY] = key
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(back if safe else "/desk/")
