"""Error pages. A database that is away is an interruption (503), not a fault of the visitor."""

from __future__ import annotations

import sys
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string


def _page(name: str, status: int) -> HttpResponse:
    """Rendered without the request: an error page needs no session and no database."""
    return HttpResponse(render_to_string(f"errors/{name}.html"), status=status)


@login_not_required
def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _page("404", 404)


@login_not_required
def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _page("403", 403)


@login_not_required
def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _page("400", 400)


@login_not_required
def broken(request: HttpRequest) -> HttpResponse:
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        response = _page("503", 503)
        response.headers["Retry-After"] = "10"
        return response
    return _page("500", 500)
