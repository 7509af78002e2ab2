"""Pages of a race: what everybody reads of it, its entry, and the agreements."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import DomainError, Invalid
from marketplace.committee.models import Report
from marketplace.races.design import told
from marketplace.races.design.checks import grants_cny
from marketplace.races.design.queries import design_of, frozen_content, is_race
from marketplace.races.entry import actions, queries
from marketplace.races.models import Race, RaceAgreement, RaceState
from marketplace.races.numbers import ENTRANTS_MIN
from marketplace.races.queries import entrants_shown, places, races_of, shortlistable
from marketplace.races.rules import (
    can_accept_agreement,
    can_decline_agreement,
    can_publicise_shortlist,
    can_run_entry,
    can_shortlist,
    side_of,
)
from marketplace.scenarios.models import AwardMode, Scenario, State
from marketplace.web.answers import attached
from marketplace.web.forms.races import DeclineForm, ShortlistForm
from marketplace.web.kept import kept_for_visitors
from marketplace.web.pages import (
    actor_of,
    attempt,
    first_or_404,
    page,
    scenario_or_404,
    show_refusal,
)
from marketplace.web.request import Request
from marketplace.web.second_factor import fresh_proof
from marketplace.web.shared import shared_demand


def race_or_none(actor: Actor, scenario: Scenario) -> Race | None:
    return races_of(actor).filter(scenario=scenario).first()


def timeline(race: Race) -> list[dict[str, Any]]:
    """The heats with their money: those that have dates by their instants, others by their days."""
    content = frozen_content(race.design)
    rows = {heat.number: heat for heat in race.heats.all()}
    return [
        {
            "number": place + 1,
            "planned": planned,
            "money": money,
            "heat": rows.get(place + 1),
            "sentences": told.of_heat(content, place),
        }
        for place, (planned, money) in enumerate(
            zip(content["heats"], told.money(content), strict=True)
        )
    ]


def read_notice(race: Race) -> dict[str, Any] | None:
    row = getattr(race, "notice", None)
    if row is None:
        return None
    body = queries.read(row)
    times = {name: parse_datetime(body[name]) for name in ("starts_at", "ends_at")}
    return {**body, **times, "sha256": row.sha256}


@login_not_required
@require_safe
@kept_for_visitors
def race(request: Request, address: str) -> HttpResponse:
    """The race as everybody follows it: who runs, heat after heat, what each is paid."""
    scenario = scenario_or_404(request, address)
    if scenario.address != address:
        return redirect("race", scenario.address)
    actor = actor_of(request)
    row = race_or_none(actor, scenario)
    if row is None:
        raise Http404
    content = frozen_content(row.design)
    context = {
        "scenario": scenario,
        "race": row,
        "now": clock.now(),
        "heats": timeline(row),
        "notice": read_notice(row),
        "entrants": entrants_shown(actor, row) if row.started_at else [],
        "by_name": content["names"] == "names",
        "total_cny": grants_cny(content),
        "agreements": queries.of_race(actor, row),
        "entry": may_see_entry(actor, scenario),
        "shared": shared_demand(request, scenario, _("Race")),
    }
    return page(request, "races/race.html", context)


def may_see_entry(actor: Actor, scenario: Scenario) -> bool:
    """Those who read the report but do not sign it."""
    seen = Report.objects.visible_to(actor).filter(scenario=scenario)
    return actor.role != Role.EXPERT and seen.exists()


# -- The entry ---------------------------------------------------------------------------------------
SAID = {
    "shortlist": gettext_lazy("The shortlist is on record. An officer now publicises it."),
    "publish": gettext_lazy("The notice is published."),
    "offer": gettext_lazy("The agreements are offered."),
    "start": gettext_lazy("The first heat is open."),
    "end": gettext_lazy("The race is void; the award can be decided."),
}


@require_http_methods(["GET", "HEAD", "POST"])
@fresh_proof(do="publish")
@fresh_proof(do="start")
def entry(request: Request, address: str) -> HttpResponse:
    """Office and owner: the shortlist, its notice, the agreements, the start."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    if not is_race(scenario) or not may_see_entry(actor, scenario):
        raise Http404
    row = race_or_none(actor, scenario)
    form = ShortlistForm(request.POST if request.POST.get("do") == "shortlist" else None)
    error = None
    if request.method == "POST":
        error = move(request, actor, scenario, row, form)
        if error is None and (not form.is_bound or form.is_valid()):
            messages.success(request, str(SAID[request.POST["do"]]))
            return redirect("race-entry", scenario.address)
    return entry_page(request, scenario, row, form, error)


def move(
    request: Request, actor: Actor, scenario: Scenario, row: Race | None, form: ShortlistForm
) -> DomainError | None:
    do = request.POST.get("do", "")
    if do not in SAID or (row is None and do != "shortlist"):
        raise Http404
    if do == "shortlist":
        if not form.is_valid():
            return None
        _row, error = attempt(
            actions.shortlist, actor=actor, scenario_uid=scenario.uid, **form.cleaned_data
        )
        if error:
            show_refusal(form, error)
        return error
    deeds: dict[str, Callable[..., Any]] = {
        "publish": actions.publicise_shortlist,
        "offer": actions.offer_agreements,
        "start": actions.start_race,
        "end": actions.end_entry,
    }
    assert row is not None, "asked above"
    _row, error = attempt(deeds[do], actor=actor, race_uid=row.uid)
    return error


