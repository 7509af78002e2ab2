"""Pages that every visitor sees alike, kept as bytes for as long as nothing changes.

A page is shown again only while the database's snapshot is the one that it was made from: as long
as that is the same, so is every row, whatever the page was made of. Nothing has to be told of a
change, and any write anywhere drops all that is kept. What follows from the time alone, the
countdowns and a deadline that passes, is at most `SECONDS` behind.

Each answer has a tag, by which a visitor asks again (304). It is made of what the page says and of
nothing else: one made of the database's snapshot would tell that somebody has written something,
a bid for example.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language

from marketplace.base.prepared import fetch_one
from marketplace.web.answers import tagged
from marketplace.web.request import Request

SECONDS = 1
MOST = 200  # pages per process, the least used go first
STANDS = "SELECT pg_current_snapshot()::text, marketplace_now()"
# Asked again each time, by the tag.
ASKED_AGAIN = "no-cache"
# What says no more than when the page was made: app.js takes the time from SERVER_TIME.
MADE = re.compile(rb' data-now="[^"]*"|<(\w+)(?: class="[^"]*")? data-made>.*?</\1>', re.DOTALL)
SERVER_TIME = "Server-Timing"
# A form's: one who has the cookie already gets it without another cookie.
TOKEN = b"csrfmiddlewaretoken"
# Whoever brings one of these, or a token, may be shown what is theirs.
PERSONAL = frozenset({settings.SESSION_COOKIE_NAME, "messages"})


@dataclass(frozen=True)
class Kept:
    snapshot: str
    made_at: datetime
    body: bytes
    content_type: str
    tag: str


_pages: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()
_guard = threading.Lock()


def forget() -> None:
    with _guard:
        _pages.clear()


def kept_for_visitors(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For a page that depends on its address and language, on htmx, and on the database."""

    @wraps(view)
    def show(request: Request, *args: Any, **given: Any) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return view(request, *args, **given)
        if _personal(request):
            response = view(request, *args, **given)
        else:
            response = _shown(request, lambda: view(request, *args, **given))
        patch_vary_headers(response, ["Cookie", "HX-Request"])
        return response

    return show


def tag_of(body: bytes) -> str:
    """A weak ETag: two pages that say the same have one, whenever they were made."""
    return f'W/"{hashlib.sha256(MADE.sub(b"", body)).hexdigest()[:32]}"'


def _shown(request: Request, view: Callable[[], HttpResponse]) -> HttpResponse:
    # A transaction sees its own writes, which no snapshot tells of.
    if connection.in_atomic_block:
        response = view()
        tag = tag_of(response.content) if _same_for_all(request, response) else ""
        return _asked_again(request, response, tag)
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
        response = HttpResponse(page.body, content_type=page.content_type)
        return _asked_again(request, response, page.tag, now)
    response = view()
    if not _same_for_all(request, response):
        return response
    content_type = response.headers["Content-Type"]
    made = Kept(snapshot, now, response.content, content_type, tag_of(response.content))
    with _guard:
        _pages[key] = made
        while len(_pages) > MOST:
            _pages.popitem(last=False)
    return _asked_again(request, response, made.tag, now)


def _asked_again(
    request: Request, response: HttpResponse, tag: str, now: datetime | None = None
) -> HttpResponse:
    """With the tag, or 304 where the visitor has the same; a part of a page has none."""
    if not tag or request.htmx:
        return response
    response.headers["Cache-Control"] = ASKED_AGAIN
    answer = tagged(request, response, tag)
    if now is not None:
        answer.headers[SERVER_TIME] = f'now;desc="{now.astimezone(UTC).isoformat()}"'
    return answer


def _personal(request: Request) -> bool:
    return not PERSONAL.isdisjoint(request.COOKIES) or "Authorization" in request.headers


def _same_for_all(request: Request, response: HttpResponse) -> bool:
    """Whether the page gave its reader nothing of his own: a form's token, a session."""
    own = request.META.get("CSRF_COOKIE_NEEDS_UPDATE") or response.cookies
    own = own or request.session.modified or TOKEN in response.content
    return response.status_code == 200 and not own


def _key(request: Request) -> tuple[Any, ...]:
    name = connection.settings_dict["NAME"]
    htmx = (bool(request.htmx), request.htmx.history_restore_request)
    return (name, request.build_absolute_uri(), get_language(), *htmx)
