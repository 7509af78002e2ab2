from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from marketplace.committee.fees.models import Basis
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


class WordForm(forms.Form):
    """Sign, or dissent with reasons. A provider's signature only where the route asks for one."""

    word = forms.ChoiceField(
        label=_("My word on this report"),
        choices=[
            ("signed", _("I have read the report and sign it.")),
            ("dissented", _("I do not agree with the result; my reasons are below.")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the two.")},
    )
    reason = forms.CharField(
        label=_("Dissenting opinion with its reasons"),
        help_text=_("Only with a dissent. It stands in the report under your code, as written."),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    signature = forms.CharField(
        label=_("Signature from the provider"),
        help_text=_("Base64, over the text to be signed."),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, data: Any = None, *, asks: bool) -> None:
        super().__init__(data)
        if not asks:
            del self.fields["signature"]

    def given(self) -> dict[str, Any]:
        return {
            "dissents": self.cleaned_data["word"] == "dissented",
            "reason": self.cleaned_data["reason"],
            "signature": self.cleaned_data.get("signature", ""),
        }


class FeeForm(forms.Form):
    basis = forms.ChoiceField(label=_("For what"), choices=Basis.choices)
    half_days = forms.IntegerField(
        label=_("Half days"),
        help_text=_("Two are a whole day. None where the member was recused after arriving."),
        required=False,
        min_value=0,
        max_value=60,
    )
    note = forms.CharField(
        label=_("Note"),
        help_text=_("A correction says why."),
        required=False,
        max_length=500,
    )

    def given(self) -> dict[str, Any]:
        return self.cleaned_data | {"half_days": self.cleaned_data["half_days"] or 0}


class ScanForm(forms.Form):
    file = forms.FileField(
        label=_("Scan of the signed and stamped report"),
        help_text=_("A scan or PDF, at most 10 MiB. Hold its SHA-256 against this page first."),
    )


class ScanCheckForm(forms.Form):
    accepted = forms.ChoiceField(
        label=_("What the scan shows"),
        choices=[
            ("yes", _("This report with this SHA-256, signed and stamped.")),
            ("no", _("Something else: it is sent back.")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the two.")},
    )
    words = forms.CharField(
        label=_("Remarks, or why you send it back"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
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
