"""Around every request: its number, one line in the log, and the figures of /metrics.

Nothing here tells before a deadline that a bid exists. Requests on routes that have to do with
bids are neither counted nor timed nor logged, whatever they are answered; only a fault (500 and
above) is, without its route and without who asked.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse

from config.logs import TELLING
from marketplace.web import metrics

log = structlog.get_logger("jiebang.request")

HEADER = "X-Request-ID"
GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)
# Asked by machines every few seconds.
QUIET = frozenset({"health-live", "health-ready", "metrics", "static"})


class ObservedMiddleware:
    """The outermost one. Never fails a request, never costs it a query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        number = request_id(request)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=number)
        queries = Queries()
        began = time.perf_counter()
        with connection.execute_wrapper(queries):
            response = self.get_response(request)
        seconds = time.perf_counter() - began
        response.headers[HEADER] = number
        name, telling = route_of(request)
        queries.tell(None if telling else name)
        if not telling and name not in QUIET:
            metrics.count_request(name, response.status_code, seconds)
        if response.status_code >= 500 or not (telling or name in QUIET):
            told = {"route": "withheld"} if telling else {"route": name, "actor": person(request)}
            log.info(
                "request",
                method=request.method,
                status=response.status_code,
                ms=round(seconds * 1000),
                queries=queries.count,
                **told,
            )
        return response


class Queries:
    """Counts the queries of a request and notes slow ones: their text, never their values."""

    def __init__(self) -> None:
        self.count = 0
        self.slow: list[tuple[float, str]] = []

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        self.count += 1
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            seconds = time.perf_counter() - began
            if seconds >= settings.SLOW_QUERY_SECONDS:
                self.slow.append((seconds, str(sql)))

    def tell(self, route: str | None) -> None:
        """On a route that is withheld, nothing: the statement names the table."""
        for seconds, sql in self.slow if route else ():
            log.warning("query.slow", route=route, ms=round(seconds * 1000), sql=sql[:1000])


def request_id(request: HttpRequest) -> str:
    """The proxy's number where there is a proxy of ours, else a new one."""
    given = request.headers.get(HEADER, "") if settings.BEHIND_PROXY else ""
    return given if GIVEN.fullmatch(given) else uuid4().hex


def route_of(request: HttpRequest) -> tuple[str, bool]:
    """(the name of the route, whether it has to do with bids)."""
    match = request.resolver_match
    if match is None:
        static = request.path.startswith(settings.STATIC_URL)
        name = "static" if static else "unresolved"
        return name, bool(not static and TELLING.search(request.path))
    telling = TELLING.search(match.route) or TELLING.search(match.view_name or "")
    return match.view_name or "unnamed", bool(telling)


def person(request: HttpRequest) -> str | None:
    """The uid of who asked, where somebody has found out already."""
    user = getattr(request, "_cached_user", None)
    return str(user.uid) if user is not None and user.is_authenticated else None
