"""Pages of a draw: the secretary's steps, both deposits, an expert's invitation, the replay."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError
from marketplace.base.rules import require_confidentiality
from marketplace.committee.draw import actions, invitations, queries, replay
from marketplace.committee.draw.exclusions import exclusions
from marketplace.committee.draw.models import Draw, DrawInvitation, DrawState
from marketplace.committee.queries import names_are_public, rules_of
from marketplace.committee.rules import can_commit_draw, can_deposit_nonce, can_prepare_draw
from marketplace.files.access import record_access
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.queries import specialties
from marketplace.scenarios.readers import narrow
from marketplace.web.answers import attached
from marketplace.web.pages import (
    actor_of,
    attempt,
    first_or_404,
    page,
    scenario_or_404,
    typed_number,
    uid_or_404,
)
from marketplace.web.profiles import with_unit
from marketplace.web.request import Request
from marketplace.web.templatetags.jiebang import term

STATES = {
    "waiting": (gettext_lazy("Waiting for an answer"), "warn"),
    "accepted": (pgettext_lazy("invitation", "Accepted"), "good"),
    "recused": (gettext_lazy("Recused"), "neutral"),
    "no_time": (gettext_lazy("No time"), "neutral"),
    "silent": (gettext_lazy("No answer in time"), "neutral"),
    "excluded": (gettext_lazy("Excluded; the next was asked"), "neutral"),
}
SAID = {
    "prepare": gettext_lazy("The seats are proposed. Now secretary and witness deposit a nonce."),
    "deposit": gettext_lazy("Your nonce is deposited. Nobody but the opener can read it."),
    "commit": gettext_lazy("The list is committed. The opener draws after the next checkpoint."),
}
NAMES = {"secretary": gettext_lazy("Secretary"), "witness": gettext_lazy("Witness")}
VOIDED = {
    "nonce_secretary": gettext_lazy("The secretary's nonce was not the one that was promised."),
    "nonce_witness": gettext_lazy("The witness's nonce was not the one that was promised."),
    "strata": gettext_lazy("The seats could not be filled."),
}


def steps(found: queries.Standing) -> list[dict[str, Any]]:
    """Strata, deposits, list, checkpoint, draw, invitations: where the newest round stands."""
    draw = found.draw
    labels = [
        _("Seats"),
        _("Deposits"),
        _("List committed"),
        _("Checkpoint"),
        _("Drawn"),
        _("Invitations"),
    ]
    at = 0
    if draw is not None and draw.state == DrawState.PREPARED:
        at = 2 if len(found.deposited) == len(NAMES) else 1
    elif draw is not None and draw.state == DrawState.COMMITTED:
        at = 4 if found.logged else 3
    elif draw is not None and draw.state == DrawState.DRAWN:
        waits = any(row.state == "waiting" for row in found.asked) or found.missing
        at = 5 if waits else 6
    elif draw is not None:
        at = 4
    void = draw is not None and draw.state == DrawState.VOID
    states = ["done" if n < at else "now" if n == at else "next" for n in range(len(labels))]
    if void:
        states[4] = "failed"
    return [{"label": text, "state": s} for text, s in zip(labels, states, strict=True)]


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def draw(request: Request, address: str) -> HttpResponse:
    """Office, witness and inspector follow it; everybody else reads the result once it is public."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    public = names_are_public(scenario)
    rows = Draw.objects.filter(scenario=scenario)
    seen = Draw.objects.visible_to(actor).filter(scenario=scenario)
    follows = can_prepare_draw(actor, scenario) or actor.is_office or seen.exists()
    if not follows and not (public and rows.exists()):
        raise Http404
    if follows and not public:
        require_confidentiality(actor)
    error = None
    if request.method == "POST":
        if not follows:
            raise Http404
        error = _moved(request, actor, scenario, seen)
        if error is None:
            return HttpResponseRedirect(reverse("draw", args=[scenario.address]))
    found = queries.standing(scenario)
    names = {row.code: term(row) for row in specialties()}
    newest = found.draw
    prepared = newest is not None and newest.state == DrawState.PREPARED
    kept_out = exclusions(actor, scenario) if follows else None
    if kept_out is not None:
        record_access(actor=actor, subject_uid=scenario.uid, what="draw.exclusions")
    context = {
        "scenario": scenario,
        "kept_out": kept_out,
        "follows": follows,
        "draw": newest,
        "steps": steps(found),
        "strata": [
            {**row, "name": names.get(row["code"], row["code"])}
            for row in (newest.strata if newest else [])
        ],
        "may_prepare": can_prepare_draw(actor, scenario) and found.may_prepare,
        "choices": _choices(request, newest, found, names),
        "wanted": sum(found.missing.values()),
        "rule_least": rules_of(scenario).count("panel_size_min") if scenario.profile else 0,
        "rule_odd": rules_of(scenario).says("panel_size_odd") if scenario.profile else False,
        "share": with_unit(rules_of(scenario).rule("panel_expert_share_min"))
        if scenario.profile and "panel_expert_share_min" in scenario.profile.values
        else "",
        "deposits": [
            {"name": text, "at": found.deposited.get(role)} for role, text in NAMES.items()
        ],
        "may_deposit": prepared
        and newest is not None
        and can_deposit_nonce(actor, newest)
        and str(actor.role) not in found.deposited,
        "role": str(actor.role),
        "recipient": settings.OPENER_RECIPIENT,
        "may_commit": prepared
        and newest is not None
        and can_commit_draw(actor, newest)
        and len(found.deposited) == len(NAMES),
        "waits_until": found.waits_until,
        "void": VOIDED.get(newest.void_reason) if newest else None,
        "asked": [
            {
                "row": row,
                "stratum": names.get(row.stratum, row.stratum),
                "label": STATES[row.state][0],
                "tone": STATES[row.state][1],
            }
            for row in found.asked
        ],
        "replays": [row for row in found.rounds if row.state == DrawState.DRAWN and public],
        "errors": [str(s) for row in error.errors.values() for s in row] if error else [],
    }
    return page(request, "committee/draw.html", context, error=error)


