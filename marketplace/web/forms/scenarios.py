"""The form of a demand: all its fields in parts, rows to add and remove, and the office's forms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.forms import formset_factory
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from marketplace.base.canonical import digest
from marketplace.base.clock import SHANGHAI
from marketplace.scenarios.content import RESTRICTABLE, TAGS, TERMS, Content, is_blank
from marketplace.scenarios.drafting.notes import field_notes
from marketplace.scenarios.models import CriterionKind, Operator, OrganisingMode
from marketplace.scenarios.queries import newest_profiles
from marketplace.scenarios.reference import AwardMode, Term
from marketplace.web.forms.typed import MARKS, TypedForm, TypedRows, offer
from marketplace.web.templatetags.jiebang import term as term_name

ROWS_SHOWN_MOST = 60
LEVEL = re.compile(r"^\s*([^\s|:：]+)[\s|:：]+(.+)$")
NUMERIC = {"inputmode": "decimal", "autocomplete": "off"}
# What takes any number of values.
LISTS = (*TAGS, "restricted_fields")
LINES = forms.Textarea(attrs={"rows": 4})


def line(label: Any, *, required: bool = False, note: Any = "", **attrs: Any) -> forms.CharField:
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(label=label, required=required, help_text=note, widget=widget)


def lines(label: Any, *, required: bool = False, note: Any = "", rows: int = 4) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, required=required, help_text=note, widget=widget)


def figure(label: Any, *, required: bool = False, note: Any = "") -> forms.CharField:
    return line(label, required=required, note=note, **NUMERIC)


def choice(
    label: Any, choices: Iterable[tuple[str, Any]] = (), *, required: bool = False, note: Any = ""
) -> forms.ChoiceField:
    offered = [("", "—"), *choices]
    return forms.ChoiceField(label=label, choices=offered, required=required, help_text=note)


class DemandForm(TypedForm):
    title = line(_("Title"), required=True)
    title_en = line(_("English title"))
    summary = lines(
        _("Public summary"),
        required=True,
        note=_("Everybody reads this. No weak points, addresses, topology or asset lists."),
    )
    summary_en = lines(_("English summary"))
    pain = lines(_("What hurts"), required=True, note=MARKS, rows=6)
    need = lines(_("What is wanted"), required=True, note=MARKS, rows=8)
    deliverables = lines(_("Deliverables"), required=True, note=MARKS)
    domain = choice(_("Domain"), required=True)
    area = choice(_("Area"), required=True)
    carrier = choice(_("Carrier"))
    focus = choice(_("Focus"))
    technologies = forms.MultipleChoiceField(
        label=_("Technologies"), required=False, widget=forms.CheckboxSelectMultiple
    )
    platforms = forms.MultipleChoiceField(
        label=_("Linked programmes and platforms"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    profile = choice(
        _("Rule profile"),
        required=True,
        note=_("It sets windows, panel and shares, and is frozen at publication."),
    )
    award_mode = choice(_("Who awards"), AwardMode.choices[:2], required=True)
    pass_line_percent = figure(
        _("Pass line"), note=_("Only if it is to be stricter than that of the profile.")
    )
    organising_mode = choice(_("Organising mode"), OrganisingMode.choices, required=True)
    race_entrants = figure(_("Entrants of the race"), note=_("2 to 5; only for a race."))
    budget_cny = figure(_("Challenge budget"), required=True)
    funding = choice(_("Source of funds"), required=True)
    duration_months = figure(_("Duration"), required=True)
    deadline_at = forms.CharField(
        label=_("Deadline for bids"),
        required=False,
        help_text=_("Beijing time. The office may set it at publication."),
        widget=forms.TextInput(attrs={"type": "datetime-local", "step": "1"}),
    )
    consortium_allowed = forms.BooleanField(label=_("Consortia may bid"), required=False)
    consortium_members_max = figure(
        _("Members of a consortium at most"), note=_("The lead included.")
    )
    ip_terms = lines(_("Ownership of results"), required=True, note=MARKS)
    data_terms = lines(_("Data and confidentiality"), required=True, note=MARKS)
    contact = line(_("Contact"), required=True)
    owner_masked = forms.BooleanField(
        label=_("Post without the owner's name"),
        required=False,
        help_text=_(
            "Until the publicity of the award everybody but the office and you reads the words"
            " below instead; the contact is hidden too. It cannot be changed after publication."
        ),
    )
    owner_mask = line(_("Called instead"))
    restricted_fields = forms.MultipleChoiceField(
        label=_("For released readers alone"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Everybody else reads “after signing” in their place: publication moves these texts into"
            " a file that you release reader by reader. Title, summary and metrics are public always."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        for name, field in self.fields.items():
            field.note = field_notes().get(name)  # type: ignore[attr-defined]
        offered: dict[str, list[tuple[str, str]]] = {}
        vocabularies = {*TERMS.values(), *TAGS.values()}
        for row in Term.objects.filter(vocabulary__in=vocabularies).order_by("position", "pk"):
            offered.setdefault(row.vocabulary, []).append((row.code, term_name(row)))
        for name, vocabulary in TERMS.items():
            offer(self, name, [("", "—"), *offered.get(vocabulary, [])])
        for name, vocabulary in TAGS.items():
            offer(self, name, offered.get(vocabulary, []))
        named = [(name, self.fields[name].label) for name in RESTRICTABLE]
        offer(self, "restricted_fields", named)
        profiles = [(row.code, f"{row.code} · {term_name(row)}") for row in newest_profiles()]
        offer(self, "profile", [("", "—"), *profiles])


class MetricForm(TypedForm):
    code = line(_("Code"), size=4)
    name = line(_("Metric"), required=True)
    name_en = line(_("In English"))
    operator = choice(_("Relation"), Operator.choices, required=True)
    value = figure(_("Value"), required=True)
    unit = line(_("Unit"), size=8)
    test_method = lines(_("How it is tested"), required=True, rows=2)
    dataset = line(_("Data set"))
    tester = line(_("Who tests"), required=True)
    critical = forms.BooleanField(label=_("Critical"), required=False)


class CriterionForm(TypedForm):
    code = line(_("Code"), size=4)
    name = line(_("Criterion"), required=True)
    name_en = line(_("In English"))
    kind = choice(_("Kind"), CriterionKind.choices, required=True)
    weight = figure(_("Weight"), required=True)
    guidance = lines(_("What judges look at"), rows=2)
    levels = lines(
        _("Levels"),
        note=_("One a line: the share of points and what it takes, as: 100 measured at full size."),
        rows=3,
    )
    minimum = figure(_("Least points"))
    veto = forms.BooleanField(label=_("Judges may veto"), required=False)


class PaymentNodeForm(TypedForm):
    name = line(_("Node"), required=True)
    percent = figure(_("Share"), required=True)
    condition = line(_("Due when"))


class MilestoneForm(TypedForm):
    name = line(_("Milestone"), required=True)
    month = figure(_("Month"), required=True)


class ConditionForm(TypedForm):
    code = line(_("Code"), size=4)
    text = line(_("Condition"), required=True)
    text_en = line(_("In English"))
    evidence = line(_("Evidence"))


PARTS: dict[str, type[TypedForm]] = {
    "metrics": MetricForm,
    "criteria": CriterionForm,
    "payment_nodes": PaymentNodeForm,
    "milestones": MilestoneForm,
    "conditions": ConditionForm,
}
PART_TITLES = {
    "metrics": _("Acceptance metrics"),
    "criteria": _("Criteria and weights"),
    "payment_nodes": _("Payment nodes"),
    "milestones": _("Milestones"),
    "conditions": _("Conditions for bidders"),
}
# The parts of the page, in its order.
SECTIONS = (
    ("what", _("What it is about")),
    ("metrics", PART_TITLES["metrics"]),
    ("judging", _("How it is judged")),
    ("money", _("Money and time")),
    ("bidders", _("Who may bid, and the terms")),
)
SECTION_OF = {
    **dict.fromkeys(("metrics",), "metrics"),
    **dict.fromkeys(("criteria", "profile", "award_mode", "pass_line_percent"), "judging"),
    **dict.fromkeys(("payment_nodes", "milestones", "budget_cny", "funding"), "money"),
    **dict.fromkeys(("organising_mode", "race_entrants"), "money"),
    **dict.fromkeys(("duration_months", "deadline_at"), "money"),
    **dict.fromkeys(("conditions", "consortium_allowed", "consortium_members_max"), "bidders"),
    **dict.fromkeys(("ip_terms", "data_terms", "contact", "restricted_fields"), "bidders"),
}


def section_of(field: str) -> str:
    """The part of the page on which a field or row stands: "metrics-0-value" -> "metrics"."""
    return SECTION_OF.get(field.partition("-")[0], "what")


def notes_of(part: str) -> list[dict[str, Any]]:
    """Help and an example for each column of a part, in the reader's language."""
    known = field_notes()
    found = []
    for name, column in PARTS[part].base_fields.items():
        told, example = known[f"{part}.{name}"].told()
        found.append({"label": column.label, "help": told, "example": example})
    return found


