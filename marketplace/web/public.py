"""The pages that everybody reads: the goals, and what is gathered beside the board."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from marketplace.indicators.k4 import K4, Reason
from marketplace.indicators.queries import (
    Goals,
    Unit,
    goals,
    opened_of,
)
from marketplace.scenarios.matrix import matrix
from marketplace.scenarios.models import State
from marketplace.web import preview, published, verify
from marketplace.web.board import board_page, opened
from marketplace.web.kept import kept_for_visitors
from marketplace.web.matrix import shown
from marketplace.web.request import Request
from marketplace.web.shared import Shared, page_data, shared, whole
from marketplace.web.templatetags.jiebang import localized_text

REASONS = {
    Reason.WITHDRAWN: gettext_lazy("withdrawn by the owner before the deadline"),
    Reason.REPEATED: gettext_lazy("another round of a demand that is counted already"),
    Reason.BEFORE_PLAN: gettext_lazy("published before the plan began"),
    Reason.DEMO: gettext_lazy("demo data, which count in a demo only"),
    Reason.NOT_IN_LINGANG: gettext_lazy("the owner is not in Lingang"),
    Reason.DOMAIN: gettext_lazy("outside the four domains"),
    Reason.MODE: gettext_lazy("neither a challenge nor a race on this platform"),
    Reason.SUMMARY_TOO_SHORT: gettext_lazy("not yet public for the minimum time"),
}


@login_not_required
@require_safe
@kept_for_visitors
def goals_page(request: Request) -> HttpResponse:
    told = goals()
    counted = told.standing("counted")
    context = {
        "told": told,
        "k4": told.k4,
        "opened": opened(opened_of(told.open_demands, told.k4)),
        "figures": figures(told.k4),
        "cells": [cell(unit) for unit in counted],
        "counted": [line(unit, told.k4.as_of) for unit in counted],
        "apart": [line(unit, told.k4.as_of) for unit in told.units if unit.standing != "counted"],
        "ends": ends(told),
        "matrix": shown(matrix()),
        "shared": shared_goals(request),
    }
    return render(request, "public/goals.html", context)


def shared_goals(request: Request) -> Shared:
    name, said = (
        _("Fifty open security demands"),
        _(
            "What has been opened of the demands that the action plan asks for, each with its evidence."
        ),
    )
    here = page_data(whole(request.path), name, said)
    return shared(request, name, said, data=[here])


def figures(k4: K4) -> list[dict[str, Any]]:
    return [
        {"label": _("Counted broadly"), "figure": k4.broad, "text": _("Every first publication.")},
        {
            "label": _("Counted strictly"),
            "figure": k4.strict,
            "text": _(
                "Owner in Lingang, one of the four domains, a challenge or a race, public for the"
                " minimum time."
            ),
        },
    ]


def cell(unit: Unit) -> dict[str, str]:
    return {
        "ref": unit.ref,
        "title": localized_text(unit, "title"),
        "url": reverse("scenario", args=[unit.ref]),
        "period": unit.period,
    }


def line(unit: Unit, now: datetime) -> dict[str, Any]:
    over = unit.state == State.PUBLISHED and now >= unit.fact.deadline_at
    return {
        "unit": unit,
        "state": State.CLOSED.value if over else unit.state,
        "url": reverse("scenario", args=[unit.ref]),
        "reasons": [REASONS[reason] for reason in unit.reasons],
    }


def ends(told: Goals) -> list[tuple[Any, int]]:
    """What became of those counted, apart from the count: (state, how many), none left out."""
    order = [State.AWARDED, State.IMPLEMENTING, State.ACCEPTED, State.FAILED, State.TERMINATED]
    states = [unit.state for unit in told.standing("counted")]
    return [(state.value, states.count(state)) for state in order if state in states]


urlpatterns = [
    path("", board_page, name="board"),
    path("goals/", goals_page, name="goals"),
    *verify.urlpatterns,
    *preview.urlpatterns,
    *published.urlpatterns,
]
