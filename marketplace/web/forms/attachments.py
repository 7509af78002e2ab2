from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation
from marketplace.scenarios.attachments import Access
from marketplace.web.forms.typed import TypedForm, offer


class AttachmentForm(TypedForm):
    title = forms.CharField(
        label=_("What it is called on the page"),
        required=False,
        max_length=120,
        help_text=_("The file's name where you leave this empty."),
    )
    access = forms.ChoiceField(
        label=_("Who may read it"),
        widget=forms.RadioSelect,
        choices=[
            (Access.PUBLIC, _("Everybody, once the demand is published")),
            (Access.RESTRICTED, _("You, the office, and the vendors to whom you release it")),
        ],
    )
    upload = forms.CharField(widget=forms.HiddenInput, required=False)


class ReleaseForm(TypedForm):
    organisation = forms.ChoiceField(label=_("Vendor"))
    until_date = forms.CharField(
        label=_("Until the end of"),
        help_text=_("A day in Beijing, within a year."),
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, *args: Any, vendors: Iterable[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        offer(
            self,
            "organisation",
            [("", _("Choose a vendor"))] + [(str(row.uid), row.name) for row in vendors],
        )
