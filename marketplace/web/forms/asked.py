"""The questions of the form to download, from the same fields as the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils import translation
from django.utils.translation import gettext as _

from marketplace.base.languages import either
from marketplace.scenarios.content import TAGS, TERMS
from marketplace.scenarios.drafting.notes import field_notes
from marketplace.scenarios.drafting.sheet import Form, Question, choice_key
from marketplace.scenarios.reference import Term
from marketplace.web.forms.scenarios import PART_TITLES, PARTS, DemandForm


def _all() -> Iterator[tuple[str, Any]]:
    """Every field of the form, by its code."""
    yield from DemandForm().fields.items()
    for part, form in PARTS.items():
        for name, field in form.base_fields.items():
            yield f"{part}.{name}", field


def _kind(field: Any) -> str:
    if isinstance(field, forms.MultipleChoiceField):
        return "several"
    if isinstance(field, forms.ChoiceField):
        return "choice"
    return "flag" if isinstance(field, forms.BooleanField) else "text"


def kinds() -> dict[str, str]:
    return {code: _kind(field) for code, field in _all()}


def choices_read() -> dict[str, dict[str, str]]:
    """{field: {words of either language or the code: code}}."""
    found: dict[str, dict[str, str]] = {}
    for language in ("zh-hans", "en"):
        with translation.override(language):
            for code, field in _all():
                if _kind(field) in ("choice", "several"):
                    words = found.setdefault(code, {})
                    for value, label in field.choices:
                        if value:
                            words[choice_key(str(label))] = words[choice_key(str(value))] = value
    named = {**TERMS, **TAGS}
    rows = Term.objects.filter(vocabulary__in=set(named.values()))
    for name, vocabulary in named.items():
        for term in rows:
            if term.vocabulary == vocabulary:
                for words_of in (term.name_zh, term.name_en):
                    found[name][choice_key(words_of)] = term.code
    return found


def spoken() -> dict[str, dict[str, str]]:
    """{field: {what is sent: its words in the language of the moment}}, where they differ."""
    named = {**TERMS, **TAGS}
    terms: dict[str, dict[str, str]] = {}
    for row in Term.objects.filter(vocabulary__in=set(named.values())):
        terms.setdefault(row.vocabulary, {})[row.code] = either(row.name_zh, row.name_en)
    found: dict[str, dict[str, str]] = {}
    for code, field in _all():
        kind = _kind(field)
        if code in named:
            found[code] = terms.get(named[code], {})
        elif kind == "flag":
            found[code] = {"on": _("yes")}
        elif kind in ("choice", "several"):
            found[code] = {str(value): str(label) for value, label in field.choices if value}
    return found


def layout() -> Form:
    """The form in the language of the moment."""
    asked: list[Question] = []
    parts: dict[str, list[Question]] = {part: [] for part in PARTS}
    for code, field in _all():
        told, example = field_notes()[code].told()
        kind = _kind(field)
        words: tuple[str, ...] = (_("yes"), _("no")) if kind == "flag" else ()
        if kind in ("choice", "several"):
            words = tuple(str(label) for value, label in field.choices if value)
        question = Question(code, str(field.label), told, example, kind, words)
        part = code.partition(".")[0]
        (parts[part] if "." in code else asked).append(question)
    return Form(
        title=_("Demand"),
        intro=_(
            "Fill in the second column, and the rows below each table. Leave the words in brackets"
            " as they are: by them the form is read back. No macros and no formulas."
        ),
        heads=(_("Field"), _("Filled in"), _("Help"), _("For example")),
        fields=asked,
        parts=[(part, str(PART_TITLES[part]), parts[part]) for part in PARTS],
    )
