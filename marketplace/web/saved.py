"""Searches that a person keeps: saved on the board, listed, named anew and dropped."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from marketplace.base import clock
from marketplace.base.errors import DomainError
from marketplace.scenarios.board import labels
from marketplace.scenarios.saved import actions
from marketplace.scenarios.saved.models import NAME_MOST, SAVED_MOST, SavedSearch
from marketplace.scenarios.saved.queries import finds_of, saved_searches
from marketplace.web.board import PER_PAGE, entry, filters_of
from marketplace.web.pages import actor_of, attempt, first_or_404
from marketplace.web.rail import FITS_SAID, HEADS, choice_label
from marketplace.web.request import Request


def spoken(search: SavedSearch, known: dict[str, dict[str, Any]]) -> list[tuple[Any, str]]:
    """The filters in words: (head, values)."""
    told = []
    for name, head in HEADS.items():
        value = search.filters.get(name)
        if name == "q" and value:
            told.append((head, str(value)))
        elif name == "fits" and value:
            told.append((head, str(FITS_SAID)))
        elif value:
            words = [choice_label(known.get(name, {}).get(code, code)) for code in value]
            told.append((head, _(", ").join(words)))
    return told


def board_of(search: SavedSearch) -> str:
    filters = search.filters | ({"fits": "1"} if search.filters.get("fits") else {})
    return f"{reverse('board')}?{urlencode(filters, doseq=True)}"


def asked_to_keep(request: Request) -> dict[str, Any]:
    """What the board was asked, what fits this vendor included."""
    return filters_of(request.POST) | ({"fits": "1"} if request.POST.get("fits") else {})


def sentences(error: DomainError) -> str:
    """What is wrong, in one line: these forms have one field."""
    return " ".join(str(one) for many in error.errors.values() for one in many) or str(error)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def searches(request: Request) -> HttpResponse:
    """The list; a POST from the board saves what the board is asked."""
    actor = actor_of(request)
    error, typed = None, ""
    if request.method == "POST":
        typed = request.POST.get("name", "")
        _row, error = attempt(
            actions.save_search, actor=actor, name=typed, filters=asked_to_keep(request)
        )
        if error is None:
            messages.success(request, _("Saved. New finds are told once a day."))
            return HttpResponseRedirect(reverse("saved-searches"))
    known = labels()
    rows = list(saved_searches(actor))
    shown = {
        "lines": [
            {"row": row, "filters": spoken(row, known), "board": board_of(row)} for row in rows
        ],
        "most": SAVED_MOST,
        "name_most": NAME_MOST,
        "error": sentences(error) if error else "",
        # What was asked of the board is not lost with a name that is not taken.
        "again": request.POST if error else None,
        "asked": filters_pairs(request) if error else [],
        "typed": typed,
    }
    status = error.status if error else 200
    return render(request, "scenarios/saved_searches.html", shown, status=status)


def filters_pairs(request: Request) -> list[tuple[str, str]]:
    filters = asked_to_keep(request)
    return [
        (name, value)
        for name, values in filters.items()
        for value in ([values] if isinstance(values, str) else values)
    ]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def search(request: Request, uid: UUID) -> HttpResponse:
    """What one has found; a POST names it anew or drops it."""
    actor = actor_of(request)
    row = first_or_404(saved_searches(actor).filter(uid=uid))
    error, typed = None, row.name
    if request.method == "POST" and request.POST.get("do") == "delete":
        attempt(actions.delete_search, actor=actor, search_uid=uid)
        messages.success(request, _("The search is no longer kept."))
        return HttpResponseRedirect(reverse("saved-searches"))
    if request.method == "POST":
        typed = request.POST.get("name", "")
        _row, error = attempt(actions.rename_search, actor=actor, search_uid=uid, name=typed)
        if error is None:
            return HttpResponseRedirect(reverse("saved-search", args=[uid]))
    page = Paginator(finds_of(actor, row), PER_PAGE).get_page(request.GET.get("page"))
    now = clock.now()
    shown = {
        "row": row,
        "typed": typed,
        "filters": spoken(row, labels()),
        "board": board_of(row),
        "page_obj": page,
        "entries": [entry(actor, find.scenario, now, None) for find in page],
        "now": now,
        "error": sentences(error) if error else "",
        "name_most": NAME_MOST,
        "hidden": {"do": "delete"},
    }
    return render(
        request, "scenarios/saved_search.html", shown, status=error.status if error else 200
    )


urlpatterns = [
    path("desk/searches/", searches, name="saved-searches"),
    path("desk/searches/<uuid:uid>/", search, name="saved-search"),
]
