"""Pages of the award: the decision, its publicity, its confirmation."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace.awards import actions, queries
from marketplace.awards.challenges import queries as challenges
from marketplace.awards.models import Decision, DecisionState
from marketplace.awards.notice import notice
from marketplace.awards.rules import (
    can_challenge_member,
    can_choose_winner,
    can_confirm_award,
    can_decide_by_minutes,
    can_publicise,
    can_refuse_award,
)
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.base.canonical import canonical
from marketplace.base.errors import DomainError
from marketplace.committee.models import Report
from marketplace.committee.queries import names_are_public, rules_of
from marketplace.scenarios.models import AwardMode, Scenario
from marketplace.scenarios.models import State as ScenarioState
from marketplace.scenarios.windows import window_end
from marketplace.web.forms.awards import ChooseForm, MinutesForm, NobodyForm, RefuseForm
from marketplace.web.kept import kept_for_visitors
from marketplace.web.pages import actor_of, attempt, page, scenario_or_404, show_refusal
from marketplace.web.request import Request
from marketplace.web.second_factor import fresh_proof
from marketplace.web.shared import shared_demand


# -- The decision ------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
def decision(request: Request, address: str) -> HttpResponse:
    """The candidates side by side; the owner chooses, or an officer enters the minutes."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    seen = Report.objects.visible_to(actor).filter(scenario=scenario).exists()
    if not seen or actor.role == Role.EXPERT:  # who signs the report does not decide
        raise Http404
    if request.method == "POST" and "nobody" in request.POST:
        return choose_nobody(request, scenario)
    return decision_page(request, scenario)


def choose_nobody(request: Request, scenario: Scenario) -> HttpResponse:
    form = NobodyForm(request.POST, prefix="nobody")
    error = None
    if form.is_valid():
        _row, error = attempt(
            actions.choose_nobody,
            actor=actor_of(request),
            scenario_uid=scenario.uid,
            reason=form.cleaned_data["reason"],
        )
        if error is None:
            messages.success(request, _("The demand has ended without an award."))
            return HttpResponseRedirect(reverse("scenario", args=[scenario.address]))
        show_refusal(form, error)
    return decision_page(request, scenario, nobody=form, error=error)


def decision_page(
    request: Request,
    scenario: Scenario,
    *,
    nobody: NobodyForm | None = None,
    error: DomainError | None = None,
) -> HttpResponse:
    actor = actor_of(request)
    candidates = queries.candidates(actor, scenario)
    collective = scenario.award_mode == AwardMode.COLLECTIVE
    may = can_decide_by_minutes if collective else can_choose_winner
    data = request.POST if request.method == "POST" and nobody is None else None
    form = MinutesForm(data, candidates=candidates) if collective else ChooseForm(data)
    if data is not None and form.is_valid():
        action = actions.decide_by_minutes if collective else actions.choose_winner
        given = {**form.cleaned_data, "bid_uid": UUID(str(form.cleaned_data["bid"]))}
        del given["bid"]
        _row, error = attempt(action, actor=actor, scenario_uid=scenario.uid, **given)
        if error is None:
            messages.success(
                request, _("The decision is on record. An officer now publishes the notice.")
            )
            return HttpResponseRedirect(reverse("decision", args=[scenario.address]))
        show_refusal(form, error)
    standing = queries.standing_decision(actor, scenario)
    context = {
        "scenario": scenario,
        "candidates": candidates,
        "chosen": str(data.get("bid", "")) if data else "",
        "form": form,
        "nobody": nobody or NobodyForm(prefix="nobody"),
        "nobody_said": nobody is not None,
        "collective": collective,
        "standing": standing,
        "may_decide": may(actor, scenario)
        and standing is None
        and scenario.state == ScenarioState.DECISION,
        "may_publicise": standing is not None
        and standing.state == DecisionState.PROPOSED
        and can_publicise(actor, standing),
    }
    return _answer(request, "awards/decision.html", context, error)


