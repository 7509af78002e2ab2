"""Pages of a demand that stands still and goes on, and of one that is listed anew."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from marketplace.base.errors import DomainError
from marketplace.scenarios import actions
from marketplace.scenarios.actions.relisting import PARTS_MOST
from marketplace.scenarios.rules import can_edit_scenario, can_suspend_scenario
from marketplace.scenarios.suspensions.actions import resume_scenario, suspend_scenario
from marketplace.web.forms.typed import TypedForm, offer
from marketplace.web.pages import (
    actor_of,
    attempt,
    forbid_unless,
    posted_or_404,
    show_refusal,
)
from marketplace.web.request import Request
from marketplace.web.scenarios import answer


class StandstillForm(TypedForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": 4000}),
        help_text=gettext_lazy("Everybody reads it."),
    )


class RelistForm(TypedForm):
    parts = forms.ChoiceField(
        label=gettext_lazy("List it anew"), widget=forms.RadioSelect, initial="1"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        split = [(str(n), _("Split into %(n)s parts") % {"n": n}) for n in range(2, PARTS_MOST + 1)]
        offer(self, "parts", [("1", _("As a whole, as another round")), *split])


def standstill(request: Request, address: str) -> HttpResponse:
    """Suspend it, or let it go on: one form, by how it stands."""
    scenario = posted_or_404(request, address)
    actor = actor_of(request)
    forbid_unless(can_suspend_scenario(actor, scenario))
    form, error = StandstillForm(), None
    if request.method == "POST":
        form = StandstillForm(request.POST)
        action = resume_scenario if request.POST.get("do") == "resume" else suspend_scenario
        _row, error = attempt(
            action,
            actor=actor,
            scenario_uid=scenario.uid,
            reason=request.POST.get("reason", ""),
        )
        if error is None:
            messages.success(request, _("Done, and written into the record."))
            return redirect("scenario", address=scenario.address)
        show_refusal(form, error)
    context = {"scenario": scenario, "form": form}
    return answer(request, "scenarios/standstill.html", context, error)


def relist(request: Request, address: str) -> HttpResponse:
    """What failed or was withdrawn, listed anew by its owner."""
    scenario = posted_or_404(request, address)
    actor = actor_of(request)
    forbid_unless(can_edit_scenario(actor, scenario))
    form = RelistForm()
    error: DomainError | None = None
    if request.method == "POST":
        form = RelistForm(request.POST)
        raw = request.POST.get("parts", "")
        made, error = attempt(
            actions.relist_scenario,
            actor=actor,
            scenario_uid=scenario.uid,
            parts=int(raw) if raw.isdecimal() and len(raw) < 3 else 0,
        )
        if error is None:
            said = ngettext(
                "%(n)s draft was made from it.", "%(n)s drafts were made from it.", len(made)
            )
            messages.success(request, said % {"n": len(made)})
            return redirect("scenario-edit", address=made[0].address)
        show_refusal(form, error)
    return answer(request, "scenarios/relist.html", {"scenario": scenario, "form": form}, error)


urlpatterns = [
    path("scenarios/<str:address>/standstill/", standstill, name="scenario-standstill"),
    path("scenarios/<str:address>/relist/", relist, name="scenario-relist"),
]
