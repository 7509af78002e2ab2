"""A person's inbox. It is the same under every hat."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from marketplace.notices import actions, queries
from marketplace.web.pages import actor_of, attempt
from marketplace.web.request import Request

PER_PAGE = 30


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


urlpatterns = [
    path("desk/notices/", inbox, name="notices"),
    path("desk/notices/<uuid:uid>/", follow, name="notice"),
]
