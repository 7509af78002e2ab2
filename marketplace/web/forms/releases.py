from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.scenarios.releases.models import TEXT_MOST
from marketplace.web.forms.typed import TypedForm


class AskReleaseForm(TypedForm):
    text = forms.CharField(
        label=_("Why your organisation wants to read them"),
        help_text=_(
            "One or two sentences: the owner reads them with your organisation's name and yours."
        ),
        max_length=TEXT_MOST,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class GrantForm(TypedForm):
    until_date = forms.CharField(
        label=_("Until the end of"),
        help_text=_("A day in Beijing, within a year."),
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    which = forms.MultipleChoiceField(label=_("Which files"), widget=forms.CheckboxSelectMultiple)


class RefuseForm(TypedForm):
    reason = forms.CharField(
        label=_("Why not"),
        help_text=_("The vendor reads this."),
        max_length=TEXT_MOST,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
