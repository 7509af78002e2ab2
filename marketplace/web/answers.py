"""What answers are given on top of their content: a name to be saved under, a tag to ask again by."""

from __future__ import annotations

from typing import TypeVar

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

R = TypeVar("R", bound=HttpResponse)


def attached(response: R, name: str) -> R:
    """To be saved as `name`, which is ASCII without quotes."""
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def tagged(request: HttpRequest, response: HttpResponse, tag: str) -> HttpResponse:
    """With this ETag, or 304 where the caller has the same."""
    response.headers["ETag"] = tag
    return get_conditional_response(request, etag=tag, response=response) or response
