from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.scenarios.likeness.models import REASON_MOST, Verdict
from marketplace.web.forms.typed import TypedForm, offer


class LikenessForm(TypedForm):
    """One for each demand that is much alike; `prefix` is that one's uid."""

    verdict = forms.ChoiceField(label=_("What it is"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("Where it differs"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": REASON_MOST}),
        help_text=_("For the office: what that demand leaves open, or why it is asked again."),
    )

    def __init__(self, *args: Any, same: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(code), label) for code, label in Verdict.choices]
        offer(self, "verdict", choices if same else choices[:1])
        reason = self.fields["reason"]
        reason.required = not same
        if same:
            reason.help_text = _("Needed where it is different; the office reads it.")
