"""Pages of a demand that was filed: the gate, publication, withdrawal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.base import clock
from marketplace.base.errors import DomainError, Invalid
from marketplace.base.inspected import inspects
from marketplace.scenarios import actions, queries
from marketplace.scenarios.demonstration.queries import open_round
from marketplace.scenarios.drafting.queries import judge_stored
from marketplace.scenarios.models import OWNER_EDITS, Scenario, State
from marketplace.scenarios.rules import (
    can_demonstrate_scenario,
    can_edit_scenario,
    can_publish_scenario,
    can_withdraw_scenario,
)
from marketplace.scenarios.windows import window_end
from marketplace.web import out_of_time
from marketplace.web.attachments import shown_files
from marketplace.web.batches import batch_shown
from marketplace.web.documents import papers_shown, uids_of
from marketplace.web.forms.gates import (
    GateForm,
    PublishForm,
    WithdrawForm,
)
from marketplace.web.forms.typed import offer
from marketplace.web.likeness import shown_likes
from marketplace.web.pages import (
    actor_of,
    attempt,
    forbid_unless,
    scenario_or_404,
    show_refusal,
)
from marketplace.web.request import Request
from marketplace.web.scenarios import answer, moved_to, told_checklist, told_quality
from marketplace.web.second_factor import fresh_proof

STEPS = {
    "start": gettext_lazy("Take it up for demonstration"),
    "return": gettext_lazy("Return it to the owner for changes"),
    "reject": gettext_lazy("Reject it; this is final"),
}
# What the office may do, by state.
OFFERED = {
    State.SUBMITTED: ("start", "return", "reject"),
    State.DEMONSTRATING: ("return", "reject"),
    State.DEMONSTRATED: ("return",),
}


# -- The gate --------------------------------------------------------------------------------------
def gate(request: Request, address: str) -> HttpResponse:
    """What was filed, and the office's steps; the owner reads along."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    inside = actor.organisation_id == scenario.organisation_id
    inspecting = inspects(actor, scenario.uid, scenario.organisation.uid)
    forbid_unless(inside or actor.is_office or inspecting)
    if moved := moved_to(scenario, address, "scenario-gate"):
        return moved
    may = can_demonstrate_scenario(actor, scenario)
    offered = OFFERED.get(State(scenario.state), ())
    if open_round(scenario) is not None:
        offered = ("return",)  # the secretary concludes from the experts' opinions
    steps = [(code, STEPS[code]) for code in offered]
    form, error = GateForm(steps=steps), None
    if request.method == "POST":
        form = GateForm(request.POST, steps=[*STEPS.items()])
        error = _walk(request, scenario)
        if error is None:
            return redirect("scenario-gate", address=scenario.address)
        offer(form, "step", steps)
        renamed = {"reason": "words"}
        error.errors = {renamed.get(name, name): said for name, said in error.errors.items()}
        show_refusal(form, error)
    found = judge_stored(scenario, clock.now())
    context = {
        "scenario": scenario,
        "form": form,
        "may": may and bool(steps),
        "may_publish": can_publish_scenario(actor, scenario)
        and scenario.state == State.DEMONSTRATED,
        "may_edit": can_edit_scenario(actor, scenario) and scenario.state in OWNER_EDITS,
        "sees_preview": actor.is_office or can_edit_scenario(actor, scenario),
        "notes": queries.notes(actor, scenario),
        "papers": papers_shown(actor, scenario),
        "checklist": told_checklist(found.faults),
        "meter": told_quality(found.quality),
        "filed": found.content,
        "in_batch": batch_shown(actor, scenario),
        "files": shown_files(request, scenario),
        "likes": shown_likes(actor, scenario, found.content),
    }
    return answer(request, "scenarios/gate.html", context, error)


def _walk(request: Request, scenario: Scenario) -> DomainError | None:
    """Take the step that was chosen; its success is said on the next page."""
    words = request.POST.get("words", "")
    given: dict[str, Any] = {"actor": actor_of(request), "scenario_uid": scenario.uid}
    step = request.POST.get("step", "")
    if step == "start":
        _row, error = attempt(actions.start_demonstration, **given)
    elif step == "return":
        _row, error = attempt(actions.return_scenario, reason=words, **given)
    elif step == "reject":
        _row, error = attempt(actions.reject_scenario, reason=words, **given)
    else:
        return Invalid(errors={"step": [_("Choose what the office does.")]})
    if error is None:
        messages.success(request, _("Done, and written into the record."))
    return error


# -- Publication and withdrawal --------------------------------------------------------------------
@fresh_proof(first=True)
def publish(request: Request, address: str) -> HttpResponse:
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    forbid_unless(can_publish_scenario(actor, scenario))
    if moved := moved_to(scenario, address, "scenario"):
        return moved
    people = queries.key_holder_candidates(scenario)
    form, error = PublishForm(scenario=scenario, people=people), None
    if request.method == "POST":
        form = PublishForm(request.POST, scenario=scenario, people=people)
        if request.POST.get("sure"):
            published, error = attempt(
                actions.publish_scenario,
                actor=actor,
                scenario_uid=scenario.uid,
                key_holder_uids=uids_of(request.POST.getlist("key_holders")),
                deadline_at=request.POST.get("deadline_at") or None,
            )
            if error is None:
                said = _("Published as %(ref)s. It is on the board.")
                messages.success(request, said % {"ref": published.ref})
                return redirect("scenario", address=published.address)
        else:
            error = Invalid(errors={"sure": [_("Confirm that you have read what is frozen.")]})
        show_refusal(form, error)
    now = clock.now()
    over = out_of_time.publication(scenario)
    context = {
        "scenario": scenario,
        "form": form,
        "profile": scenario.profile,
        "checklist": told_checklist(
            [f for f in queries.open_faults(scenario, now) if f.field != "deadline_at"]
        ),
        "filed": queries.stored_content(scenario),
        "files": shown_files(request, scenario),
        "verified": scenario.organisation.verified_at is not None,
        "over": over,
        "papers": papers_shown(actor, scenario),
        **_earliest(scenario, now),
    }
    return answer(request, "scenarios/publish.html", context, over or error)


def _earliest(scenario: Scenario, now: datetime) -> dict[str, Any]:
    """The first deadline that the profile allows, or why it cannot be computed."""
    if scenario.profile is None or not scenario.profile.takes_bids:
        return {}
    try:
        return {"earliest_at": window_end(scenario.profile, "bid_window_min", now)}
    except DomainError as error:
        return {"no_earliest": error}


def withdraw(request: Request, address: str) -> HttpResponse:
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    forbid_unless(can_withdraw_scenario(actor, scenario))
    if moved := moved_to(scenario, address, "scenario-withdraw"):
        return moved
    form, error = WithdrawForm(), None
    if request.method == "POST":
        form = WithdrawForm(request.POST)
        gone, error = attempt(
            actions.withdraw_scenario,
            actor=actor,
            scenario_uid=scenario.uid,
            reason=request.POST.get("reason", ""),
        )
        if error is None:
            messages.success(request, _("The demand is withdrawn. It stays visible."))
            return redirect("scenario", address=gone.address)
        show_refusal(form, error)
    over = out_of_time.withdrawal(scenario, clock.now())
    context = {"scenario": scenario, "form": form, "over": over}
    return answer(request, "scenarios/withdraw.html", context, over or error)


urlpatterns = [
    path("scenarios/<str:address>/gate/", gate, name="scenario-gate"),
    path("scenarios/<str:address>/publish/", publish, name="scenario-publish"),
    path("scenarios/<str:address>/withdraw/", withdraw, name="scenario-withdraw"),
]
