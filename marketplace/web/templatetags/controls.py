"""Fields of a form, and all its errors at once."""

from __future__ import annotations

from typing import Any

from django import template
from django.forms import BaseForm, BaseFormSet, BoundField, NumberInput

from marketplace.web.problems import problems_of
from marketplace.web.words import (
    marked_choices,
)

register = template.Library()


CONTROL_CLASSES = {
    "checkbox": "form-check-input",
    "select": "form-select",
    "selectmultiple": "form-select",
    "radioselect": "",
    "checkboxselectmultiple": "",
}


@register.inclusion_tag("components/_field.html")
def field(bound: BoundField, unit: str = "", label: str = "", **attrs: Any) -> dict[str, Any]:
    """Label, help, errors and control of one form field, tied together for screen readers.

    unit stands behind the control; further keywords become attributes (rows=3, with _ for -).
    """
    widget = bound.field.widget
    kind = bound.widget_type
    group = bool(widget.use_fieldset) and kind in {"radioselect", "checkboxselectmultiple"}
    base = bound.id_for_label or bound.auto_id or bound.html_name
    described = [f"{base}_help"] if bound.help_text else []
    described += [f"{base}_error"] if bound.errors else []
    extra = {name.replace("_", "-"): value for name, value in attrs.items()}
    classes = [CONTROL_CLASSES.get(kind, "form-control"), widget.attrs.get("class", "")]
    extra["class"] = " ".join(filter(None, classes)) or None
    if bound.errors:
        extra["aria-invalid"] = "true"
    if isinstance(widget, NumberInput):
        # A browser drops what it cannot read as a number; a form keeps what was typed.
        widget.input_type = "text"
        extra.setdefault("inputmode", "decimal")
    if described and not group:
        extra["aria-describedby"] = " ".join(described)
    return {
        "bound": bound,
        "control": marked_choices(
            bound.as_widget(attrs={k: v for k, v in extra.items() if v is not None})
        ),
        "label": label or bound.label,
        "anchor": base,
        "group": group,
        "described": " ".join(described),
        "checkbox": kind == "checkbox",
        "optional": not bound.field.required and kind != "checkbox",
        "unit": unit,
        "note": note.told() if (note := getattr(bound.field, "note", None)) else None,
    }


@register.inclusion_tag("components/_error_summary.html")
def error_summary(*forms: BaseForm | BaseFormSet | None) -> dict[str, Any]:
    """Everything to correct, at once, each with a link to its field; forms and formsets."""
    return {"problems": [p for form in forms if form for p in problems_of(form)]}