def _choices(
    request: Request, newest: Draw | None, found: queries.Standing, names: dict[str, str]
) -> list[dict[str, Any]]:
    """One line for each specialty with the seats that were typed, proposed, or are missing."""
    proposed = found.missing
    if newest is not None and newest.state == DrawState.PREPARED:
        proposed = {row["code"]: row["seats"] for row in newest.strata}
    return [
        {
            "code": code,
            "name": name,
            "seats": request.POST.get(f"seats-{code}") or proposed.get(code, ""),
        }
        for code, name in names.items()
    ]


def _moved(request: Request, actor: Actor, scenario: Scenario, seen: Any) -> DomainError | None:
    """Call the one action that the pressed button names."""
    do = request.POST.get("do", "")
    if do not in SAID:
        raise Http404
    if do == "prepare":
        _row, error = attempt(
            actions.prepare_draw, actor=actor, scenario_uid=scenario.uid, strata=_typed(request)
        )
    else:
        found = first_or_404(seen.filter(state=DrawState.PREPARED)) if seen.exists() else None
        if found is None:
            raise Http404
        if do == "commit":
            _row, error = attempt(actions.commit_draw, actor=actor, draw_uid=found.uid)
        else:
            _row, error = attempt(
                actions.deposit_nonce,
                actor=actor,
                draw_uid=found.uid,
                sealed=_bytes(request.POST.get("sealed", "")),
                nonce_hash=request.POST.get("nonce_hash", ""),
            )
    if error is None:
        messages.success(request, str(SAID[do]))
    return error


def _typed(request: Request) -> dict[str, int]:
    """{specialty: seats} of the fields that hold something; what is no number counts as none."""
    found = {}
    for name, text in request.POST.items():
        if name.startswith("seats-") and str(text).strip():
            found[name.removeprefix("seats-")] = typed_number(narrow(str(text))) or 0
    return {code: count for code, count in found.items() if count != 0 or len(found) == 1}


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


# -- An expert's invitation --------------------------------------------------------------------------
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: Request, uid: UUID) -> HttpResponse:
    """One tap to accept, recuse or have no time; the same page whatever was ticked."""
    actor = actor_of(request)
    rows = DrawInvitation.objects.visible_to(actor).filter(uid=uid)
    row = first_or_404(rows.select_related("draw__scenario__organisation"))
    scenario = row.draw.scenario
    error = None
    if request.method == "POST":
        _row, error = attempt(
            invitations.answer_invitation,
            actor=actor,
            invitation_uid=uid,
            answer=request.POST.get("answer", ""),
            ticked=[uid_or_404(raw) for raw in request.POST.getlist("ticked")],
            reason=request.POST.get("reason", "")[: invitations.REASON_MAX + 1],
        )
        if error is None:
            return HttpResponseRedirect(reverse("draw-invitation", args=[uid]))
        row = first_or_404(rows.select_related("draw__scenario__organisation"))
    context = {
        "scenario": scenario,
        "invitation": row,
        "now": clock.now(),
        "register": queries.register_of(scenario),
        "ticked": set(request.POST.getlist("ticked")),
        "reason": request.POST.get("reason", ""),
        "errors": [str(s) for told in error.errors.values() for s in told] if error else [],
    }
    return page(request, "committee/invitation.html", context, error=error)


@login_not_required
@require_safe
def replay_file(request: Request, uid: UUID) -> HttpResponse:
    """For verify_draw.py; there is none before the result is public."""
    row = first_or_404(Draw.objects.filter(uid=uid).select_related("scenario__profile"))
    found, _error = attempt(replay.public_replay, draw=row)
    response = JsonResponse(found, json_dumps_params={"ensure_ascii": False, "indent": 2})
    return attached(response, f"draw-{row.scenario.ref}-{row.round}.json")


urlpatterns = [
    path("scenarios/<str:address>/draw/", draw, name="draw"),
    path("draws/<uuid:uid>.json", replay_file, name="draw-replay"),
    path("draw-invitations/<uuid:uid>/", invitation, name="draw-invitation"),
]
