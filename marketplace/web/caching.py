"""What a signed-in person sees is theirs: no cache keeps it, not even their own browser's.

And what is the same for everybody, the log, is asked for by nobody in particular.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

PRIVATE = "private, no-store"
SHARED = ("/log/", "/seal/")


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


class SharedAddressesMiddleware:
    """The log's addresses and the packer's know neither person nor language: one copy serves all.

    Only the log's page, which has a head with a name in it, does.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        shared = request.path_info.startswith(SHARED) and request.path_info not in SHARED
        if shared:
            request.META.pop("HTTP_COOKIE", None)
            request.META.pop("HTTP_AUTHORIZATION", None)
        response = self.get_response(request)
        if shared:
            for name in ("Vary", "Content-Language"):
                response.headers.pop(name, None)
        return response
