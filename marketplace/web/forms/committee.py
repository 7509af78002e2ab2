from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from marketplace.committee.models import CorrectionKind
from marketplace.committee.queries import Eligible
from marketplace.web.words import localized_pair


def choices(people: list[Eligible]) -> list[tuple[str, str]]:
    return [(str(person.user.uid), localized_pair(person.user, "name")[0]) for person in people]


class AppointForm(forms.Form):
    """Which experts of the pool; the table of the page draws the boxes."""

    experts = forms.MultipleChoiceField(
        label=_("Experts"), error_messages={"required": _("Choose the members of the panel.")}
    )

    def __init__(self, *args: Any, people: list[Eligible], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["experts"]).choices = choices(people)

    @property
    def ticked(self) -> set[str]:
        return set(cast(QueryDict, self.data).getlist("experts")) if self.is_bound else set()

    def given(self) -> dict[str, Any]:
        return {"expert_uids": [UUID(uid) for uid in self.cleaned_data["experts"]]}


class AddForm(forms.Form):
    expert = forms.ChoiceField(label=_("Expert"))

    def __init__(self, *args: Any, people: list[Eligible], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        free = [person for person in people if not person.excluded and not person.sits]
        cast(forms.ChoiceField, self.fields["expert"]).choices = [("", "—"), *choices(free)]

    def given(self) -> dict[str, Any]:
        return {"expert_uid": UUID(self.cleaned_data["expert"])}


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
    text = data.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
