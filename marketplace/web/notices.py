"""A person's inbox. It is the same under every hat."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from marketplace.accounts.models import User
from marketplace.notices import actions, counter, queries
from marketplace.notices.channels import MANDATORY, Group, offered
from marketplace.notices.models import MailRefusal
from marketplace.web.forms.typed import TypedForm
from marketplace.web.pages import actor_of, attempt, forbid_unless, page, show_refusal
from marketplace.web.request import Request
from marketplace.web.unread import unread_shown

PER_PAGE = 30
CANNOT_BE_SILENCED = _("Rights and time limits hang on these: they cannot be silenced.")
STOP_ASKING = 286


@require_http_methods(["GET", "HEAD", "POST"])
def inbox(request: Request) -> HttpResponse:
    """Newest first; a POST marks all as read."""
    actor = actor_of(request)
    if request.method == "POST":
        attempt(actions.mark_all_read, actor=actor)
        return HttpResponseRedirect(reverse("notices"))
    found = Paginator(queries.inbox(actor), PER_PAGE).get_page(request.GET.get("page"))
    shown = {
        "page_obj": found,
        "lines": queries.lines(actor.person, found.object_list),
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


class ChannelForm(TypedForm):
    """One choice for each group; what may not be silenced is not offered."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        for group in Group:
            self.fields[group.value] = forms.ChoiceField(
                label=group.label,
                choices=[(channel.value, channel.label) for channel in offered(group)],
                widget=forms.RadioSelect,
                help_text=CANNOT_BE_SILENCED if group in MANDATORY else "",
            )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def channels(request: Request) -> HttpResponse:
    """By which way each group of messages comes."""
    actor = actor_of(request)
    user, error = actor.person, None
    if request.method == "POST":
        form = ChannelForm(request.POST)
        chosen = {group: request.POST[group] for group in Group.values if group in request.POST}
        _none, error = attempt(actions.set_channels, actor=actor, channels=chosen)
        if error is None:
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(reverse("notice-settings"))
        show_refusal(form, error)
    else:
        form = ChannelForm(initial=queries.channels_of(user))
    shown = {
        "form": form,
        "mails": bool(settings.EMAIL_HOST),
        "refused": MailRefusal.objects.filter(user=user).first(),
    }
    return page(request, "notices/settings.html", shown, error=error)


@never_cache
@login_not_required
@csrf_exempt  # The mail program posts by itself; the signed link says who and what.
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: Request, token: str) -> HttpResponse:
    """A link of a mail: asks on GET, since scanners follow links; silences on POST (RFC 8058)."""
    if request.method == "POST":
        attempt(actions.unsubscribe, token=token)
        return render(request, "notices/unsubscribe.html", {"done": True})
    found, _error = attempt(actions.silenced_by, token=token)
    _user, groups = found
    return render(
        request, "notices/unsubscribe.html", {"groups": [Group(group).label for group in groups]}
    )


@require_GET
def refusals(request: Request) -> HttpResponse:
    """Addresses that take no mail: the office's list of whom to reach another way."""
    actor = actor_of(request)
    forbid_unless(actor.is_office)
    rows = (
        MailRefusal.objects.visible_to(actor).select_related("user").order_by("-refused_at", "pk")
    )
    found = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "notices/refusals.html", {"page_obj": found})


urlpatterns = [
    path("accounts/notices/", channels, name="notice-settings"),
    path("accounts/notices/stop/<str:token>/", unsubscribe, name="notices-unsubscribe"),
    path("desk/notices/refused/", refusals, name="mail-refusals"),
    path("desk/notices/unread/", unread, name="notices-unread"),
    path("desk/notices/", inbox, name="notices"),
    path("desk/notices/<uuid:uid>/", follow, name="notice"),
]
