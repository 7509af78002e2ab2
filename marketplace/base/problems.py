"""RFC 9457 problem documents: how the API says what went wrong."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from django.http import HttpResponse

MEDIA_TYPE = "application/problem+json"
# tus has a status of its own for a chunk that arrived damaged.
NOT_OF_HTTP = {460: "Checksum Mismatch"}


def document(
    status: int,
    code: str,
    detail: str,
    *,
    errors: dict[str, list[str]] | None = None,
    current: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """`code` is stable and for programs; `detail` is for people, in the language of the request.

    current: for a stale write, what stands now in place of what was sent.
    """
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": NOT_OF_HTTP.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    if current:
        body["current"] = current
    return body


def plain_problem(status: int, code: str, detail: str) -> HttpResponse:
    """The same for what never reached a view of the API: no such address, a fault of ours."""
    body = orjson.dumps(document(status, code, detail))
    return HttpResponse(body, status=status, content_type=MEDIA_TYPE)
