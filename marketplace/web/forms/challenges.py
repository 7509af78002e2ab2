"""Forms of challenges to members: filing, hearing, recording what was redone."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.awards.challenges.actions import TEXT_MOST
from marketplace.awards.challenges.models import RedoStep

WORDS = forms.Textarea(attrs={"rows": 4})


class FileForm(forms.Form):
    member_uid = forms.ChoiceField(label=_("Member"))
    reason = forms.CharField(
        label=_("Reasons"),
        help_text=_("Facts and what they rest on, in at least 20 characters. The office reads it."),
        max_length=TEXT_MOST,
        widget=WORDS,
    )

    def __init__(self, *args: Any, members: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["member_uid"]).choices = members


class AdmitForm(forms.Form):
    admissible = forms.ChoiceField(
        label=_("Is it taken up?"),
        choices=[("yes", _("Admitted")), ("no", _("Not admitted"))],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=_("Reasons"),
        help_text=_("Needed where it is not admitted; the bidder reads them."),
        required=False,
        max_length=TEXT_MOST,
        widget=WORDS,
    )

    def given(self) -> dict[str, Any]:
        return {**self.cleaned_data, "admissible": self.cleaned_data["admissible"] == "yes"}


class RuleForm(forms.Form):
    upheld = forms.ChoiceField(
        label=_("Ruling"),
        choices=[("no", _("The challenge is rejected")), ("yes", _("The challenge is upheld"))],
        widget=forms.RadioSelect,
    )
    redo_step = forms.ChoiceField(
        label=_("If upheld: what is to be redone"),
        choices=[("", "—"), *RedoStep.choices],
        required=False,
    )
    reason = forms.CharField(label=_("Reasons"), max_length=TEXT_MOST, widget=WORDS)

    def given(self) -> dict[str, Any]:
        return {**self.cleaned_data, "upheld": self.cleaned_data["upheld"] == "yes"}


class RedoForm(forms.Form):
    document = forms.CharField(label=_("Number of the document"), max_length=80)
    result = forms.CharField(
        label=_("What was redone, and what came of it"), max_length=TEXT_MOST, widget=WORDS
    )
    ranking_holds = forms.ChoiceField(
        label=_("Does the ranking hold?"),
        choices=[
            ("yes", _("It holds: the award may be confirmed")),
            ("no", _("It does not: the decision is annulled and the listing fails")),
        ],
        widget=forms.RadioSelect,
    )

    def given(self) -> dict[str, Any]:
        return {**self.cleaned_data, "ranking_holds": self.cleaned_data["ranking_holds"] == "yes"}
