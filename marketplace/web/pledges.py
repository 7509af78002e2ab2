"""Signing one's pledges, and the record of it to print."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from marketplace.accounts import pledging
from marketplace.accounts.pledges import Pledge, owed
from marketplace.accounts.queries import needs_second_factor
from marketplace.base.errors import ReadingNeedsPledge
from marketplace.web.pages import actor_of, attempt, first_or_404, page, uid_or_404
from marketplace.web.request import Request
from marketplace.web.second_factor import fresh_proof


class PledgeMiddleware:
    """Leads whoever reads what is confidential to the pledge that comes before it, and back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: Request, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, ReadingNeedsPledge):
            return None
        if request.htmx:
            return HttpResponse(headers={"HX-Redirect": reverse("pledges")})
        back = urlencode({"next": request.get_full_path()}) if request.method == "GET" else ""
        return HttpResponseRedirect(f"{reverse('pledges')}?{back}")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def pledges(request: Request) -> HttpResponse:
    """Each text in full with one act, and what was signed before."""
    strict = needs_second_factor(actor_of(request).person)
    return fresh_proof(_pledges)(request) if strict else _pledges(request)


def _pledges(request: Request) -> HttpResponse:
    actor = actor_of(request)
    given = request.POST if request.method == "POST" else request.GET
    back = given.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = ""
    error = None
    if request.method == "POST":
        _pledge, error = attempt(
            pledging.sign_pledge,
            actor=actor,
            text_uid=uid_or_404(request.POST.get("text", "")),
            sha256=request.POST.get("sha256", ""),
        )
        if error is None:
            messages.success(request, _("Signed and recorded."))
            done = not owed(actor).exists()
            here = reverse("pledges") + (f"?{urlencode({'next': back})}" if back else "")
            return HttpResponseRedirect((back or reverse("desk")) if done else here)
    signed = Pledge.objects.visible_to(actor).select_related("text", "organisation")
    context = {
        "texts": list(owed(actor)),
        "signed": list(signed.order_by("-pk")[:100]),
        "next": back,
    }
    return page(request, "accounts/pledges.html", context, error=error)


@never_cache
@require_GET
def pledge(request: Request, uid: UUID) -> HttpResponse:
    """The record of one signature with the text as it was signed."""
    rows = Pledge.objects.visible_to(actor_of(request)).select_related(
        "text", "organisation", "user"
    )
    row = first_or_404(rows.filter(uid=uid))
    return page(request, "accounts/pledge.html", {"pledge": row})


urlpatterns = [
    path("pledges/", pledges, name="pledges"),
    path("pledges/<uuid:uid>/", pledge, name="pledge"),
]
