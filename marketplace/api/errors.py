"""What goes wrong in a view of the API becomes a problem document."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, Throttled
from rest_framework.response import Response
from rest_framework.views import set_rollback

from marketplace.base.errors import DomainError, NotAllowed, NotFound, TooMany
from marketplace.base.problems import MEDIA_TYPE, document


class BadParameter(DomainError):
    """A query parameter that this list does not know, or with a value it does not know."""

    status = 400
    code = "request.parameter"

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(_("A parameter of the address is not right."), errors={name: [sentence]})


def problem(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. Unknown exceptions are left to Django."""
    set_rollback()
    if isinstance(exception, Http404):
        exception = NotFound()
    if isinstance(exception, PermissionDenied):
        exception = NotAllowed()
    if isinstance(exception, DomainError):
        body = document(
            exception.status, exception.code, str(exception), errors=_sentences(exception.errors)
        )
        return _response(body)
    if isinstance(exception, Throttled):
        body = document(TooMany.status, TooMany.code, str(TooMany()))
        return _response(body, headers=_headers(exception))
    if isinstance(exception, APIException):
        return _response(_of_framework(exception), headers=_headers(exception))
    return None


def _of_framework(exception: APIException) -> dict[str, Any]:
    code = getattr(exception, "problem_code", f"request.{exception.default_code}")
    detail = exception.detail
    if isinstance(detail, dict):
        sentence, errors = str(exception.default_detail), _sentences(detail)
    elif isinstance(detail, list):
        sentence, errors = " ".join(str(item) for item in detail), {}
    else:
        sentence, errors = str(detail), {}
    return document(exception.status_code, code, sentence, errors=errors)


def _headers(exception: APIException) -> dict[str, str]:
    headers = {}
    challenge, wait = getattr(exception, "auth_header", None), getattr(exception, "wait", None)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    if wait:
        headers["Retry-After"] = str(int(wait))
    return headers


def _sentences(errors: Any) -> dict[str, list[str]]:
    """Field -> sentences, whatever the nesting."""
    found: dict[str, list[str]] = {}
    for name, said in (errors or {}).items():
        rows = said if isinstance(said, list | tuple) else [said]
        found[str(name)] = [str(row) for row in rows]
    return found


def _response(body: dict[str, Any], *, headers: dict[str, str] | None = None) -> Response:
    response = Response(body, status=body["status"], headers=headers)
    response.content_type = MEDIA_TYPE
    return response
