"""Pages after the deadline: the opening and the eligibility check."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods
from fido2.utils import websafe_encode

from marketplace.accounts.credentials import demo_key
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError
from marketplace.bidding import actions, queries
from marketplace.bidding.challenges import demo_answer, opening_challenge
from marketplace.bidding.failed.queries import failure_of
from marketplace.bidding.models import (
    OVER,
    BidState,
    Opening,
    OpeningStage,
    OpeningState,
)
from marketplace.bidding.record.printing import pdf
from marketplace.bidding.record.queries import document, record_of, records
from marketplace.bidding.rules import (
    can_check_eligibility,
    can_confirm_opening,
    can_see_eligibility,
)
from marketplace.committee.queries import challenges_shown
from marketplace.files.access import record_access
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario, State
from marketplace.web.forms.bidding import VerdictForm
from marketplace.web.pages import (
    actor_of,
    as_file,
    attempt,
    forbid_unless,
    page,
    scenario_or_404,
    show_refusal,
)
from marketplace.web.request import Request
from marketplace.web.second_factor import fresh_proof

ASSERTION_MOST = 8192


# -- The opening ---------------------------------------------------------------------------------------
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@fresh_proof
def opening(request: Request, address: str) -> HttpResponse:
    """The live list for those who take part; a key holder's confirmation is the one deed here."""
    scenario = scenario_or_404(request, address)
    error = None
    if request.method == "POST":
        _opening, error = attempt(confirm, request=request, scenario=scenario)
        if error is None:
            messages.success(request, _("Your confirmation is recorded."))
            return redirect("opening", scenario.address)
    return page(request, "bidding/opening.html", opening_context(request, scenario), error=error)


def confirm(*, request: Request, scenario: Scenario) -> Opening:
    """With the answer of the holder's key, or by the key that a demonstration keeps."""
    actor = actor_of(request)
    stage = request.POST.get("stage", OpeningStage.FIRST)
    waiting = Opening.objects.visible_to(actor).filter(scenario=scenario, stage=stage).first()
    if "demo" in request.POST and waiting and demo_key(actor.person):
        given = demo_answer(actor.person, waiting)
    else:
        size = request.POST.get("tree_size", "")
        given = {
            "tree_size": int(size)
            if size.isascii() and size.isdigit() and len(size) < 19
            else None,
            "assertion": read_assertion(request.POST.get("assertion", "")),
        }
    return actions.confirm_opening(actor=actor, scenario_uid=scenario.uid, stage=stage, **given)


def read_assertion(text: str) -> dict[str, Any] | None:
    """The key's answer as it came; what it is worth is asked by the action."""
    if len(text) > ASSERTION_MOST:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def asked_of(actor: Actor, opening: Opening) -> dict[str, Any] | None:
    """What this person's keys are asked to sign; None until the closing is in the log."""
    asked = opening_challenge(opening)
    if asked is None:
        return None
    shown = asked.shown(actor.user_uid)
    demo = demo_key(actor.person)
    kept = websafe_encode(demo.id) if demo else ""
    return {
        **shown,
        "passkeys": [one for one in shown["credentials"] if one != kept],
        "demo": kept in shown["credentials"],
    }


@never_cache
@require_GET
def opening_live(request: Request, address: str) -> HttpResponse:
    """The part of the opening's page that changes; asked for every two seconds."""
    scenario = scenario_or_404(request, address)
    return render(request, "bidding/_opening_live.html", opening_context(request, scenario))


def opening_context(request: Request, scenario: Scenario) -> dict[str, Any]:
    actor = actor_of(request)
    openings = queries.openings(actor, scenario)
    if not openings:
        raise Http404
    may_confirm = can_confirm_opening(actor, scenario)
    signed = {row.opening_id for row in records(actor, scenario)}
    stages = []
    for row in openings:
        has_confirmed = any(g.user_id == actor.user_id for g in row.confirmations.all())
        waiting = row.state == OpeningState.WAITING
        asked = may_confirm and waiting and not has_confirmed
        stages.append(
            {
                "opening": row,
                "entries": queries.opening_entries(actor, row),
                "given": len(row.confirmations.all()),
                "waiting": waiting,
                "may_confirm": asked,
                "asked": asked_of(actor, row) if asked else None,
                "has_confirmed": has_confirmed,
                "signed": row.pk in signed,
                "failure": failure_of(row) if row.state == OpeningState.IMPOSSIBLE else None,
                "may_give_up": actor.is_office and row.state not in OVER,
            }
        )
    return {
        "scenario": scenario,
        "stages": stages,
        "running": any(row.state not in OVER for row in openings),
        "now": clock.now(),
    }


