from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation
from marketplace.base.actor import Actor
from marketplace.scenarios.models import Scenario
from marketplace.supervision.actions.approaches import WHAT_MOST, WHO_MOST
from marketplace.supervision.actions.inspections import (
    NAMES_SUBJECTS,
    NUMBER_MOST,
    REASON_MOST,
    SUBJECTS_MOST,
)
from marketplace.supervision.actions.tips import TIP_MOST
from marketplace.supervision.models import Scope

INSTANT = {"type": "datetime-local", "step": "1"}


def demand_uid(text: str) -> UUID | None:
    """By reference, or by uid where it has none yet."""
    try:
        lookup: dict[str, Any] = {"uid": UUID(text)}
    except ValueError:
        lookup = {"ref": text.upper()}
    return Scenario.objects.filter(**lookup).values_list("uid", flat=True).first()


class InspectionForm(forms.Form):
    number = forms.CharField(label=_("Document number"), max_length=NUMBER_MOST)
    scope = forms.ChoiceField(label=_("What it opens"), choices=Scope.choices)
    subjects = forms.CharField(
        label=_("Which ones"),
        help_text=_(
            "One a line: demands by reference (or by their long number before publication), "
            "organisations by their unified social credit code."
        ),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    drafts = forms.BooleanField(
        label=_("Also drafts that their owners have not filed"), required=False
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=REASON_MOST, widget=forms.Textarea(attrs={"rows": 4})
    )
    from_at = forms.DateTimeField(
        label=_("From"),
        help_text=_("Beijing time; empty means at once."),
        required=False,
        widget=forms.TextInput(attrs=INSTANT),
    )
    until_at = forms.DateTimeField(
        label=_("Until"), help_text=_("Beijing time."), widget=forms.TextInput(attrs=INSTANT)
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        named = list(dict.fromkeys(str(given.get("subjects") or "").split()))
        scope = given.get("scope")
        if scope not in NAMES_SUBJECTS or "subjects" in self.errors:
            named = []
        if len(named) > SUBJECTS_MOST:
            sentence = gettext("Name at least one and at most %(most)s.") % {"most": SUBJECTS_MOST}
            raise ValidationError({"subjects": sentence})
        find = demand_uid if scope == Scope.SCENARIOS else organisation_uid
        found = {name: find(name) for name in named}
        unknown = [name for name, uid in found.items() if uid is None]
        if unknown:
            sentence = gettext("Not found: %(names)s.") % {"names": " ".join(unknown)}
            raise ValidationError({"subjects": sentence})
        return given | {"subject_uids": list(found.values())}

    def given(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "subjects"}


def organisation_uid(uscc: str) -> UUID | None:
    rows = Organisation.objects.filter(uscc=uscc.upper())
    return rows.values_list("uid", flat=True).first()


class ApproachForm(forms.Form):
    who = forms.CharField(
        label=_("Who approached you"),
        help_text=_("Name, office and in whose interest, as far as you know."),
        max_length=WHO_MOST,
    )
    happened_at = forms.DateTimeField(
        label=_("When"), help_text=_("Beijing time."), widget=forms.TextInput(attrs=INSTANT)
    )
    demand = forms.CharField(
        label=_("About which demand"),
        help_text=_("Its reference, such as LG-2026-0001; empty if about none."),
        required=False,
        max_length=40,
    )
    what = forms.CharField(
        label=_("What was said or offered"),
        max_length=WHAT_MOST,
        widget=forms.Textarea(attrs={"rows": 6}),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor

    def clean_demand(self) -> UUID | None:
        text = self.cleaned_data["demand"].strip()
        uid = demand_uid(text) if text else None
        seen = Scenario.objects.visible_to(self.actor)
        if text and (uid is None or not seen.filter(uid=uid).exists()):
            raise ValidationError(gettext("Not found: %(names)s.") % {"names": text})
        return uid

    def given(self) -> dict[str, Any]:
        values = dict(self.cleaned_data)
        values["scenario_uid"] = values.pop("demand")
        return values


class TipForm(forms.Form):
    text = forms.CharField(
        label=_("Your tip"),
        help_text=_(
            "Who, what, when, how you know, and where it can be checked. Leave out what gives "
            "you away."
        ),
        max_length=TIP_MOST,
        widget=forms.Textarea(attrs={"rows": 10, "autocomplete": "off"}),
    )


class LookUpForm(forms.Form):
    number = forms.CharField(
        label=_("Tip number"), max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    secret = forms.CharField(
        label=_("Secret"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class AnswerForm(forms.Form):
    text = forms.CharField(
        label=_("Answer"), max_length=TIP_MOST, widget=forms.Textarea(attrs={"rows": 5})
    )