FORMSETS: dict[str, Any] = {
    part: formset_factory(form, formset=TypedRows, extra=0, can_delete=True, max_num=1000)
    for part, form in PARTS.items()
}
for part, rows_of_part in FORMSETS.items():
    rows_of_part.label = PART_TITLES[part]
    rows_of_part.notes = property(lambda formset: notes_of(formset.prefix))


# -- From the page to the action -------------------------------------------------------------------
def typed_rows(post: QueryDict, part: str) -> list[dict[str, Any]]:
    """The rows as typed, removed and empty ones left out, so that places match the action's."""
    try:
        total = int(post.get(f"{part}-TOTAL_FORMS", "0"))
    except ValueError:
        total = 0
    rows = []
    for place in range(max(0, min(total, ROWS_SHOWN_MOST))):
        row = {name: post.get(f"{part}-{place}-{name}", "") for name in PARTS[part].base_fields}
        if not post.get(f"{part}-{place}-DELETE") and not is_blank(row):
            rows.append(row)
    return rows


def typed_data(post: QueryDict) -> dict[str, Any]:
    """What was typed, in the shape that the actions take."""
    data: dict[str, Any] = {
        name: post.get(name, "") for name in DemandForm.base_fields if name not in LISTS
    }
    data |= {name: post.getlist(name) for name in LISTS}
    for part in PARTS:
        data[part] = typed_rows(post, part)
    for row in data["criteria"]:
        row["levels"] = typed_levels(row["levels"])
    return data


