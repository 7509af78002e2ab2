"""The earlier demands that one is like: on the draft, at the gate, and the page of answers."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError
from marketplace.scenarios.actions.relisting import ENDED
from marketplace.scenarios.content import Content
from marketplace.scenarios.likeness.actions import answer_likeness
from marketplace.scenarios.likeness.models import Verdict
from marketplace.scenarios.likeness.queries import Like, likes, told_to
from marketplace.scenarios.models import BEFORE_PUBLICATION, OWNER_EDITS, Scenario, State
from marketplace.scenarios.rules import can_edit_scenario
from marketplace.web.forms.likeness import LikenessForm
from marketplace.web.pages import (
    actor_of,
    attempt,
    forbid_unless,
    page,
    scenario_or_404,
    show_refusal,
    uid_or_404,
)
from marketplace.web.request import Request

PARTS = {
    "title": gettext_lazy("title"),
    "pain": gettext_lazy("what hurts"),
    "need": gettext_lazy("what is wanted"),
    "metrics": gettext_lazy("metrics"),
}


def likeness(request: Request, address: str) -> HttpResponse:
    """What it is like, in words, and a form for each that must be spoken of."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    forbid_unless(told_to(actor, scenario))
    error: DomainError | None = None
    other = request.POST.get("other", "")
    if request.method == "POST":
        _row, error = attempt(
            answer_likeness,
            actor=actor,
            scenario_uid=scenario.uid,
            other_uid=uid_or_404(other),
            verdict=request.POST.get(f"{other}-verdict", ""),
            reason=request.POST.get(f"{other}-reason", ""),
        )
        if error is None:
            messages.success(request, _("Kept. The office reads it with the demand."))
            return redirect("scenario-likeness", address=scenario.address)
    answers = can_edit_scenario(actor, scenario) and scenario.state in OWNER_EDITS
    told = shown_likes(actor, scenario)
    for item in told if answers else ():
        item["form"] = _form(request, scenario, item["like"], other, error)
    home = "scenario-edit" if answers else "scenario-gate"
    context = {"scenario": scenario, "likes": told, "back": reverse(home, args=[scenario.address])}
    box = error if error and not error.errors else None
    response = page(request, "scenarios/likeness.html", context, error=box)
    response.status_code = error.status if error else 200
    return response


def _form(
    request: Request, scenario: Scenario, like: Like, other: str, error: DomainError | None
) -> LikenessForm | None:
    """Only where something is to be said: with what was typed, or what was said before."""
    if not like.strong or like.other.state == State.DRAFT:
        return None
    uid = str(like.other.uid)
    own = like.other.organisation_id == scenario.organisation_id
    given: dict[str, Any] = {"prefix": uid, "same": own and like.other.state in ENDED}
    if error is not None and uid == other:
        form = LikenessForm(request.POST, **given)
        if error.errors:
            show_refusal(form, error)
        return form
    said = like.answer
    initial = {"verdict": said.verdict, "reason": said.reason} if said else {}
    if not given["same"]:
        initial.setdefault("verdict", Verdict.DIFFERENT)
    return LikenessForm(initial=initial, **given)


def shown_likes(
    actor: Actor, scenario: Scenario, content: Content | None = None
) -> list[dict[str, Any]]:
    """For the card and the page: each with its address and how much of which part.

    content: as it is typed, else what is stored.
    """
    return [
        {
            "like": like,
            "own": (own := like.other.organisation_id == scenario.organisation_id),
            # Its owner cannot speak of what only the office sees yet.
            "unseen": not own and like.other.state in BEFORE_PUBLICATION,
            "url": reverse("scenario", args=[like.other.address]),
            "parts": [
                _("%(part)s %(percent)s %%") % {"part": PARTS[part], "percent": percent}
                for part, percent in like.parts
            ],
        }
        for like in likes(actor, scenario, content)
    ]


urlpatterns = [path("scenarios/<str:address>/likeness/", likeness, name="scenario-likeness")]
