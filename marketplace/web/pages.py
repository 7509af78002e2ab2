"""What every page's view does the same way: find the row, call one action, show the refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render

from marketplace.base.errors import DomainError, Invalid, NotFound, ReadingNeedsPledge, StorageAway
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario
from marketplace.web.acting import actor_of
from marketplace.web.answers import attached
from marketplace.web.request import Request

M = TypeVar("M", bound=Model)


def scenario_or_404(request: Request, address: str) -> Scenario:
    """By reference or uid, if this actor may see it; a page under the uid redirects by itself."""
    rows = (
        Scenario.objects.visible_to(actor_of(request))
        .select_related("organisation", "domain", "carrier", "area", "focus", "funding", "profile")
        .select_related("in_batch__batch")
    )
    return first_or_404(rows.filter(**address_lookup(address)))


def posted_or_404(request: Request, address: str) -> Scenario:
    """The same, once everybody may see it: what speaks of a posted demand has no page before."""
    scenario = scenario_or_404(request, address)
    if scenario.state in BEFORE_PUBLICATION:
        raise Http404
    return scenario


def address_lookup(address: str) -> dict[str, Any]:
    try:
        return {"uid": UUID(address)}
    except ValueError:
        return {"ref": address.replace("\x00", "")}


def first_or_404(rows: QuerySet[M]) -> M:
    row = rows.first()
    if row is None:
        raise Http404
    return row


def attempt(action: Callable[..., Any], **given: Any) -> tuple[Any, DomainError | None]:
    """Call one action. Returns its result, or the refusal to show beside the form.

    What the actor may not see stays a 404, as everywhere.
    """
    try:
        return action(**given), None
    except NotFound as error:
        raise Http404 from error
    except ReadingNeedsPledge:
        raise  # the middleware leads to the pledge and back
    except DomainError as error:
        return None, error


def show_refusal(form: forms.BaseForm, error: DomainError) -> None:
    """Put an action's refusal onto the form: field by field where it names fields.

    One of state or clock has its box on the page and is not told twice.
    """
    for field, sentences in error.errors.items():
        for sentence in sentences:
            form.add_error(field if field in form.fields else None, str(sentence))
    if not error.errors and isinstance(error, Invalid):
        form.add_error(None, str(error))


def page(
    request: Request,
    template: str,
    context: dict[str, Any],
    *,
    error: DomainError | None = None,
) -> HttpResponse:
    """Render; a refusal keeps its status (403 becomes a page too, so nothing typed is lost)."""
    status = error.status if error else 200
    response = render(request, template, {**context, "refusal": error}, status=status)
    if status == StorageAway.status:
        response.headers["Retry-After"] = "60"
    return response


def typed_number(raw: str | None, *, digits: int = 9) -> int | None:
    """A whole number as it was typed: at most so many plain digits, else None.

    Never more, since int() refuses thousands of them with an error of its own.
    """
    return int(raw) if raw and raw.isascii() and raw.isdigit() and len(raw) <= digits else None


def uid_or_404(text: str) -> UUID:
    """The uid that a form names. What is no uid names nothing."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error


def forbid_unless(allowed: bool) -> None:
    """A form that this actor could never submit is not shown: 403, since the object is visible."""
    if not allowed:
        raise PermissionDenied


__all__ = [
    "actor_of",
    "address_lookup",
    "attempt",
    "first_or_404",
    "forbid_unless",
    "page",
    "posted_or_404",
    "scenario_or_404",
    "show_refusal",
    "typed_number",
    "uid_or_404",
]


def as_file(
    document: dict[str, Any], printed: Callable[[dict[str, Any]], bytes] | None, name: str
) -> HttpResponse:
    """A signed document to download: itself, or the paper that is made of it."""
    if printed:
        response = HttpResponse(printed(document), content_type="application/pdf")
    else:
        response = JsonResponse(document, json_dumps_params={"ensure_ascii": False, "indent": 2})
    return attached(response, name)
