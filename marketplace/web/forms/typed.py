"""Forms that only keep and show what was typed; the action alone judges it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseFormSet
from django.forms.utils import ErrorDict
from django.utils.translation import gettext_lazy as _

# Beside the fields whose text is shown as prose.
MARKS = _(
    "A line of its own for each “- point” or “1. step”, **bold** for what matters, an empty line "
    "between paragraphs."
)


class TypedForm(forms.Form):
    """`required` marks a field for the reader; nothing is refused here."""

    use_required_attribute = False

    def full_clean(self) -> None:
        self._errors = ErrorDict(renderer=self.renderer)
        self.cleaned_data: dict[str, Any] = {}


class TypedRows(BaseFormSet):
    """Rows of typed forms; `faults` are the sentences about the rows as a whole.

    With a `label`, the error summary names the rows by it and leads to `part-<prefix>`.
    """

    label: Any = ""

    def __init__(self, *args: Any, faults: Iterable[Any] = (), **kwargs: Any) -> None:
        self.faults = [str(sentence) for sentence in faults]
        super().__init__(*args, **kwargs)

    def clean(self) -> None:
        if self.faults:
            raise ValidationError(self.faults)


def offer(form: forms.Form, name: str, choices: Iterable[tuple[str, Any]]) -> None:
    """Set what a field of choices offers on this form."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField), f"{name} offers nothing"
    field.choices = list(choices)


def put_errors(
    form: forms.Form, rows: Mapping[str, BaseFormSet], errors: Mapping[str, list[Any]]
) -> None:
    """Put each sentence beside its field: "title", or "metrics-0-value" into its row.

    What names no field of the page goes to the top of it. Sentences about a part as a whole are
    given to the formset when it is made.
    """
    places = {
        f"{part}-{number}-{name}": (row, name)
        for part, formset in rows.items()
        for number, row in enumerate(formset.forms)
        for name in row.fields
    }
    for field, sentences in errors.items():
        if field in rows:
            continue
        target, name = places.get(field, (form, field if field in form.fields else None))
        for sentence in sentences:
            target.add_error(name, str(sentence))
