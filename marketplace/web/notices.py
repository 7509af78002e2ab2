"""A person's inbox. It is the same under every hat."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from marketplace.accounts.models import User
from marketplace.notices import actions, counter, queries
from marketplace.web.pages import actor_of, attempt
from marketplace.web.request import Request
from marketplace.web.unread import unread_shown

PER_PAGE = 30
STOP_ASKING = 286


@require_http_methods(["GET", "HEAD", "POST"])
def inbox(request: Request) -> HttpResponse:
    """Newest first; a POST marks all as read."""
    actor = actor_of(request)
    if request.method == "POST":
        attempt(actions.mark_all_read, actor=actor)
        return HttpResponseRedirect(reverse("notices"))
    page = Paginator(queries.inbox(actor), PER_PAGE).get_page(request.GET.get("page"))
    shown = {
        "page_obj": page,
        "lines": queries.lines(actor.person, page.object_list),
        "unread": queries.unread_count(actor),
    }
    return render(request, "notices/inbox.html", shown)


@never_cache
@require_GET
def follow(request: Request, uid: UUID) -> HttpResponse:
    """Where the links of inbox and mail lead: mark it read, and go on to what it is about."""
    actor = actor_of(request)
    notice, _error = attempt(actions.mark_read, actor=actor, notice_uid=uid)
    [line] = queries.lines(actor.person, [notice])
    return HttpResponseRedirect(line.url or reverse("notices"))


@never_cache
@login_not_required
@require_GET
def unread(request: Request) -> HttpResponse:
    """The counter of the header alone; 304 as long as the number it shows is right.

    Asked again and again by open pages, so that a session that has ended is told to stop.
    """
    if not isinstance(request.user, User):
        return HttpResponse(status=STOP_ASKING, headers={"HX-Reswap": "none"})
    shown = unread_shown(counter.count(request.user))
    etag = f'"{shown["seen"]}"'
    known = etag == request.headers.get("If-None-Match") or shown["seen"] == request.GET.get("seen")
    response = HttpResponse(status=304) if known else render(request, "notices/_unread.html", shown)
    response.headers["ETag"] = etag
    return response


urlpatterns = [
    path("desk/notices/unread/", unread, name="notices-unread"),
    path("desk/notices/", inbox, name="notices"),
    path("desk/notices/<uuid:uid>/", follow, name="notice"),
]
