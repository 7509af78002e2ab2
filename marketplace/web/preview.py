"""The public page of one's own demand, as a competitor of its owner would read it."""

from __future__ import annotations

import copy
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from marketplace.base.actor import VISITOR
from marketplace.scenarios.attachments import Access
from marketplace.scenarios.disclosure.withheld import restricted_of
from marketplace.scenarios.models import BEFORE_PUBLICATION, OWNER_EDITS, Scenario
from marketplace.scenarios.rules import can_edit_scenario
from marketplace.web.attachments import kind_of
from marketplace.web.pages import actor_of, forbid_unless, scenario_or_404
from marketplace.web.published import whole
from marketplace.web.request import Request


@require_safe
def preview(request: Request, address: str) -> HttpResponse:
    """Everything as for a stranger; `?released` adds what one reader is released to read."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    forbid_unless(can_edit_scenario(actor, scenario) or actor.is_office)
    released = "released" in request.GET
    stranger = copy.copy(request)
    stranger.load_acting = lambda: (VISITOR, [])
    stranger.actor, stranger.hats, stranger.user = VISITOR, [], AnonymousUser()
    withheld = restricted_of(scenario) if scenario.state in BEFORE_PUBLICATION else []
    for name in withheld if not released else ():
        setattr(scenario, name, "")
    context = whole(stranger, scenario)
    if withheld and not released:
        context["held"] = {"names": withheld, "preview": True}
    elif released and scenario.restricted_fields and not withheld:
        # What a reader gets is a page of its own, which the owner may open.
        url = reverse("scenario-restricted", args=[scenario.address])
        context["held"] = {
            "names": scenario.restricted_fields,
            "file": {"signs": False},
            "url": url,
        }
    here = reverse("scenario-preview", args=[scenario.address])
    context |= {
        "tabs": [],
        "files": files(scenario, released=released),
        "releases": False,
        "preview": {
            "before": scenario.state in BEFORE_PUBLICATION,
            "released": released,
            "choices": [
                {"url": here, "label": _("Without any release"), "current": not released},
                {"url": f"{here}?released", "label": _("After a release"), "current": released},
            ],
            "back": back(scenario),
        },
    }
    return render(stranger, "public/scenario.html", context)


def back(scenario: Scenario) -> str:
    if scenario.state in OWNER_EDITS:
        return reverse("scenario-edit", args=[scenario.address])
    name = "scenario-gate" if scenario.state in BEFORE_PUBLICATION else "scenario"
    return reverse(name, args=[scenario.address])


def files(scenario: Scenario, *, released: bool) -> list[dict[str, Any]]:
    """For `components/_file.html`; the owner may open them, and knows them."""
    rows = scenario.attachments.select_related("upload").order_by("position")
    if not released:
        rows = rows.filter(access=Access.PUBLIC)
    noted = _("restricted file, released to this reader")
    return [
        {
            "row": row,
            "name": row.title,
            "url": reverse("file", args=[row.upload.uid]),
            "signs": False,
            "size": row.upload.length,
            "sha256": row.upload.sha256,
            "salt": "",
            "commitment": "",
            "note": " · ".join([kind_of(row), *([noted] if row.restricted else [])]),
        }
        for row in rows
    ]


urlpatterns = [path("scenarios/<str:address>/preview/", preview, name="scenario-preview")]
