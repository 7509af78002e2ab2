from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from marketplace.accounts.tokens.models import NAME_LENGTH, USUAL_DAYS, Scope
from marketplace.base.actor import Actor
from marketplace.scenarios.models import Scenario
from marketplace.web.pages import address_lookup

DAYS = (7, 30, 90, 180, 366)


def days_choices() -> list[tuple[int, str]]:
    return [(days, ngettext("%(n)d day", "%(n)d days", days) % {"n": days}) for days in DAYS]


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_("What it is for, so that you know it again: the program, the computer."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may be used for"),
        choices=Scope.choices,
        initial=[Scope.READ],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one of the listed purposes.")},
    )
    days = forms.TypedChoiceField(
        label=_("Holds for"), coerce=int, choices=days_choices, initial=USUAL_DAYS
    )
    demand = forms.CharField(
        label=_("Only for this demand"),
        required=False,
        max_length=64,
        help_text=_("Its number, such as LG-2026-0042. Empty: for all that you may see."),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor

    def clean_demand(self) -> Scenario | None:
        typed = self.cleaned_data["demand"].strip()
        if not typed:
            return None
        seen = Scenario.objects.visible_to(self.actor)
        found: Scenario | None = seen.filter(**address_lookup(typed)).first()
        if found is None:
            raise forms.ValidationError(_("There is no such demand, or you may not see it."))
        return found

    def given(self) -> dict[str, Any]:
        said = self.cleaned_data
        demand = said["demand"]
        return {
            "name": said["name"],
            "scopes": said["scopes"],
            "days": said["days"],
            "scenario_uid": demand.uid if demand else None,
        }