def entry_page(
    request: Request,
    scenario: Scenario,
    row: Race | None,
    form: ShortlistForm,
    error: DomainError | None,
) -> HttpResponse:
    actor, now = actor_of(request), clock.now()
    ranked = shortlistable(scenario)
    design = design_of(actor, scenario)
    most = min(places(design), len(ranked)) if design and design.frozen_at else 0
    if not form.is_bound:
        form = ShortlistForm(initial={"entrants": most})
    if scenario.award_mode != AwardMode.COLLECTIVE:
        del form.fields["minutes_number"]
    context = {
        "scenario": scenario,
        "race": row,
        "now": now,
        "ranked": ranked,
        "most": most,
        "enough": most >= ENTRANTS_MIN,
        "design": design,
        "form": form,
        "notice": read_notice(row) if row else None,
        "entrants": row.entrants.select_related("organisation").order_by("place") if row else [],
        "agreements": queries.of_race(actor, row) if row else [],
        "may": may(actor, scenario, row, now) if design and design.frozen_at else {},
    }
    box = None if isinstance(error, Invalid) and error.errors else error
    response = page(request, "races/entry.html", context, error=box)
    if request.method == "POST":
        response.status_code = error.status if error else 422
    return response


def may(actor: Actor, scenario: Scenario, row: Race | None, now: datetime) -> dict[str, bool]:
    """Which of the steps this actor may take now."""
    if row is None:
        undecided = scenario.state == State.DECISION
        return {"shortlist": undecided and can_shortlist(actor, scenario)}
    runs = can_run_entry(actor, row)
    notice = getattr(row, "notice", None)
    agreeing = row.state == RaceState.AGREEING
    settled = agreeing and queries.to_start(now).filter(pk=row.pk).exists()
    enough = agreeing and row.pk in queries.can_still_race([row], now)
    return {
        "publish": row.state == RaceState.SHORTLISTED
        and notice is None
        and can_publicise_shortlist(actor, row),
        "offer": runs
        and row.state == RaceState.SHORTLISTED
        and notice is not None
        and now >= notice.ends_at,
        "start": runs and settled and enough,
        "end": runs and agreeing and not enough,
    }


# -- Agreements --------------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@fresh_proof(do="accept")
def agreement(request: Request, uid: UUID) -> HttpResponse:
    """The text, who has accepted it, and for those who bind a party the acceptance."""
    actor = actor_of(request)
    rows = RaceAgreement.objects.visible_to(actor).select_related(
        "entrant__organisation", "entrant__race__scenario__organisation"
    )
    row = first_or_404(rows.filter(uid=uid))
    declining = request.POST.get("do") == "decline"
    form = DeclineForm(request.POST if declining else None)
    error = None
    if request.method == "POST":
        if declining and form.is_valid():
            _row, error = attempt(
                actions.decline_agreement,
                actor=actor,
                agreement_uid=uid,
                reason=form.cleaned_data["reason"],
            )
        elif not declining:
            _row, error = attempt(
                actions.accept_agreement,
                actor=actor,
                agreement_uid=uid,
                sha256=request.POST.get("sha256", ""),
            )
        if error is None and (not declining or form.is_valid()):
            messages.success(request, _("Your answer is on record."))
            return redirect("race-agreement", uid)
    accepted = {acceptance.side: acceptance for acceptance in row.acceptances.all()}
    open_now = row.state == "offered" and clock.now() < (row.entrant.race.agree_by or clock.now())
    context = {
        "row": row,
        "scenario": row.entrant.race.scenario,
        "race": row.entrant.race,
        "now": clock.now(),
        "body": queries.read(row),
        "accepted": accepted,
        "form": form,
        "may_accept": open_now
        and can_accept_agreement(actor, row)
        and side_of(actor, row) not in accepted,
        "may_decline": open_now and can_decline_agreement(actor, row),
    }
    response = page(request, "races/agreement.html", context, error=error)
    if request.method == "POST" and error is None:
        response.status_code = 422
    return response


@require_safe
def agreement_text(request: Request, uid: UUID) -> HttpResponse:
    """The canonical text as it was hashed, byte for byte."""
    rows = RaceAgreement.objects.visible_to(actor_of(request))
    row = first_or_404(rows.filter(uid=uid))
    response = HttpResponse(bytes(row.body), content_type="application/json")
    attached(response, f"race-agreement-{row.version}.json")
    return response


urlpatterns = [
    path("races/<str:address>/", race, name="race"),
    path("scenarios/<str:address>/entry/", entry, name="race-entry"),
    path("race-agreements/<uuid:uid>/", agreement, name="race-agreement"),
    path("race-agreements/<uuid:uid>/text.json", agreement_text, name="race-agreement-text"),
]
