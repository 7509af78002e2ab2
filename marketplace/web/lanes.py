"""A shorter way for programs: what sessions, forms and pages need is left out for a bearer's request.

Whatever such a request is answered with, its headers, log line, language, limits and the record of
what inspectors read are those of every other request: the same classes make them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from marketplace.accounts.tokens.text import bearer_text

Answer = Callable[[HttpRequest], HttpResponse]


class Core(cast("Any", BaseHandler)):  # type: ignore[misc]  # its parts have no declared types
    """Django's own way from an address to its view, without the hooks of MIDDLEWARE."""

    def __init__(self) -> None:
        super().__init__()
        for hooks in ("_view_middleware", "_template_response_middleware", "_exception_middleware"):
            setattr(self, hooks, [])

    def answer(self, request: HttpRequest) -> HttpResponse:
        return cast("HttpResponse", self._get_response(request))


class TokenLaneMiddleware:
    """Sends requests of the API that bring a token through `settings.TOKEN_MIDDLEWARE` only."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        lane: Any = convert_exception_to_response(Core().answer)
        for name in reversed(settings.TOKEN_MIDDLEWARE):
            lane = convert_exception_to_response(import_string(name)(lane))
        self.lane: Answer = lane

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not comes_with_token(request):
            return self.get_response(request)
        vars(request).update(acted=False)
        return self.lane(request)


def comes_with_token(request: HttpRequest) -> bool:
    """By the header alone, whatever the token is worth: no session is looked at beside it."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    return request.path_info.startswith("/api/") and bearer_text(header) is not None
