"""The restricted parts as a page, asking to be released for them, and the owner's answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from marketplace.base.errors import DomainError, Invalid, NotFound
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.releases import actions
from marketplace.scenarios.releases.models import TEXT_MOST, ReleaseRequest
from marketplace.scenarios.releases.queries import refusal_to_ask, requests_of
from marketplace.scenarios.rules import can_ask_release, can_edit_scenario
from marketplace.scenarios.undertakings import UndertakingMissing
from marketplace.web.attachments import day_of, uid_of
from marketplace.web.forms.releases import AskReleaseForm, GrantForm, RefuseForm
from marketplace.web.forms.typed import offer
from marketplace.web.pages import (
    actor_of,
    attempt,
    forbid_unless,
    page,
    posted_or_404,
    show_refusal,
)
from marketplace.web.request import Request

FIELDS = {
    "pain": gettext_lazy("What hurts"),
    "need": gettext_lazy("What is wanted"),
    "deliverables": gettext_lazy("Deliverables"),
    "ip_terms": gettext_lazy("Ownership of results"),
    "data_terms": gettext_lazy("Data and confidentiality"),
}


@never_cache
@require_safe
def restricted(request: Request, address: str) -> HttpResponse:
    """The withheld texts, with whose look it is over them. Each look is recorded, a HEAD as well."""
    scenario = posted_or_404(request, address)
    try:
        look = actions.read_restricted(actor=actor_of(request), scenario_uid=scenario.uid)
    except NotFound as error:
        raise Http404 from error
    except UndertakingMissing as missing:
        return redirect("undertaking", address=scenario.address, uid=missing.row.uid)
    context = {
        "scenario": scenario,
        "row": look.attachment,
        "parts": [{"name": FIELDS[name], "text": text, "id": name} for name, text in look.texts],
        "lines": look.lines,
        "mark": " · ".join(look.lines),
        # Half-open: the day before its midnight is the last one.
        "last": look.until_at - timedelta(seconds=1) if look.until_at else None,
    }
    return page(request, "releases/restricted.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def requests(request: Request, address: str) -> HttpResponse:
    """A vendor asks here and sees what was said; the owner grants and refuses here."""
    scenario = posted_or_404(request, address)
    actor = actor_of(request)
    rows = list(requests_of(actor, scenario))
    files = actions.restricted_files(scenario)
    asks, answers = can_ask_release(actor, scenario), can_edit_scenario(actor, scenario)
    # Others have nothing to do here, and nothing to see.
    forbid_unless(asks or answers or bool(rows) or actor.is_office)
    asking, error, about = AskReleaseForm(), None, ""
    if request.method == "POST":
        about = request.POST.get("request", "")
        if about:
            error = _answer(request)
        else:
            asking = AskReleaseForm(request.POST)
            error = _ask(request, scenario)
        if error is None:
            return redirect("release-requests", address=scenario.address)
        if not about:
            show_refusal(asking, error)
    waiting = [row for row in rows if not hasattr(row, "answer")]
    context = {
        "scenario": scenario,
        "answers": answers,
        "lines": [
            line(row, files, answers=answers, request=request, error=error, about=about)
            for row in waiting
        ],
        "answered": [row for row in rows if hasattr(row, "answer")],
        "asking": asking if asks and not waiting else None,
        "why_not": _why_not(actor, scenario, files) if asks and not waiting else None,
        "files": files,
        "text_most": TEXT_MOST,
    }
    box = None if isinstance(error, Invalid) else error
    response = page(request, "releases/requests.html", context, error=box)
    response.status_code = error.status if error else 200
    return response


def _why_not(actor: Any, scenario: Scenario, files: list[Attachment]) -> DomainError | str | None:
    if not files:
        return _("Everybody may read all of this demand.")
    if not actions.unreleased(actor.party, files):
        return _("Your organisation may read the restricted parts already.")
    return refusal_to_ask(scenario)


def line(
    row: ReleaseRequest,
    files: list[Attachment],
    *,
    answers: bool,
    request: Request,
    error: DomainError | None,
    about: str,
) -> dict[str, Any]:
    """One that waits; to the owner with its two forms, what was typed into them included."""
    if not answers:
        return {"row": row}
    mine = about == str(row.uid)
    grants = mine and request.POST.get("do") == "grant"
    refuses = mine and request.POST.get("do") == "refuse"
    prefix = f"r{row.pk}"
    choices = [(str(one.uid), one.title) for one in files]
    usual = [code for code, _title in choices]
    grant = GrantForm(request.POST if grants else None, initial={"which": usual}, prefix=prefix)
    refuse = RefuseForm(request.POST if refuses else None, prefix=prefix)
    offer(grant, "which", choices)
    if error and (grants or refuses):
        show_refusal(grant if grants else refuse, error)
    return {"row": row, "grant": grant, "refuse": refuse, "opened": refuses}


def _ask(request: Request, scenario: Scenario) -> DomainError | None:
    _row, error = attempt(
        actions.ask_release,
        actor=actor_of(request),
        scenario_uid=scenario.uid,
        text=request.POST.get("text", ""),
    )
    if error is None:
        messages.success(request, _("The owner has your request, and you are told what it says."))
    return error


def _answer(request: Request) -> DomainError | None:
    post = request.POST
    uid = uid_of(post["request"])
    row = ReleaseRequest.objects.visible_to(actor_of(request)).filter(uid=uid).first()
    prefix = f"r{row.pk}-" if row else ""
    given = {"actor": actor_of(request), "request_uid": uid}
    if post.get("do") == "grant":
        _done, error = attempt(
            actions.grant_release,
            until_date=day_of(post.get(f"{prefix}until_date", "")),
            attachment_uids=[uid_of(raw) for raw in post.getlist(f"{prefix}which")] or [NO_FILE],
            **given,
        )
        done = _("The files are released to that vendor.")
    else:
        _done, error = attempt(
            actions.refuse_release, reason=post.get(f"{prefix}reason", ""), **given
        )
        done = _("The vendor is told that it was not released, and why.")
    if error is None:
        messages.success(request, done)
    return error


# Names nothing: without a choice nothing is released, rather than everything.
NO_FILE = uid_of("")


def ask_url(actor: Any, scenario: Scenario) -> str:
    """Where this reader asks for the restricted parts; "" for whom it is no way."""
    may = can_ask_release(actor, scenario) or can_edit_scenario(actor, scenario)
    return reverse("release-requests", args=[scenario.address]) if may else ""


urlpatterns = [
    path("scenarios/<str:address>/restricted/", restricted, name="scenario-restricted"),
    path("scenarios/<str:address>/release-requests/", requests, name="release-requests"),
]
