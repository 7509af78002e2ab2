"""需求论证 on one page: the office asks and concludes, an expert answers, the owner reads after."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import DomainError, Invalid
from marketplace.base.inspected import inspects
from marketplace.scenarios import actions
from marketplace.scenarios.demonstration import queries
from marketplace.scenarios.demonstration.conclusion import QUESTIONS
from marketplace.scenarios.demonstration.models import (
    Demonstration,
    DemonstrationOpinion,
    DemonstrationSeat,
    SeatState,
)
from marketplace.scenarios.demonstration.numbers import experts_least, experts_most
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.queries import stored_content
from marketplace.scenarios.rules import (
    can_conclude_demonstration,
    can_give_opinion,
    can_invite_experts,
)
from marketplace.web.documents import uids_of
from marketplace.web.forms.demonstration import (
    ConcludeForm,
    DeclineForm,
    InviteForm,
    OpinionForm,
)
from marketplace.web.forms.scenarios import differences
from marketplace.web.pages import (
    actor_of,
    attempt,
    forbid_unless,
    page,
    scenario_or_404,
    show_refusal,
)
from marketplace.web.request import Request


@require_http_methods(["GET", "POST"])
def demonstration(request: Request, address: str) -> HttpResponse:
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    rounds = list(
        Demonstration.objects.visible_to(actor).filter(scenario=scenario).order_by("-number")
    )
    inside = actor.is_office or actor.organisation_id == scenario.organisation_id
    inspecting = inspects(actor, scenario.uid, scenario.organisation.uid)
    forbid_unless(inside or inspecting or bool(rounds))
    for row in rounds:
        row.scenario = scenario
    current = next((row for row in rounds if row.concluded_at is None), None)
    forms = _forms(actor, scenario, current)
    error = None
    if request.method == "POST":
        error = _change(request, actor, scenario, current, forms)
        if error is None:
            if actor.role == Role.EXPERT and request.POST.get("do") == "decline":
                return redirect("desk")  # the demand is his to read no more
            return redirect("scenario-demonstration", address=scenario.address)
    context = {
        "scenario": scenario,
        "forms": forms,
        "rounds": [_shown(actor, row) for row in rounds],
        "current": current,
        "changed": _changed(scenario, current),
        "filed": stored_content(scenario),
        "least": experts_least(scenario.profile),
        "most": experts_most(scenario.profile),
        "inside": inside,
        "wrong": next((form for form in forms.values() if form and form.errors), None),
        "standing": queries.standing(current, clock.now()) if current and inside else None,
        "may_conclude": bool(current) and can_conclude_demonstration(actor, scenario),
    }
    box = None if isinstance(error, Invalid) else error
    response = page(request, "scenarios/demonstration.html", context, error=box)
    response.status_code = error.status if error else 200
    return response


def _forms(actor: Actor, scenario: Scenario, current: Demonstration | None) -> dict[str, Any]:
    """The forms that this person may send now, by the name of their button."""
    forms: dict[str, Any] = {"invite": None, "opine": None, "decline": None, "conclude": None}
    if scenario.state != State.DEMONSTRATING:
        return forms
    if can_invite_experts(actor, scenario):
        people = [row for row in queries.candidates(scenario) if not row.barred]
        sitting = current.seats.exclude(state=SeatState.DECLINED).count() if current else 0
        if sitting < experts_most(scenario.profile):
            forms["invite"] = InviteForm(people=people, first=current is None)
    if current is None:
        return forms
    if can_give_opinion(actor, current):
        seat = current.seats.get(user=actor.user)
        if seat.state == SeatState.INVITED:
            forms |= {"opine": OpinionForm(), "decline": DeclineForm()}
    if can_conclude_demonstration(actor, scenario):
        stands = queries.standing(current, clock.now())
        if stands.concludable:
            forms["conclude"] = ConcludeForm(outcomes=stands.outcomes)
    return forms


def _change(
    request: Request,
    actor: Actor,
    scenario: Scenario,
    current: Demonstration | None,
    forms: dict[str, Any],
) -> DomainError | None:
    """Call the one action that the pressed button names; a refused form keeps what was typed."""
    post, do = request.POST, request.POST.get("do", "")
    about_demand: dict[str, Any] = {"actor": actor, "scenario_uid": scenario.uid}
    about_round: dict[str, Any] = {
        "actor": actor,
        "demonstration_uid": current.uid if current else scenario.uid,
    }
    if do == "invite":
        _row, error = attempt(
            actions.invite_experts,
            expert_uids=uids_of(post.getlist("experts")),
            due_at=post.get("due_at") or None,
            **about_demand,
        )
        done = _("The experts are asked; they find it on their desks.")
    elif do == "opine":
        answers = {
            name: {
                "yes": {"yes": True, "no": False}.get(post.get(name, "")),
                "words": post.get(f"{name}_words", ""),
            }
            for name in QUESTIONS
        }
        _row, error = attempt(
            actions.give_opinion,
            answers=answers,
            verdict=post.get("verdict", ""),
            words=post.get("words", ""),
            **about_round,
        )
        done = _("Your opinion is written down. Thank you.")
    elif do == "decline":
        _row, error = attempt(
            actions.decline_demonstration, reason=post.get("reason", ""), **about_round
        )
        done = _("You stand back; the office is told.")
    else:
        _row, error = attempt(
            actions.conclude_demonstration,
            outcome=post.get("outcome", ""),
            opinion=post.get("opinion", ""),
            **about_demand,
        )
        done = _("The demonstration is concluded; the owner is told.")
    if error is None:
        messages.success(request, done)
        return None
    form = forms.get(do)
    if form is not None:
        form.data, form.is_bound = post, True
        show_refusal(form, error)
    return error


def _shown(actor: Actor, row: Demonstration) -> dict[str, Any]:
    """One round: seats by name for the office alone, opinions as far as this person reads them."""
    seen = DemonstrationOpinion.objects.visible_to(actor).filter(seat__demonstration=row)
    opinions = list(seen.select_related("seat__user").order_by("seat_id"))
    named = actor.is_office or actor.role == Role.INSPECTOR
    seats = list(DemonstrationSeat.objects.filter(demonstration=row).select_related("user"))
    numbers = {seat.pk: place for place, seat in enumerate(seats, start=1)}
    own = actor.user_id
    return {
        "row": row,
        "seats": [seat for seat in seats if named or seat.user_id == own],
        "opinions": [
            {
                "opinion": opinion,
                "number": numbers[opinion.seat_id],
                "user": opinion.seat.user if named else None,
                "own": opinion.seat.user_id == own,
                "late": opinion.given_at > row.due_at,
            }
            for opinion in opinions
        ],
    }


def _changed(scenario: Scenario, current: Demonstration | None) -> list[dict[str, Any]] | None:
    """What the owner changed since the round before; None where there was none."""
    latest = current or scenario.demonstrations.order_by("-number").first()
    if latest is None:
        return None
    before = queries.text_before(scenario, latest) if current else latest.body
    return None if before is None else differences(before, queries.snapshot(scenario))


urlpatterns = [
    path("scenarios/<str:address>/demonstration/", demonstration, name="scenario-demonstration"),
]