@never_cache
@login_not_required
@require_GET
def opening_record(request: Request, address: str, stage: str, form: str = "json") -> HttpResponse:
    """The signed record of a finished opening as a file; from publicity on for everybody."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    record = record_of(actor, scenario, stage)
    if record is None:
        raise Http404
    told = document(actor, record)
    name = f"opening-{scenario.address}-{stage}.{form}"
    return as_file(told, pdf if form == "pdf" else None, name)


# -- Eligibility ---------------------------------------------------------------------------------------
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def eligibility(request: Request, address: str) -> HttpResponse:
    """Each opened bid against each listed condition. One deed a post: start, check or conclude."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    forbid_unless(can_see_eligibility(actor, scenario))
    if scenario.state in {*BEFORE_PUBLICATION, State.PUBLISHED, State.CLOSED}:
        raise Http404
    if request.method != "POST":
        return eligibility_page(request, scenario)
    step = request.POST.get("step", "")
    if step == "check":
        return check_one(request, scenario)
    action = {"start": actions.start_eligibility, "conclude": actions.conclude_eligibility}.get(
        step
    )
    if action is None:
        raise Http404
    _scenario, error = attempt(action, actor=actor, scenario_uid=scenario.uid)
    if error:
        return eligibility_page(request, scenario, error=error)
    said = {
        "start": _("The eligibility check has begun."),
        "conclude": _("The eligibility check is concluded; each bidder finds its result."),
    }
    messages.success(request, said[step])
    return redirect("eligibility", scenario.address)


def check_one(request: Request, scenario: Scenario) -> HttpResponse:
    form = VerdictForm(request.POST)
    given = {name: request.POST.get(name, "") for name in ("bid", "condition", "verdict", "reason")}
    try:
        bid_uid = UUID(given["bid"])
    except ValueError as error:
        raise Http404 from error
    _check, refusal = attempt(
        actions.check_condition,
        actor=actor_of(request),
        bid_uid=bid_uid,
        condition_code=given["condition"],
        verdict=given["verdict"],
        reason=given["reason"],
    )
    if refusal:
        show_refusal(form, refusal)
    elif not request.htmx:
        return redirect("eligibility", scenario.address)
    typed = {"bid": bid_uid, "condition": given["condition"], "form": form} if refusal else None
    return eligibility_page(request, scenario, error=refusal, typed=typed)


def eligibility_page(
    request: Request,
    scenario: Scenario,
    *,
    error: DomainError | None = None,
    typed: dict[str, Any] | None = None,
) -> HttpResponse:
    actor = actor_of(request)
    rows = queries.eligibility_matrix(actor, scenario)
    if rows and request.method == "GET":
        record_access(actor=actor, subject_uid=scenario.uid, what="bid.eligibility")
    deciding = can_check_eligibility(actor, scenario) and scenario.state == State.ELIGIBILITY
    missing = sum(row.missing for row in rows if row.bid.state == BidState.OPENED)
    context = {
        "scenario": scenario,
        "rows": [matrix_row(row, typed, editable=deciding) for row in rows],
        "conditions": [cell.condition for cell in rows[0].cells] if rows else [],
        "may_start": can_check_eligibility(actor, scenario) and scenario.state == State.OPENED,
        "deciding": deciding,
        "missing": missing,
        "challenges": challenges_shown(actor, scenario),
        "conclude": {"step": "conclude"},
        "told": error if error and not (typed and error.errors) else None,
        "consequences": [
            _("Bids under one control, and bids that share a member, become void."),
            _("Each bidder is told its result with the reasons."),
            _("The verdicts cannot be changed afterwards."),
        ],
    }
    template = "bidding/_eligibility_live.html" if request.htmx else "bidding/eligibility.html"
    return page(request, template, context, error=error)


def matrix_row(
    row: queries.MatrixRow, typed: dict[str, Any] | None, *, editable: bool
) -> dict[str, Any]:
    """A row with a form per cell; the one that was refused keeps what was typed."""
    cells = []
    for cell in row.cells:
        form: VerdictForm | None = None
        if editable and row.bid.state == BidState.OPENED:
            # Never the blind code: names and anonymous texts do not meet before the report.
            auto_id = f"id_{row.bid.uid}_{cell.condition.code}_%s"
            here = (row.bid.uid, cell.condition.code)
            if typed and (typed["bid"], typed["condition"]) == here:
                form = typed["form"]
                form.auto_id = auto_id
            else:
                initial = (
                    {"verdict": cell.check.verdict, "reason": cell.check.reason}
                    if cell.check
                    else {}
                )
                form = VerdictForm(initial=initial, auto_id=auto_id)
        cells.append({"cell": cell, "form": form})
    return {"row": row, "cells": cells}


urlpatterns = [
    path("scenarios/<str:address>/opening/", opening, name="opening"),
    path("scenarios/<str:address>/opening/live/", opening_live, name="opening-live"),
    path(
        "scenarios/<str:address>/opening/record/<str:stage>.json",
        opening_record,
        name="opening-record",
    ),
    path(
        "scenarios/<str:address>/opening/record/<str:stage>.pdf",
        opening_record,
        {"form": "pdf"},
        name="opening-record-pdf",
    ),
    path("scenarios/<str:address>/eligibility/", eligibility, name="eligibility"),
]
