"""Challenges to members of a panel: filed by bidders, heard by the office, on one page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from marketplace.awards.challenges import actions, queries
from marketplace.awards.challenges.models import ChallengeState, MemberChallenge
from marketplace.awards.rules import can_challenge_member, can_hear_challenge, can_record_redo
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError
from marketplace.base.rules import require_confidentiality
from marketplace.committee.queries import names_are_public
from marketplace.scenarios.models import Scenario
from marketplace.web.forms.challenges import AdmitForm, FileForm, RedoForm, RuleForm
from marketplace.web.pages import actor_of, attempt, page, scenario_or_404, show_refusal
from marketplace.web.request import Request
from marketplace.web.templatetags.jiebang import localized_text

FORMS: dict[str, Any] = {
    "admit": (AdmitForm, actions.admit_challenge, _("The admission is decided.")),
    "rule": (RuleForm, actions.rule_challenge, _("The challenge is ruled on.")),
    "redo": (RedoForm, actions.record_redo, _("What was redone is on record.")),
}
# What an officer does next.
NEXT = {
    ChallengeState.FILED: "admit",
    ChallengeState.ADMITTED: "rule",
    ChallengeState.UPHELD: "redo",
}
TONES = {
    ChallengeState.FILED: "warn",
    ChallengeState.ADMITTED: "warn",
    ChallengeState.UPHELD: "bad",
    ChallengeState.REDONE: "good",
}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def challenges(request: Request, address: str) -> HttpResponse:
    """A bidder sees its own, the office all of them; the public reads the names elsewhere."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    seen = queries.challenges_seen(actor, scenario)
    members = queries.members_named(scenario) if names_are_public(scenario) else []
    bidder = bool(members) and can_challenge_member(actor, members[0])
    if not seen and not bidder and not (actor.is_office and members):
        raise Http404
    if actor.is_office:
        require_confidentiality(actor)
    file = file_form(request, members, seen, actor)
    typed: dict[tuple[UUID, str], forms.Form] = {}
    error = None
    if request.method == "POST":
        said, error = moved(request, actor, seen, file, typed)
        if said:
            messages.success(request, str(said))
            return HttpResponseRedirect(reverse("challenges", args=[scenario.address]))
        seen = queries.challenges_seen(actor, scenario)
    publicity = queries.standing_publicity(scenario)
    until = queries.until(publicity) if publicity else None
    now = clock.now()
    context = {
        "scenario": scenario,
        "members": members,
        "until": until,
        "now": now,
        "over": until is not None and now >= until,
        "may_file": bidder and bool(file.fields["member_uid"].choices) and until and now < until,
        "file": file,
        "rows": [shown(actor, scenario, row, typed) for row in seen],
        "office": actor.is_office,
    }
    response = page(request, "awards/challenges.html", context, error=error)
    if request.method == "POST" and error is None:
        response.status_code = 422
    return response


def file_form(request: Request, members: Any, seen: list[MemberChallenge], actor: Actor) -> Any:
    """Of those whom this organisation has not challenged yet."""
    mine = {row.member_id for row in seen if row.organisation_id == actor.organisation_id}
    choices = [
        (str(row.uid), f"{row.code} · {localized_text(row.user, 'name')}")
        for row in members
        if row.pk not in mine
    ]
    filing = request.method == "POST" and request.POST.get("do") == "file"
    return FileForm(request.POST if filing else None, members=choices)


def moved(
    request: Request, actor: Actor, seen: list[MemberChallenge], file: Any, typed: Any
) -> tuple[Any, DomainError | None]:
    """Call the one action of the pressed button. Returns what to say, and the refusal."""
    do = request.POST.get("do", "")
    if do == "file":
        if not file.is_valid():
            return None, None
        _row, error = attempt(actions.file_challenge, actor=actor, **file.cleaned_data)
        if error is not None:
            show_refusal(file, error)
        return (
            _("Your challenge is filed; the office hears it.") if error is None else None
        ), error
    row = next((row for row in seen if str(row.uid) == request.POST.get("challenge")), None)
    if do not in FORMS or row is None:
        raise Http404
    kind, action, said = FORMS[do]
    form = typed[row.uid, do] = kind(request.POST, auto_id=f"{row.uid}-%s")
    if not form.is_valid():
        return None, None
    _row, error = attempt(action, actor=actor, challenge_uid=row.uid, **form.given())
    if error is not None:
        show_refusal(form, error)
    return (said if error is None else None), error


def shown(
    actor: Actor,
    scenario: Scenario,
    row: MemberChallenge,
    typed: dict[tuple[UUID, str], forms.Form],
) -> dict[str, Any]:
    do = NEXT.get(ChallengeState(row.state), "")
    may = can_record_redo if do == "redo" else can_hear_challenge
    open_now = scenario.state in queries.HEARD_IN
    form = None
    if do and open_now and may(actor, row):
        form = typed.get((row.uid, do)) or FORMS[do][0](auto_id=f"{row.uid}-%s")
    return {
        "row": row,
        "tone": TONES.get(ChallengeState(row.state), "neutral"),
        "do": do,
        "form": form,
        "without": queries.without(scenario, row.member.code) if form and do != "admit" else [],
    }


urlpatterns = [path("scenarios/<str:address>/panel/challenges/", challenges, name="challenges")]
