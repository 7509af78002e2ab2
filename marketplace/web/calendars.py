"""Dates as calendar files: of one demand, of all that take bids, of what one watches.

Each says what everybody may know of demands, and nothing of bids, also to its own bidder: a file
goes where its reader sends it.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.cache import get_conditional_response
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from marketplace.base.actor import VISITOR
from marketplace.opendata.calendars.ics import TYPE, Entry, calendar, tag_of
from marketplace.opendata.calendars.queries import Date, dates_of, open_deadlines, watched_dates
from marketplace.scenarios.disclosure.mask import shown_owner
from marketplace.scenarios.models import BEFORE_PUBLICATION
from marketplace.scenarios.watching import actions
from marketplace.scenarios.watching.calendars import CalendarAddress
from marketplace.web.answers import attached
from marketplace.web.pages import actor_of, attempt, scenario_or_404
from marketplace.web.request import Request
from marketplace.web.shared import whole
from marketplace.web.templatetags.jiebang import localized_text, term
from marketplace.web.words import instant_text, money_text

SUMMARIES: dict[str, str | Promise] = {
    "deadline": gettext_lazy("Deadline for bids: %(title)s (%(ref)s)"),
    "questions": gettext_lazy("End of questions: %(title)s (%(ref)s)"),
    "publicity": gettext_lazy("Publicity of the award: %(title)s (%(ref)s)"),
}
STATES: dict[str, str | Promise] = {
    "TENTATIVE": gettext_lazy("Suspended: the deadline will move."),
    "CANCELLED": gettext_lazy("Void: the page of the demand says why."),
}


def entry(date: Date) -> Entry:
    scenario = date.scenario
    title = localized_text(scenario, "title")
    page = "publicity" if date.kind == "publicity" else "scenario"
    said = [STATES.get(date.status, ""), localized_text(shown_owner(VISITOR, scenario), "name")]
    if scenario.budget_cny is not None:
        budget = money_text(scenario.budget_cny)
        said.append(_("Challenge budget: %(amount)s") % {"amount": budget})
    at = date.ends_at or date.starts_at
    said += [
        _("Strictly before %(at)s") % {"at": instant_text(at, "second")},
        _("The page and the server's clock decide; a calendar may be behind them."),
    ]
    return Entry(
        uid=date.uid,
        sequence=date.sequence,
        changed_at=date.changed_at,
        starts_at=date.starts_at,
        ends_at=date.ends_at,
        status=date.status,
        summary=SUMMARIES[date.kind] % {"title": title, "ref": scenario.ref},
        description="\n".join(str(line) for line in said if line),
        url=whole(reverse(page, args=[scenario.address])),
        categories=(term(scenario.domain),) if scenario.domain else (),
    )


def file(request: Request, name: str, dates: list[Date], *, saved_as: str = "") -> HttpResponse:
    """The tag is known before the file is made, so who has the same is spared both."""
    entries = [entry(date) for date in dates]
    tag = tag_of(name, entries)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    same = get_conditional_response(request, etag=tag)
    if same is not None and same.status_code == 304:
        response = HttpResponse(status=304, headers=headers)
    else:
        response = HttpResponse(calendar(name, entries), content_type=TYPE, headers=headers)
    if saved_as and response.status_code == 200:
        attached(response, saved_as)
    return response


@login_not_required
@require_safe
def of_demand(request: Request, address: str) -> HttpResponse:
    scenario = scenario_or_404(request, address)
    if scenario.state in BEFORE_PUBLICATION:
        raise Http404
    name = f"{scenario.ref} {localized_text(scenario, 'title')}"
    return file(request, name, dates_of(scenario), saved_as=f"{scenario.ref}.ics")


@login_not_required
@require_safe
def deadlines(request: Request) -> HttpResponse:
    return file(request, _("Jiebang: deadlines of open demands"), open_deadlines())


@login_not_required
@require_safe
def of_person(request: Request, secret: str) -> HttpResponse:
    """Asked for by a program of the person's own, which knows the address and no session."""
    address = CalendarAddress.objects.answering(secret)
    if address is None:
        raise Http404
    response = file(request, _("Jiebang: demands that I watch"), watched_dates(address))
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@never_cache
@require_POST
def address(request: Request) -> HttpResponse:
    """Make or renew the secret address, which the answer itself shows once, or end it."""
    actor, back = actor_of(request), HttpResponseRedirect(reverse("watched"))
    if request.POST.get("do") == "end":
        attempt(actions.end_calendar_address, actor=actor)
        messages.success(request, _("The address has ended: it answers nothing any more."))
        return back
    secret, error = attempt(actions.renew_calendar_address, actor=actor)
    if error is not None:
        messages.error(request, str(error))
        return back
    shown: dict[str, Any] = {"address": whole(reverse("calendar-of-person", args=[secret]))}
    return render(request, "scenarios/calendar_made.html", shown)


urlpatterns = [
    path("scenarios/<str:address>/calendar.ics", of_demand, name="scenario-calendar"),
    path("feeds/deadlines.ics", deadlines, name="deadlines-calendar"),
    path("feeds/watched/<str:secret>.ics", of_person, name="calendar-of-person"),
    path("desk/watched/calendar/", address, name="watched-calendar"),
]
