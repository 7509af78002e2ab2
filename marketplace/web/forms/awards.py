from __future__ import annotations

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.awards.queries import Candidate


class ChooseForm(forms.Form):
    """The owner's choice; the page draws the candidates side by side."""

    bid = forms.UUIDField(
        label=_("Candidate"),
        widget=forms.HiddenInput,
        error_messages={"required": _("Choose one of the candidates.")},
    )
    reason = forms.CharField(
        label=_("Reasons"),
        help_text=_("Needed if you choose another than the first. They are kept with the award."),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class MinutesForm(forms.Form):
    """A collective decision, entered by an officer."""

    bid = forms.ChoiceField(label=_("Winner"))
    minutes_number = forms.CharField(
        label=_("Number of the minutes"),
        help_text=_("Without it there is no publicity."),
        max_length=80,
    )
    reason = forms.CharField(
        label=_("Remarks"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, candidates: list[Candidate], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["bid"]).choices = [
            (str(c.bid.uid), f"{c.ranking.place} · {c.bid.organisation.name}") for c in candidates
        ]


class RefuseForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3})
    )


class NobodyForm(forms.Form):
    """Taking none of the candidates."""

    reason = forms.CharField(
        label=_("Reasons"),
        help_text=_("At least 20 characters. They are kept with the demand."),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
