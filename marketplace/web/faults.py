"""Error pages. A database that is away is an interruption (503), not a fault of the visitor."""

from __future__ import annotations

import sys
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from marketplace.base.errors import NotAllowed, NotFound, TooLarge, TooMany
from marketplace.base.problems import plain_problem


def _answer(request: HttpRequest, status: int, code: str, detail: Any) -> HttpResponse:
    """A problem document under /api/, else a page, which needs no session and no database."""
    if request.path.startswith("/api/"):
        return plain_problem(status, code, str(detail))
    return HttpResponse(render_to_string(f"errors/{status}.html"), status=status)


@login_not_required
def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _answer(request, 404, NotFound.code, NotFound.message)


@login_not_required
def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _answer(request, 403, NotAllowed.code, NotAllowed.message)


@login_not_required
def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return _answer(request, TooLarge.status, TooLarge.code, TooLarge.message)
    return _answer(request, 400, "request.bad", _("This request cannot be understood."))


@login_not_required
def too_many(request: HttpRequest) -> HttpResponse:
    response = _answer(request, TooMany.status, TooMany.code, TooMany.message)
    response.headers["Retry-After"] = "60"
    return response


@login_not_required
def broken(request: HttpRequest) -> HttpResponse:
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        sentence = _("The database does not answer at the moment. Try again shortly.")
        response = _answer(request, 503, "interrupted", sentence)
        response.headers["Retry-After"] = "10"
        return response
    return _answer(request, 500, "fault", _("A fault of the platform. It has been recorded."))
