"""Keys are lost: one officer declares that an opening can never happen, another agrees."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from marketplace.base import clock
from marketplace.base.errors import DomainError
from marketplace.bidding.failed import actions
from marketplace.bidding.failed.models import (
    NUMBER_MOST,
    REASON_MOST,
    FailureCause,
    FailureState,
)
from marketplace.bidding.failed.queries import announced_holders, failures, waits_until
from marketplace.bidding.models import OVER, Opening
from marketplace.bidding.rules import can_decide_failed_opening, can_declare_failed_opening
from marketplace.files.limits import FILE_LIMIT
from marketplace.scenarios.models import Scenario
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

DECISIONS = {
    "confirm": actions.confirm_failed_opening,
    "dismiss": actions.dismiss_failed_opening,
}


class FailureForm(forms.Form):
    cause = forms.ChoiceField(
        label=gettext_lazy("What was lost"), choices=FailureCause.choices, widget=forms.RadioSelect
    )
    lost = forms.MultipleChoiceField(
        label=gettext_lazy("Holders whose keys are lost"),
        help_text=gettext_lazy("Only where key holders have lost their keys."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    reason = forms.CharField(
        label=gettext_lazy("What happened and what was tried"),
        help_text=gettext_lazy("Those who took part in the opening read it once it is confirmed."),
        max_length=REASON_MOST,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    evidence_number = forms.CharField(
        label=gettext_lazy("Number of the document that shows it"), max_length=NUMBER_MOST
    )
    evidence = forms.FileField(
        label=gettext_lazy("The document"),
        help_text=gettext_lazy("Its SHA-256 is kept; the document stays in your own files."),
    )

    def __init__(self, *args: Any, holders: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        field = self.fields["lost"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = holders

    def clean_evidence(self) -> Any:
        given = self.cleaned_data["evidence"]
        if given.size > FILE_LIMIT:
            raise forms.ValidationError(_("At most 10 MiB."))
        return given

    def given(self) -> dict[str, Any]:
        """What the action takes: of the document its hash alone."""
        data = self.cleaned_data
        sha256 = hashlib.file_digest(data["evidence"], "sha256").hexdigest()
        names = ("cause", "reason", "evidence_number")
        lost = [UUID(uid) for uid in data["lost"]]
        return {name: data[name] for name in names} | {"lost": lost, "evidence_sha256": sha256}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@fresh_proof
def opening_failure(request: Request, address: str, stage: str) -> HttpResponse:
    """For the office. One deed a post: declare, confirm or dismiss."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    if not actor.is_office:
        raise Http404
    rows = Opening.objects.visible_to(actor).filter(scenario=scenario, stage=stage)
    opening = first_or_404(rows.select_related("scenario__profile"))
    if request.method != "POST":
        return failure_page(request, scenario, opening)
    decide = DECISIONS.get(request.POST.get("do", ""))
    if decide is None:
        return declare(request, scenario, opening)
    try:
        uid = UUID(request.POST.get("failure", ""))
    except ValueError as error:
        raise Http404 from error
    row, refusal = attempt(decide, actor=actor, failure_uid=uid)
    if refusal:
        return failure_page(request, scenario, opening, error=refusal)
    said = {
        FailureState.CONFIRMED: _("The demand has failed; everybody who took part is told."),
        FailureState.DISMISSED: _("Dismissed. The opening waits on."),
    }
    messages.success(request, said[row.state])
    return redirect("opening", scenario.address)


def declare(request: Request, scenario: Scenario, opening: Opening) -> HttpResponse:
    form = form_of(opening, request)
    if not form.is_valid():
        response = failure_page(request, scenario, opening, form=form)
        response.status_code = 422
        return response
    _row, refusal = attempt(
        actions.declare_failed_opening,
        actor=actor_of(request),
        opening_uid=opening.uid,
        **form.given(),
    )
    if refusal:
        show_refusal(form, refusal)
        return failure_page(request, scenario, opening, form=form, error=refusal)
    messages.success(request, _("Declared. A second officer now decides."))
    return redirect("opening-failure", scenario.address, opening.stage)


def form_of(opening: Opening, request: Request | None = None) -> FailureForm:
    holders = [(str(user.uid), user.name) for user in announced_holders(opening.scenario)]
    if request is None:
        return FailureForm(holders=holders)
    return FailureForm(request.POST, request.FILES, holders=holders)


def failure_page(
    request: Request,
    scenario: Scenario,
    opening: Opening,
    *,
    form: FailureForm | None = None,
    error: DomainError | None = None,
) -> HttpResponse:
    actor = actor_of(request)
    rows = failures(actor, opening)
    names = {user.uid: user for user in announced_holders(scenario)}
    until = waits_until(opening)
    waiting = [row for row in rows if row.state == FailureState.DECLARED]
    open_ = opening.state not in OVER
    may = can_declare_failed_opening(actor, scenario) and open_ and not waiting
    context = {
        "scenario": scenario,
        "opening": opening,
        "lines": [
            {
                "row": row,
                "lost": [names[uid] for uid in row.lost if uid in names],
                "hidden": {"do": "confirm", "failure": row.uid},
                "may_decide": row in waiting and can_decide_failed_opening(actor, row),
            }
            for row in rows
        ],
        "until": until if clock.now() < until else None,
        "form": (form or form_of(opening)) if may else None,
        "consequences": [
            _("The demand fails, for everybody to read, with the cause."),
            _("Every bid that stands is void, by no bidder's fault; it stays sealed."),
            _("It cannot be taken back: the opener refuses this opening for good."),
        ],
    }
    return page(request, "bidding/opening_failure.html", context, error=error)


urlpatterns = [
    path(
        "scenarios/<str:address>/opening/<str:stage>/failure/",
        opening_failure,
        name="opening-failure",
    )
]
