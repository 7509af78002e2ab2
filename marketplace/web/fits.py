"""“Fits you”: open demands for a vendor, each with the reason why in words."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.scenarios.board import labels
from marketplace.scenarios.fitting.queries import capabilities_of, fits
from marketplace.scenarios.models import Scenario
from marketplace.web.board import PER_PAGE, entry
from marketplace.web.fit_words import with_fit
from marketplace.web.pages import actor_of
from marketplace.web.request import Request
from marketplace.web.watch_buttons import with_buttons


@never_cache
@require_safe
def fits_page(request: Request) -> HttpResponse:
    actor: Actor = actor_of(request)
    page = Paginator(fits(actor), PER_PAGE).get_page(request.GET.get("page"))
    known, now = labels(), clock.now()
    rows: list[Scenario] = [row for row, _found in page]
    lines = [with_fit(entry(actor, row, now, None), found, known) for row, found in page]
    shown = {
        "page_obj": page,
        "entries": with_buttons(actor, rows, lines),
        "now": now,
        "declared": bool(capabilities_of(actor)),
        "vendor": bool(actor.organisation and actor.organisation.is_vendor),
    }
    return render(request, "scenarios/fits.html", shown)


urlpatterns = [path("desk/fits/", fits_page, name="fits")]
