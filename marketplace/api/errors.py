"""What goes wrong in a view of the API becomes a problem document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, Throttled
from rest_framework.response import Response
from rest_framework.views import set_rollback

from marketplace.base.errors import DomainError, NotAllowed, NotFound, StorageAway, TooMany
from marketplace.base.problems import MEDIA_TYPE, document

NON_FIELD = "non_field_errors"
# Pages name the fields of a row metrics-0-value.
# A place among rows; four digits may be a part of a uid.
ROW = re.compile(r"-([0-9]{1,3})-")


class BadParameter(DomainError):
    """A query parameter that this list does not know, or with a value it does not know."""

    status = 400
    code = "request.parameter"

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(_("A parameter of the address is not right."), errors={name: [sentence]})


class BadHeader(DomainError):
    status = 400
    code = "request.header"

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(_("A header of the request is not right."), errors={name: [sentence]})


def problem(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. Unknown exceptions are left to Django."""
    set_rollback()
    if isinstance(exception, Http404):
        exception = NotFound()
    if isinstance(exception, PermissionDenied):
        exception = NotAllowed()
    if isinstance(exception, DomainError):
        body = document(
            exception.status,
            exception.code,
            str(exception),
            errors=_sentences(exception.errors),
            current=getattr(exception, "current", None),
        )
        return _response(body, headers=_waiting(exception.status))
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


def _waiting(status: int) -> dict[str, str]:
    """When to come again, where that is known to be soon."""
    return {"Retry-After": "60"} if status == StorageAway.status else {}


def _headers(exception: APIException) -> dict[str, str]:
    headers = {}
    challenge, wait = getattr(exception, "auth_header", None), getattr(exception, "wait", None)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    if wait:
        headers["Retry-After"] = str(int(wait))
    return headers


def _sentences(errors: Any) -> dict[str, list[str]]:
    """Path of a field -> sentences. Rows are named by dots: `metrics.0.value`."""
    found: dict[str, list[str]] = {}
    for path, sentence in _leaves(errors or {}, ""):
        found.setdefault(ROW.sub(r".\1.", path), []).append(sentence)
    return found


def _leaves(errors: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(errors, dict):
        for name, said in errors.items():
            at = path if name == NON_FIELD else f"{path}.{name}".lstrip(".")
            yield from _leaves(said, at)
    elif isinstance(errors, list | tuple):
        for place, said in enumerate(errors):
            row = isinstance(said, dict)
            yield from _leaves(said, f"{path}.{place}" if row else path)
    else:
        yield path or "body", str(errors)


def _response(body: dict[str, Any], *, headers: dict[str, str] | None = None) -> Response:
    response = Response(body, status=body["status"], headers=headers)
    response.content_type = MEDIA_TYPE
    return response
