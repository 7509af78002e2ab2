"""Before Django: one address, in its plainest form, is answered in a tenth of the time.

In a demand's last minute programs submit their packages. Such a request with a token, and nothing
out of the ordinary about it, is answered here if the answer is yes. Everything else, every refusal
too, goes the ordinary way, where nothing was done yet. Headers are those of the middleware, whose
classes are asked once for each kind of request.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.utils import translation
from django.utils.module_loading import import_string

from marketplace.accounts.tokens.models import digest_of
from marketplace.accounts.tokens.text import bearer_text, well_formed
from marketplace.api.deeds import KEY
from marketplace.api.limits import IDEMPOTENCY_KEY_MAX
from marketplace.api.throttles import TOKEN, Count, counted
from marketplace.bidding.actions.short import submit_plainly
from marketplace.ledger.receipts import fresh_document

log = structlog.get_logger()
Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

ADDRESS = re.compile(
    r"/api/v1/packages/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/submit/", re.ASCII
)
# With any of these a request is not of the plainest form.
UNUSUAL = ("HTTP_COOKIE", "HTTP_JIEBANG_ORGANISATION", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT")
ACCEPTED = {None, "*/*", "application/json"}
GIVEN_ID = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)
EMPTY = b"{}"


class ShortWay:
    """Around the whole application."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = ADDRESS.fullmatch(environ["PATH_INFO"])
        answer = answered(environ, found[1]) if found else None
        if answer is None:
            return self.application(environ, start_response)
        headers, body = answer
        start_response("201 Created", headers)
        return [body]


def answered(environ: Environ, package: str) -> tuple[Headers, bytes] | None:
    """The answer, or None with nothing done."""
    token = bearer_text(environ.get("HTTP_AUTHORIZATION", ""))
    key = environ.get("HTTP_IDEMPOTENCY_KEY", "")
    if (
        token is None
        or not plain(environ)
        or not well_formed(token)
        or (key and (len(key) > IDEMPOTENCY_KEY_MAX or not KEY.fullmatch(key)))
    ):
        return None
    around = frame(
        environ["wsgi.url_scheme"],
        environ.get("HTTP_X_FORWARDED_PROTO", ""),
        environ.get("HTTP_HOST", ""),
        environ.get("HTTP_ACCEPT_LANGUAGE", ""),
    )
    if around is None or not nothing_given(environ):
        return None
    counts: list[Count] = []

    def admits(token_uid: str) -> bool:
        counts.append(counted(TOKEN, token_uid))
        return not counts[0].exceeded

    try:
        done = submit_plainly(digest=digest_of(token), package=package, key=key, admits=admits)
    except psycopg.Error as error:
        # The ordinary way finds out what became of it, and says so in its words.
        log.warning("short_way.left", error=type(error).__name__)
        return None
    if done is None:
        return None
    body = orjson.dumps(
        fresh_document(done.receipt, done.signature, event=done.event, salt=done.salt)
    )
    return [
        *around,
        *counts[0].headers.items(),
        ("ETag", f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'),
        ("Content-Length", str(len(body))),
        ("X-Request-ID", request_id(environ)),
    ], body


def plain(environ: Environ) -> bool:
    return bool(
        environ["REQUEST_METHOD"] == "POST"
        and environ.get("HTTP_HOST")
        and not environ.get("QUERY_STRING")
        and not environ.get("SCRIPT_NAME")
        and environ.get("HTTP_ACCEPT") in ACCEPTED
        and not any(name in environ for name in UNUSUAL)
    )


def nothing_given(environ: Environ) -> bool:
    """Whether the body is empty, or an empty object; what was read is put back."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if length == "0":
        return True
    if length != str(len(EMPTY)) or environ.get("CONTENT_TYPE") != "application/json":
        return False
    body = environ["wsgi.input"].read(len(EMPTY))
    environ["wsgi.input"] = io.BytesIO(body)
    return bool(body == EMPTY)


def request_id(environ: Environ) -> str:
    given = environ.get("HTTP_X_REQUEST_ID", "") if settings.BEHIND_PROXY else ""
    return given if GIVEN_ID.fullmatch(given) else uuid4().hex


@lru_cache(256)
def frame(scheme: str, proxied: str, host: str, languages: str) -> Headers | None:
    """The headers that middleware gives to every such answer; None where it lets none through."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/packages/",
        "wsgi.url_scheme": scheme,
        "wsgi.input": io.BytesIO(),
        "HTTP_AUTHORIZATION": "Bearer",
        "HTTP_HOST": host,
        "HTTP_ACCEPT_LANGUAGE": languages,
        **({"HTTP_X_FORWARDED_PROTO": proxied} if proxied else {}),
    }
    answer: Callable[[Any], Any] = ready
    for name in reversed(
        ["django.middleware.security.SecurityMiddleware", *settings.TOKEN_MIDDLEWARE]
    ):
        answer = import_string(name)(answer)
    try:
        with translation.override(None):
            response = answer(WSGIRequest(environ))
    except SuspiciousOperation:
        return None
    if response.status_code != 201:
        return None
    del response.headers["Content-Length"]
    return list(response.items())


def ready(_request: Any) -> HttpResponse:
    return HttpResponse(status=201, content_type="application/json", headers={"Allow": "POST"})
