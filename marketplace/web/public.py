"""The pages that everybody reads: the board and the goals."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from marketplace.base import clock
from marketplace.indicators.k4 import K4, Reason
from marketplace.indicators.queries import (
    Goals,
    Opened,
    Unit,
    goals,
    opened_of,
    opened_so_far,
)
from marketplace.scenarios.board import FACETS, SORTS, facets, page_of
from marketplace.scenarios.models import OrganisingMode, Scenario, State
from marketplace.scenarios.queries import is_open
from marketplace.web import published, verify
from marketplace.web.course import shown_state
from marketplace.web.kept import kept_for_visitors
from marketplace.web.pages import actor_of
from marketplace.web.request import Request
from marketplace.web.templatetags.jiebang import localized_text, term

PER_PAGE = 20
# A page far behind costs what all before it cost; there are filters.
PAGES_MOST = 500
SEARCH_MOST = 100
HEADS = {
    "state": gettext_lazy("State"),
    "domain": gettext_lazy("Domain"),
    "carrier": gettext_lazy("Carrier"),
    "area": gettext_lazy("Area"),
    "mode": gettext_lazy("How it is awarded"),
    "q": gettext_lazy("Words"),
}
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


# -- The board -------------------------------------------------------------------------------------
@login_not_required
@require_safe
@kept_for_visitors
def board_page(request: Request) -> HttpResponse:
    """Filters, sort and page stand in the address; htmx gets the part that changes."""
    actor, given = actor_of(request), request.GET
    filters = {name: given.get(name, "") for name in FACETS if given.get(name)}
    words = given.get("q", "").strip()[:SEARCH_MOST]
    if words:
        filters["q"] = words
    sort = given.get("sort", "")
    sort = sort if sort in SORTS else "closing"
    found = facets(actor, filters)
    pages = Paginator(range(min(found["total"], PAGES_MOST * PER_PAGE)), PER_PAGE)
    page = pages.get_page(given.get("page"))
    first = max(0, page.start_index() - 1)
    shown = page_of(actor, filters, sort, first, page.end_index(), running=found["running"])
    now = clock.now()
    kept = {**filters, **({"sort": sort} if sort != "closing" else {})}
    context = {
        "now": now,
        "server_now": now,
        "page_obj": page,
        "entries": [entry(row, now) for row in shown],
        "total": found["total"],
        "q": words,
        "kept": {name: value for name, value in kept.items() if name != "q"},
        "query": urlencode(kept),
        "groups": groups(found, kept),
        "chosen": chosen(found, kept),
        "sorts": sorts(kept, sort),
        "drops": drops(found, kept),
        "filtered": bool(filters),
    }
    part = request.htmx and not request.htmx.history_restore_request
    if part:
        template = "public/_board.html"
    else:
        template = "public/board.html"
        context["opened"] = opened(opened_so_far())
    return render(request, template, context)


def entry(scenario: Scenario, now: datetime) -> dict[str, Any]:
    parts = [localized_text(scenario.organisation, "name")]
    parts += [term(row) for row in (scenario.domain, scenario.carrier, scenario.area) if row]
    return {
        "url": reverse("scenario", args=[scenario.address]),
        "ref": scenario.ref,
        "state": shown_state(scenario, now),
        "title": localized_text(scenario, "title"),
        "summary": localized_text(scenario, "summary"),
        "meta": parts,
        "amount": scenario.budget_cny,
        "mode": mode_words(scenario),
        "deadline": scenario.deadline_at if is_open(scenario, now) else None,
    }


def mode_words(scenario: Scenario) -> str:
    if scenario.organising_mode == OrganisingMode.RACE:
        return _("Race × %(n)s") % {"n": scenario.race_entrants}
    return str(OrganisingMode(scenario.organising_mode).label)


def address(kept: dict[str, str], **changed: str) -> str:
    """The board with these filters; an empty value drops one."""
    query = {name: value for name, value in {**kept, **changed}.items() if value}
    return f"{reverse('board')}?{urlencode(query)}" if query else reverse("board")


def choice_label(label: Any) -> str:
    return term(label) if hasattr(label, "name_zh") else str(label)


def groups(found: dict[str, Any], kept: dict[str, str]) -> list[dict[str, Any]]:
    """The rail: per facet its choices, each with where it leads (a chosen one drops itself)."""
    return [
        {
            "name": name,
            "head": HEADS[name],
            "choices": [
                {
                    "code": choice.code,
                    "label": choice_label(choice.label),
                    "count": choice.count,
                    "chosen": choice.chosen,
                    "url": address(kept, **{name: "" if choice.chosen else choice.code}),
                }
                for choice in found[name]
            ],
        }
        for name in FACETS
    ]


def _label_of(found: dict[str, Any], name: str, value: str) -> str:
    labels = {choice.code: choice.label for choice in found.get(name, ())}
    return choice_label(labels.get(value, value))


def chosen(found: dict[str, Any], kept: dict[str, str]) -> list[dict[str, Any]]:
    """The filters in force, each with the address without it."""
    return [
        {
            "head": HEADS[name],
            "label": _label_of(found, name, value) if name != "q" else value,
            "url": address(kept, **{name: ""}),
        }
        for name, value in kept.items()
        if name in HEADS
    ]


def drops(found: dict[str, Any], kept: dict[str, str]) -> list[dict[str, Any]]:
    """For an empty result: which filter to drop, the most helpful first."""
    rows = [
        {**row, "count": found["without"].get(name, 0)}
        for name, row in zip(
            [name for name in kept if name in HEADS], chosen(found, kept), strict=True
        )
    ]
    return sorted((row for row in rows if row["count"]), key=lambda row: -row["count"])


def sorts(kept: dict[str, str], present: str) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "url": address(kept, sort="" if name == "closing" else name),
            "current": name == present,
            "code": name,
        }
        for name, label in SORTS.items()
    ]


# -- The goals -------------------------------------------------------------------------------------
def opened(so_far: Opened) -> dict[str, Any]:
    """The second line of the board: how many of the target, and the two parts of the bar."""
    target = so_far.target
    first = min(so_far.inside, target)
    second = min(so_far.after, target - first)
    return {
        "count": so_far.inside + so_far.after,
        "inside": so_far.inside,
        "after": so_far.after,
        "target": target,
        "strict": so_far.strict,
        "inside_width": f"{first * 100 / target:.2f}%",
        "after_width": f"{second * 100 / target:.2f}%",
    }


@login_not_required
@require_safe
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
    }
    return render(request, "public/goals.html", context)


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
    *published.urlpatterns,
]
