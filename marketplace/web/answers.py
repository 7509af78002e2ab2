"""What answers are given on top of their content: a name to be saved under, a tag to ask again by."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
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


def table_csv(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    """For spreadsheets: by its byte order mark they know UTF-8, and they run no cell of it."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(heads)
    lines.writerows([inert(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def inert(cell: object) -> object:
    """No text of somebody becomes a formula of a spreadsheet."""
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{cell}"
    return cell
