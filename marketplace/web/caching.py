"""What a signed-in person sees is theirs: no cache keeps it, not even their own browser's."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

PRIVATE = "private, no-store"


class PrivatePagesMiddleware:
    """Whoever brings or gets a session, or a token, is answered privately.

    A view may say so more strictly.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        brought = (
            settings.SESSION_COOKIE_NAME in request.COOKIES or "Authorization" in request.headers
        )
        known = brought or request.session.modified
        if known and "no-store" not in response.get("Cache-Control", ""):
            response.headers["Cache-Control"] = PRIVATE
        return response
