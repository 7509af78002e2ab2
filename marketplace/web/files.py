"""Stored files as downloads, and the undertaking that comes before a restricted one."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from marketplace.base.errors import NotFound
from marketplace.files.http import serve
from marketplace.scenarios import actions
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.rules import can_undertake
from marketplace.scenarios.undertakings import Undertaking, UndertakingMissing, text_in_force
from marketplace.web.pages import (
    actor_of,
    attempt,
    first_or_404,
    forbid_unless,
    page,
    scenario_or_404,
)
from marketplace.web.request import Request


@require_safe
@login_not_required
def file(request: Request, uid: UUID) -> HttpResponseBase:
    """One stored file. Public ones need no account; whether it is public, its record says."""
    try:
        return serve(request, actor_of(request), uid)
    except NotFound as error:
        raise Http404 from error
    except UndertakingMissing as missing:
        row = missing.row
        return redirect("undertaking", address=row.scenario.address, uid=row.uid)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def undertaking(request: Request, address: str, uid: UUID) -> HttpResponse:
    """The text in full and one button, which signs it and downloads the file."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    rows = Attachment.objects.visible_to(actor).filter(scenario=scenario, uid=uid)
    row = first_or_404(rows.select_related("upload", "scenario"))
    forbid_unless(can_undertake(actor, row) and row.restricted)
    error = None
    if request.method == "POST":
        shown = request.POST.get("sha256", "")
        _signed, error = attempt(
            actions.sign_undertaking, actor=actor, attachment_uid=row.uid, sha256=shown
        )
        if error is None:
            if row.restricted_texts.exists():
                return redirect("scenario-restricted", address=scenario.address)
            return redirect("file", row.upload.uid)
    own = Undertaking.objects.filter(
        attachment=row, user=actor.user_id, organisation=actor.organisation_id
    )
    context = {
        "scenario": scenario,
        "row": row,
        "signed": own.select_related("text").first(),
        "text": text_in_force(),
        "textual": row.restricted_texts.exists(),
    }
    return page(request, "scenarios/undertaking.html", context, error=error)


urlpatterns = [
    path("files/<uuid:uid>/", file, name="file"),
    path("scenarios/<str:address>/files/<uuid:uid>/undertaking/", undertaking, name="undertaking"),
]
