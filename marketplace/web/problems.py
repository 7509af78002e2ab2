"""Everything that is wrong with a form or a formset, in the order of its fields."""

from __future__ import annotations

from typing import TypedDict

from django.forms import BaseForm, BaseFormSet


class Problem(TypedDict):
    anchor: str  # id of the control, empty where the whole form is meant
    label: str
    text: str


def problems_of(form: BaseForm | BaseFormSet) -> list[Problem]:
    if not form.is_bound:
        return []
    return of_formset(form) if isinstance(form, BaseFormSet) else of_form(form)


def of_form(form: BaseForm) -> list[Problem]:
    found: list[Problem] = [
        {"anchor": "", "label": "", "text": str(error)} for error in form.non_field_errors()
    ]
    for bound in form:
        anchor = bound.id_for_label or bound.auto_id or bound.html_name
        label = str(bound.label).rstrip(".。")
        found += [{"anchor": anchor, "label": label, "text": str(e)} for e in bound.errors]
    return found


def of_formset(formset: BaseFormSet) -> list[Problem]:
    """Rows are told apart by their number before the label, from 1; all of them by a label."""
    label = str(getattr(formset, "label", ""))
    anchor = f"part-{formset.prefix}" if label else ""
    found: list[Problem] = [
        {"anchor": anchor, "label": label, "text": str(error)}
        for error in formset.non_form_errors()
    ]
    for place, row in enumerate(formset.forms, start=1):
        for problem in of_form(row):
            label = f"{place} · {problem['label']}".rstrip(" ·")
            found.append({**problem, "label": label})
    return found
