"""RFC 9457 problem documents with a stable `code`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import set_rollback

from marketplace.base.errors import DomainError, NotAllowed, NotFound


def problem(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. Unknown exceptions are left to Django."""
    set_rollback()
    if isinstance(exception, Http404):
        exception = NotFound()
    if isinstance(exception, PermissionDenied):
        exception = NotAllowed()
    if isinstance(exception, DomainError):
        errors = {
            field: [str(sentence) for sentence in found]
            for field, found in exception.errors.items()
        }
        return _document(exception.status, exception.code, str(exception), errors=errors)
    if isinstance(exception, APIException):
        code = f"request.{exception.default_code}"
        fields = exception.detail if isinstance(exception.detail, dict) else {}
        text = str(exception.default_detail if fields else exception.detail)
        headers = {}
        if getattr(exception, "auth_header", None):
            headers["WWW-Authenticate"] = exception.auth_header
        if getattr(exception, "wait", None):
            headers["Retry-After"] = str(int(exception.wait))
        return _document(exception.status_code, code, text, errors=fields, headers=headers)
    return None


def _document(
    status: int, code: str, detail: str, *, errors: Any = None, headers: dict | None = None
) -> Response:
    body = {"type": "about:blank", "status": status, "code": code, "title": detail}
    if errors:
        body["errors"] = errors
    response = Response(body, status=status, headers=headers)
    response.content_type = "application/problem+json"
    return response
