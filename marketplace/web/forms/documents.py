"""Forms of the five documents: one per kind, from what the kind asks for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.scenarios.documents.kinds import FORMS
from marketplace.web.forms.typed import TypedForm


class DocumentForm(TypedForm):
    """`kind` decides the fields; the prefix is the kind, so that several stand on one page."""

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "prefix": kind})
        self.label_suffix = ""
        asked = FORMS[kind]
        for code, sentence in asked.statements.items():
            self.fields[code] = forms.BooleanField(label=str(sentence))
        if asked.amount:
            self.fields["amount_cny"] = forms.DecimalField(label=_("Amount committed"))
        if asked.numbered:
            self.fields["number"] = forms.CharField(
                label=_("Number of the document"),
                required=not asked.or_file,
                help_text=_("Or add the document itself below.") if asked.or_file else "",
            )
        self.fields["words"] = forms.CharField(
            label=_("Remarks"), required=False, widget=forms.Textarea(attrs={"rows": 2})
        )
        self.fields["file"] = forms.FileField(
            label=_("The document itself"),
            required=False,
            help_text=_(
                "A scan or PDF where there is one, at most 10 MiB. It is kept by its hash."
            ),
        )
        self.statements = list(asked.statements)

    @property
    def bound_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields]


class CheckForm(TypedForm):
    words = forms.CharField(
        label=_("Remarks, or why you send it back"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
