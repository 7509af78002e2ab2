"""Who must sign in first: a page leads there, a part of a page is told so in place."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from marketplace.web.request import Request


class SignedInMiddleware(LoginRequiredMiddleware):
    def handle_no_permission(  # type: ignore[override]  # declared narrower than it is used
        self, request: HttpRequest, view_func: Any
    ) -> HttpResponseBase:
        """The sign-in page swapped into a form would push out what was being typed there."""
        if cast(Request, request).htmx:
            return HttpResponse(status=401)
        return super().handle_no_permission(request, view_func)
