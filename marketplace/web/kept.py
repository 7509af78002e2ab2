"""Pages that every visitor sees alike, kept as bytes for as long as nothing changes.

A page is shown again only while the database's snapshot is the one that it was made from: as long
as that is the same, so is every row, whatever the page was made of. Nothing has to be told of a
change, and any write anywhere drops all that is kept. What follows from the time alone, the
countdowns and a deadline that passes, is at most `SECONDS` behind.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language

from marketplace.base.prepared import fetch_one
from marketplace.web.request import Request

SECONDS = 1
MOST = 200  # pages per process, the least used go first
STANDS = "SELECT pg_current_snapshot()::text, marketplace_now()"
# Whoever brings one of these, or a token, may be shown what is theirs.
PERSONAL = frozenset({settings.SESSION_COOKIE_NAME, "messages"})


@dataclass(frozen=True)
class Kept:
    snapshot: str
    made_at: datetime
    body: bytes
    content_type: str


_pages: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()
_guard = threading.Lock()


def forget() -> None:
    with _guard:
        _pages.clear()


def kept_for_visitors(view: Callable[[Request], HttpResponse]) -> Callable[[Request], HttpResponse]:
    """For a page that depends on its address and language, on htmx, and on the database."""

    @wraps(view)
    def show(request: Request) -> HttpResponse:
        response = view(request) if _personal(request) else _shown(request, view)
        patch_vary_headers(response, ["Cookie", "HX-Request"])
        return response

    return show


def _shown(request: Request, view: Callable[[Request], HttpResponse]) -> HttpResponse:
    # A transaction sees its own writes, which no snapshot tells of.
    if connection.in_atomic_block:
        return view(request)
    key = _key(request)
    # Read before the page is made: what changes meanwhile is another snapshot.
    row = fetch_one(STANDS, {})
    assert row is not None, "one row"
    snapshot, now = row
    with _guard:
        page = _pages.get(key)
        if page is not None:
            _pages.move_to_end(key)
    age = timedelta(seconds=SECONDS)
    if page and page.snapshot == snapshot and page.made_at <= now < page.made_at + age:
        return HttpResponse(page.body, content_type=page.content_type)
    response = view(request)
    if response.status_code == 200 and not _given(request, response):
        made = Kept(snapshot, now, response.content, response.headers["Content-Type"])
        with _guard:
            _pages[key] = made
            while len(_pages) > MOST:
                _pages.popitem(last=False)
    return response


def _personal(request: Request) -> bool:
    return not PERSONAL.isdisjoint(request.COOKIES) or "Authorization" in request.headers


def _given(request: Request, response: HttpResponse) -> bool:
    """Whether the page gave its reader something of his own: a form's token, a session."""
    token = request.META.get("CSRF_COOKIE_NEEDS_UPDATE", False)
    return bool(token or response.cookies or request.session.modified)


def _key(request: Request) -> tuple[Any, ...]:
    name = connection.settings_dict["NAME"]
    htmx = (bool(request.htmx), request.htmx.history_restore_request)
    return (name, request.build_absolute_uri(), get_language(), *htmx)
