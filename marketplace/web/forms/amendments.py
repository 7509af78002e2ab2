from __future__ import annotations

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from marketplace.scenarios.amendments.models import REASON_MOST
from marketplace.scenarios.amendments.table import AMENDABLE
from marketplace.scenarios.content import ROWS
from marketplace.web.forms.scenarios import typed_data
from marketplace.web.forms.typed import TypedForm

FIELDS = [name for name in AMENDABLE if name not in ROWS]


class ReasonForm(TypedForm):
    reason = forms.CharField(
        label=_("Why it changes"),
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": REASON_MOST}),
        help_text=_("Everybody reads it beside the change."),
    )


def amended_data(post: QueryDict) -> dict[str, object]:
    """Of what was typed, what an amendment may change."""
    return {name: value for name, value in typed_data(post).items() if name in AMENDABLE}
