from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from marketplace.committee.models import CorrectionKind
from marketplace.web.pages import typed_number


class LookForm(forms.Form):
    """Why the office has to know names before the result."""

    reason = forms.CharField(label=_("Why the names are needed now"), max_length=200)


class RecuseForm(forms.Form):
    member = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason for the recusal"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def given(self) -> dict[str, Any]:
        return {
            "member_uid": self.cleaned_data["member"],
            "reason": self.cleaned_data["reason"],
        }


class DeclareForm(forms.Form):
    free = forms.ChoiceField(
        label=_("My declaration"),
        choices=[
            ("yes", _("None of these applies to me, and I keep confidential what I read here.")),
            ("no", _("One of these applies to me: I step back.")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the two.")},
    )
    reason = forms.CharField(
        label=_("What applies"),
        help_text=_("Only if you step back. The office reads it; it is not published."),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class CorrectionForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("Why it changes"),
        choices=CorrectionKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Name one of the four reasons.")},
    )
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("It stands in the report beside the old and the new points."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


def typed_scores(data: QueryDict, codes: list[str]) -> dict[str, tuple[str, str, bool]]:
    """{criterion code: (points, comment, veto)} of the criteria that this request carries."""
    return {
        code: (
            data.get(f"points-{code}", ""),
            data.get(f"comment-{code}", ""),
            bool(data.get(f"veto-{code}")),
        )
        for code in codes
        if f"points-{code}" in data
    }


def typed_revision(data: QueryDict) -> int:
    """The revision that the page was filled from; 0, which is never current, if it is no number."""
    return typed_number(data.get("revision")) or 0
