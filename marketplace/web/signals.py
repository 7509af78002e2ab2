"""What the points of a panel show a witness or an inspector. It is in no report."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from marketplace.base.errors import Text
from marketplace.committee.signals.models import SignalKind
from marketplace.committee.signals.queries import signals_of
from marketplace.files.access import record_access
from marketplace.web.pages import actor_of, attempt, scenario_or_404
from marketplace.web.request import Request

# What each figure is, and from where on it is flagged; see committee/signals/figures.py.
MEANS: dict[str, Text] = {
    SignalKind.DEVIATION: _(
        "Standard deviations from the other judges of the same bid; told beyond 2."
    ),
    SignalKind.DISTANCE: _("Percent from the median of the bid's totals; told beyond 20."),
    SignalKind.FAVOUR: _(
        "Points of 100 by which a judge puts this bid above or below the others, beyond what the"
        " panel does; told beyond 20."
    ),
    SignalKind.ALIKE: _("Judges of whom every two rank at least four bids almost alike."),
    SignalKind.HISTORY: _(
        "Mean distance from the panel in points of 100, over the last three panels in which this"
        " judge met this bidder; told from 8 on."
    ),
    SignalKind.SEVERITY: _(
        "Points of 100 that a judge gives beyond the panel, by a mixed model with the bids fixed and"
        " the judges random; below 0 is strict. Told of every judge."
    ),
}


@require_GET
def signals(request: Request, address: str) -> HttpResponse:
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    found, _error = attempt(signals_of, actor=actor, scenario=scenario)
    record_access(actor=actor, subject_uid=scenario.uid, what="signals.read")
    groups: list[dict[str, Any]] = [
        {"kind": kind, "means": MEANS[kind], "rows": [row for row in found if row.kind == kind]}
        for kind in SignalKind
    ]
    return render(request, "committee/signals.html", {"scenario": scenario, "groups": groups})


urlpatterns = [path("scenarios/<str:address>/signals/", signals, name="signals")]
