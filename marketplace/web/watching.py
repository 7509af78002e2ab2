"""Watching a demand: one button, and the list of what one watches."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from marketplace.base import clock
from marketplace.scenarios.rules import follows_demands
from marketplace.scenarios.watching import actions
from marketplace.scenarios.watching.calendars import CalendarAddress
from marketplace.scenarios.watching.models import WATCHED_MOST
from marketplace.scenarios.watching.queries import watched
from marketplace.web.board import PER_PAGE, entry
from marketplace.web.pages import actor_of, attempt, scenario_or_404
from marketplace.web.request import Request
from marketplace.web.watch_buttons import button


@never_cache
@require_POST
def watch(request: Request, address: str) -> HttpResponse:
    """Answers htmx with the button, and anybody else with the page that they came from."""
    actor = actor_of(request)
    scenario = scenario_or_404(request, address)
    begins = request.POST.get("do") != "unwatch"
    deed = actions.watch_scenario if begins else actions.unwatch_scenario
    _row, error = attempt(deed, actor=actor, scenario_uid=scenario.uid)
    if request.htmx:
        shown = {"watch": button(scenario, on=begins and not error), "again": True, "error": error}
        return render(
            request, "scenarios/_watch.html", shown, status=error.status if error else 200
        )
    if error:
        messages.error(request, str(error))
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(back if safe else reverse("scenario", args=[scenario.address]))


@never_cache
@require_safe
def watched_page(request: Request) -> HttpResponse:
    """The latest first. Nobody else is shown this list, nor any part of it."""
    actor = actor_of(request)
    page = Paginator(watched(actor), PER_PAGE).get_page(request.GET.get("page"))
    rows, now = [row.scenario for row in page], clock.now()
    buttons = follows_demands(actor)
    shown = {
        "page_obj": page,
        "entries": [
            entry(actor, row, now, None) | ({"watch": button(row, on=True)} if buttons else {})
            for row in rows
        ],
        "now": now,
        "most": WATCHED_MOST,
        "follows": buttons,
        "calendar": CalendarAddress.objects.visible_to(actor).first(),
    }
    return render(request, "scenarios/watched.html", shown)


urlpatterns = [
    path("scenarios/<str:address>/watch/", watch, name="scenario-watch"),
    path("desk/watched/", watched_page, name="watched"),
]
