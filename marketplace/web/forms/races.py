from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class ShortlistForm(forms.Form):
    """How many enter; who they are follows from the ranking."""

    entrants = forms.IntegerField(
        label=_("How many enter"), help_text=_("The first of the ranking, never fewer than two.")
    )
    reason = forms.CharField(
        label=_("Reasons"),
        help_text=_("Needed if fewer than may enter; at least 20 characters."),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    minutes_number = forms.CharField(
        label=_("Number of the minutes"),
        help_text=_("Without it there is no publicity."),
        required=False,
        max_length=80,
    )


class DeclineForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3})
    )