def typed_levels(words: str) -> list[dict[str, str]]:
    """One level a line: `100 measured` is {"points_percent": "100", "text": "measured"}."""
    found = []
    for words_of_level in filter(str.strip, words.splitlines()):
        match = LEVEL.match(words_of_level)
        share, text = match.groups() if match else (words_of_level, "")
        found.append({"points_percent": share, "text": text})
    return found


# -- From the record to the page -------------------------------------------------------------------
def shown(value: Any) -> Any:
    """A stored value as it would be typed."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    if isinstance(value, datetime):
        return f"{value.astimezone(SHANGHAI):%Y-%m-%dT%H:%M:%S}"
    return value


def shown_row(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: shown(value) for name, value in row.items()}
    if "levels" in found:
        found["levels"] = "\n".join(
            f"{level.get('points_percent')} {level.get('text', '')}" for level in found["levels"]
        )
    return found


def initial_of(content: Content) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    values = {name: shown(value) for name, value in content.values.items()}
    rows = {part: [shown_row(row) for row in content.rows.get(part, [])] for part in PARTS}
    return values, rows


class DemandPage:
    """The form and its rows together, unbound from a record or bound to what was typed."""

    def __init__(
        self,
        *,
        content: Content | None = None,
        post: QueryDict | None = None,
        errors: Mapping[str, list[Any]] | None = None,
        add: str = "",
    ) -> None:
        errors = errors or {}
        if post is not None:
            self.form = DemandForm(post)
            self.rows = {
                part: _bound_rows(part, typed_rows(post, part), errors.get(part, ()), part == add)
                for part in PARTS
            }
        else:
            values, rows = initial_of(content or Content())
            self.form = DemandForm(initial=values)
            self.rows = {part: FORMSETS[part](prefix=part, initial=rows[part]) for part in PARTS}
            for part, formset in self.rows.items():
                formset.extra = 0 if rows[part] else 1

    @property
    def all_forms(self) -> list[Any]:
        return [self.form, *self.rows.values()]


def _bound_rows(
    part: str, rows: list[dict[str, Any]], faults: Iterable[Any], one_more: bool
) -> TypedRows:
    """A formset over what was typed, renumbered, with one empty row more where asked."""
    total = len(rows) + one_more
    data: dict[str, Any] = {f"{part}-TOTAL_FORMS": total, f"{part}-INITIAL_FORMS": 0}
    for place, row in enumerate(rows):
        data |= {f"{part}-{place}-{name}": value for name, value in row.items()}
    return FORMSETS[part](data, prefix=part, faults=faults)


# -- What changed meanwhile ------------------------------------------------------------------------
def seen_of(content: Content) -> str:
    """A short digest per field and part of what the form was filled from."""
    everything = {**content.values, **content.rows}
    return json.dumps({name: digest(value).hex()[:12] for name, value in everything.items()})


def changed_since(seen: str, content: Content) -> list[str]:
    """The fields and parts that somebody else changed since the form was filled."""
    try:
        before = json.loads(seen)
    except ValueError:
        before = {}
    now = json.loads(seen_of(content))
    if not isinstance(before, dict):
        before = {}
    return [name for name, value in now.items() if before.get(name) != value]


def changes(seen: str, content: Content, post: QueryDict) -> list[dict[str, Any]]:
    """For the page: label, what stands now, what was typed here."""
    values, rows = initial_of(content)
    found = []
    for name in changed_since(seen, content):
        if name in PARTS:
            theirs, mine = _told(rows[name]), _told(typed_rows(post, name))
            label: Any = PART_TITLES[name]
        elif name in DemandForm.base_fields:
            many = name in LISTS
            theirs = ", ".join(values[name]) if many else values[name]
            mine = ", ".join(post.getlist(name)) if many else post.get(name, "")
            label = DemandForm.base_fields[name].label or name
        else:
            continue
        found.append({"label": label, "theirs": theirs, "mine": mine})
    return found


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[dict[str, Any]]:
    """What differs between two texts of a demand, in the order of the form.

    Both: {"values": {...}, "rows": {...}} as JSON keeps them. Returns label, before and after.
    """
    found = []
    for name in [*DemandForm.base_fields, *PARTS]:
        rows = name in PARTS
        old, new = ((side["rows" if rows else "values"].get(name)) for side in (before, now))
        if old == new:
            continue
        label: Any = PART_TITLES[name] if rows else DemandForm.base_fields[name].label or name
        found.append({"label": label, "before": _plainly(old), "after": _plainly(new)})
    return found


def _plainly(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return _told(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _told(rows: list[dict[str, Any]]) -> str:
    return "\n".join(
        " · ".join(str(value) for value in row.values() if value not in ("", False)) for row in rows
    )