# -- Publicity ---------------------------------------------------------------------------------------
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@kept_for_visitors
@fresh_proof(do="publish")
def publicity(request: Request, address: str) -> HttpResponse:
    """The public notice with its window; before it, for an officer, the preview to publish."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    standing = queries.standing_decision(actor, scenario)
    if request.method == "POST" and standing is None:
        raise Http404
    refuse = RefuseForm(request.POST if request.POST.get("do") == "refuse" else None)
    error = None
    if request.method == "POST" and standing is not None:
        moved, error = _publicity_move(request, actor, standing, refuse)
        if moved:
            return HttpResponseRedirect(reverse("publicity", args=[scenario.address]))
    notices = queries.notices(scenario)
    preview = _preview(actor, scenario, standing)
    members = challenges.members_named(scenario) if names_are_public(scenario) else []
    if not notices and preview is None:
        raise Http404
    context = {
        "scenario": scenario,
        "standing": standing,
        "shared": shared_demand(request, scenario, _("Publicity of the award"))
        if notices
        else None,
        "notices": [{"row": row, "body": read_notice(queries.body_of(row))} for row in notices],
        "preview": preview,
        "now": clock.now(),
        "members": members,
        "challenges_until": challenges.until(notices[0]) if notices else None,
        "may_challenge": bool(members)
        and (actor.is_office or can_challenge_member(actor, members[0])),
        "refuse": refuse,
        "award": queries.award_of(scenario),
        "may_publish": preview is not None
        and standing is not None
        and can_publicise(actor, standing),
        "may_refuse": standing is not None
        and standing.state == DecisionState.PUBLICISED
        and can_refuse_award(actor, standing),
        "may_confirm": standing is not None
        and standing.state == DecisionState.PUBLICISED
        and can_confirm_award(actor, standing),
    }
    return _answer(request, "awards/publicity.html", context, error)


def _publicity_move(
    request: Request, actor: Actor, standing: Decision, refuse: RefuseForm
) -> tuple[bool, DomainError | None]:
    """(whether the page changed, the refusal if any)."""
    error = None
    if request.POST.get("do") == "publish":
        _row, error = attempt(actions.publicise, actor=actor, decision_uid=standing.uid)
        said = _("The notice is published.")
    elif not refuse.is_valid():
        return False, None
    else:
        _row, error = attempt(
            actions.refuse_award,
            actor=actor,
            decision_uid=standing.uid,
            reason=refuse.cleaned_data["reason"],
        )
        said = _("Your refusal is on record.")
        if error:
            show_refusal(refuse, error)
    if error is None:
        messages.success(request, said)
    return error is None, error


def _preview(actor: Actor, scenario: Scenario, standing: Decision | None) -> dict[str, Any] | None:
    """The notice as it would read now, for the office while it is not published."""
    if standing is None or standing.state != DecisionState.PROPOSED or not actor.is_office:
        return None
    starts_at = clock.now()
    try:
        ends_at = window_end(rules_of(scenario), "publicity_min", starts_at)
    except DomainError as error:
        return {"refusal": error}
    body = notice(standing, starts_at=starts_at, ends_at=ends_at)
    return read_notice(json.loads(canonical(body)))


def read_notice(body: dict[str, Any]) -> dict[str, Any]:
    """A notice's body with its instants as instants."""
    times = {name: parse_datetime(body[name]) for name in ("starts_at", "ends_at")}
    return {**body, **times}


# -- Confirmation ------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@fresh_proof
def award_confirm(request: Request, address: str) -> HttpResponse:
    """After the window: an officer who never sat on the panel confirms."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    standing = queries.standing_decision(actor, scenario)
    if not actor.is_office or standing is None or standing.state == DecisionState.PROPOSED:
        raise Http404
    error = None
    if request.method == "POST":
        _row, error = attempt(actions.confirm_award, actor=actor, decision_uid=standing.uid)
        if error is None:
            messages.success(request, _("The award is confirmed."))
            return HttpResponseRedirect(reverse("award-confirm", args=[scenario.address]))
    context = {
        "scenario": scenario,
        "standing": standing,
        "publicity": standing.publicity,
        "now": clock.now(),
        "challenges_until": challenges.until(standing.publicity),
        "challenged": challenges.blocking(standing),
        "award": queries.award_of(scenario),
        "may_confirm": can_confirm_award(actor, standing),
    }
    return _answer(request, "awards/confirm.html", context, error)


def _answer(
    request: Request, template: str, context: dict[str, Any], error: DomainError | None
) -> HttpResponse:
    """A form that its fields already refuse is a 422 as well."""
    response = page(request, template, context, error=error)
    if request.method == "POST" and error is None:
        response.status_code = 422
    return response


urlpatterns = [
    path("scenarios/<str:address>/decision/", decision, name="decision"),
    path("scenarios/<str:address>/publicity/", publicity, name="publicity"),
    path("scenarios/<str:address>/award/", award_confirm, name="award-confirm"),
]
