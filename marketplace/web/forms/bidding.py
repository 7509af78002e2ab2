"""The form of a bid: three envelopes on one page, fields made from what the scenario asks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.forms import formset_factory
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from marketplace.bidding.forms_schema import File, Form
from marketplace.scenarios.models import Envelope, Metric, Scenario
from marketplace.web.forms.typed import MARKS, TypedForm, TypedRows, put_errors
from marketplace.web.words import localized_pair, plain, written

ROWS_SHOWN_MOST = 60
NUMERIC = {"inputmode": "decimal", "autocomplete": "off"}


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


def line(label: Any, note: Any = "", **attrs: Any) -> forms.CharField:
    return forms.CharField(label=label, help_text=note, widget=forms.TextInput(attrs=attrs))


def lines(label: Any, note: Any = "", *, rows: int = 4, required: bool = True) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, help_text=note, widget=widget, required=required)


def attachments(label: Any, note: Any) -> forms.Field:
    return forms.Field(
        label=label, help_text=note, required=False, widget=FilesInput(attrs={"multiple": True})
    )


FILES_NOTE = _("At most five files of at most 10 MiB each, 40 MiB in all.")


class BidForm(TypedForm):
    """Every field that is no row. Names are those of the sealed form, but for the made ones."""

    legal_representative = line(_("Legal representative"))
    project_leader = line(_("Project leader"))
    contact_name = line(_("Contact"))
    contact_phone = line(_("Telephone"), inputmode="tel")
    contact_email = line(_("E-mail"), inputmode="email")
    related_parties = lines(
        _("Related parties"),
        _("Ties to the demand owner, the office or other bidders; write that there are none."),
        rows=3,
    )
    accepts_terms = forms.BooleanField(
        label=_("We accept the terms of this demand and stand by what we state here.")
    )
    files_business = attachments(_("Attachments, business"), FILES_NOTE)
    approach = lines(_("Technical approach"), MARKS, rows=10)
    risks = lines(_("Risks and how they are met"), MARKS)
    resources = lines(_("Resources"), _("Roles and equipment, without names."))
    files_technical = attachments(
        _("Attachments, technical"),
        _(
            "At most five files of at most 10 MiB each, 40 MiB in all. Neither their names nor "
            "their contents and properties may name the bidder."
        ),
    )
    total_cny = line(_("Total price"), _("Tax included, two decimals."), **NUMERIC)
    tax_rate_percent = line(_("Tax rate"), **NUMERIC)
    note = lines(_("Note on the price"), rows=2, required=False)
    files_price = attachments(_("Attachments, price"), FILES_NOTE)

    def __init__(self, *args: Any, scenario: Scenario, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        for condition in scenario.conditions.order_by("position", "pk"):
            name = f"statement_{condition.code}"
            text = localized_pair(condition, "text")[0]
            note = condition.evidence and filled(
                gettext("Evidence: %(what)s"), what=condition.evidence
            )
            self.fields[name] = lines(f"{condition.code} {text}", note, rows=2)
        for metric in scenario.metrics.order_by("position", "pk"):
            self.fields[f"commitment_{metric.code}"] = line(
                f"{metric.code} {localized_pair(metric, 'name')[0]}", asked_of(metric), **NUMERIC
            )
        for place, node in enumerate(scenario.payment_nodes.order_by("position", "pk")):
            self.fields[f"node_{place}"] = line(f"{node.name} · {plain(node.percent)}%", **NUMERIC)
        self.units = {m.code: m.unit for m in scenario.metrics.all()}

    def made(self, prefix: str) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(prefix)]

    @property
    def statements(self) -> list[forms.BoundField]:
        return self.made("statement_")

    @property
    def commitments(self) -> list[tuple[forms.BoundField, str]]:
        return [
            (bound, self.units.get(bound.name.removeprefix("commitment_"), ""))
            for bound in self.made("commitment_")
        ]

    @property
    def nodes(self) -> list[forms.BoundField]:
        return self.made("node_")


def asked_of(metric: Metric) -> str:
    """What the scenario asks, beside which the promise is typed."""
    value = f"{metric.get_operator_display()} {plain(metric.value)} {metric.unit}".strip()
    if metric.critical:
        asked = gettext("Asked: %(value)s, critical. A weaker promise is shown, not refused.")
    else:
        asked = gettext("Asked: %(value)s. A weaker promise is shown, not refused.")
    return filled(asked, value=value)


def filled(sentence: str, **places: str) -> str:
    """A sentence of ours around what a person wrote, which keeps its language."""
    said = {name: conditional_escape(written(text)) for name, text in places.items()}
    return SafeString(escape(sentence) % said)


class TeamForm(TypedForm):
    name = line(_("Name"))
    role = line(_("Role"))
    years = line(_("Years of practice"), **NUMERIC)


class PartnerForm(TypedForm):
    name = line(_("Member of the consortium"))
    uscc = line(_("Unified social credit code"), autocomplete="off")


class StepForm(TypedForm):
    month = line(_("Month"), **NUMERIC)
    result = line(_("Result to show"))


PARTS: dict[str, type[TypedForm]] = {
    "team": TeamForm,
    "consortium": PartnerForm,
    "plan": StepForm,
}
FIRST_ROWS = {"team": 2, "consortium": 0, "plan": 2}
FORMSETS: dict[str, Any] = {
    part: formset_factory(form, formset=TypedRows, extra=0, can_delete=True, max_num=1000)
    for part, form in PARTS.items()
}
PART_TITLES = {"team": _("Team"), "consortium": _("Consortium"), "plan": _("Plan")}
for part, rows_of_part in FORMSETS.items():
    rows_of_part.label = PART_TITLES[part]
PATHS = (
    (re.compile(r"business\.condition_statements\.(\w+)"), r"statement_\1"),
    (re.compile(r"technical\.commitments\.(\w+)"), r"commitment_\1"),
    (re.compile(r"price\.nodes\.(\d+)(\.\w+)?"), r"node_\1"),
    (re.compile(r"price\.nodes"), "total_cny"),
    (re.compile(r"files\.(\w+)(\.\d+)?"), r"files_\1"),
    (re.compile(r"business\.(team|consortium)\.(\d+)\.(\w+)"), r"\1-\2-\3"),
    (re.compile(r"technical\.plan\.(\d+)\.(\w+)"), r"plan-\1-\2"),
    (re.compile(r"(?:business|technical|price)\.(\w+)"), r"\1"),
)


def place_of(path: str) -> str:
    """Where a fault of the sealed form stands on the page: business.team.0.name → team-0-name."""
    for pattern, place in PATHS:
        match = pattern.fullmatch(path)
        if match:
            return match.expand(place)
    return path


# -- From the page to the action -------------------------------------------------------------------
def typed_rows(post: QueryDict, part: str) -> list[dict[str, str]]:
    """The rows as typed; removed and empty ones are left out, so places match the action's."""
    try:
        total = int(post.get(f"{part}-TOTAL_FORMS", "0"))
    except ValueError:
        total = 0
    rows = []
    for place in range(max(0, min(total, ROWS_SHOWN_MOST))):
        row = {name: post.get(f"{part}-{place}-{name}", "") for name in PARTS[part].base_fields}
        if not post.get(f"{part}-{place}-DELETE") and any(map(str.strip, row.values())):
            rows.append(row)
    return rows


def typed_forms(post: QueryDict, scenario: Scenario) -> dict[str, Form]:
    """What was typed, in the shape that is sealed."""
    statements = scenario.conditions.values_list("code", flat=True)
    metrics = scenario.metrics.values_list("code", flat=True)
    nodes = scenario.payment_nodes.order_by("position", "pk").values_list("name", flat=True)
    return {
        "business": {
            **pick(post, "legal_representative", "contact_name", "contact_phone"),
            **pick(post, "contact_email", "project_leader", "related_parties"),
            "team": typed_rows(post, "team"),
            "consortium": typed_rows(post, "consortium"),
            "condition_statements": {c: post.get(f"statement_{c}", "") for c in statements},
            "accepts_terms": bool(post.get("accepts_terms")),
        },
        "technical": {
            **pick(post, "approach", "risks", "resources"),
            "commitments": {code: post.get(f"commitment_{code}", "") for code in metrics},
            "plan": typed_rows(post, "plan"),
        },
        "price": {
            **pick(post, "total_cny", "tax_rate_percent", "note"),
            "nodes": [
                {"name": name, "amount_cny": post.get(f"node_{place}", "")}
                for place, name in enumerate(nodes)
            ],
        },
    }


def pick(post: QueryDict, *names: str) -> dict[str, str]:
    return {name: post.get(name, "") for name in names}


def typed_files(request: HttpRequest) -> dict[str, list[File]]:
    files: MultiValueDict = request.FILES
    return {
        str(envelope): [
            (upload.name, upload.read()) for upload in files.getlist(f"files_{envelope}")
        ]
        for envelope in Envelope
    }


class BidPage:
    """The form and its rows together, empty or bound to what was typed, with what is wrong."""

    def __init__(
        self,
        scenario: Scenario,
        post: QueryDict | None = None,
        errors: Mapping[str, list[Any]] | None = None,
    ) -> None:
        placed: dict[str, list[Any]] = {}
        for path, sentences in (errors or {}).items():
            placed.setdefault(place_of(path), []).extend(sentences)
        self.form = BidForm(post, scenario=scenario)
        if post is None:
            self.rows = {part: FORMSETS[part](prefix=part) for part in PARTS}
            for part, formset in self.rows.items():
                formset.extra = FIRST_ROWS[part]
        else:
            self.rows = {
                part: bound_rows(part, typed_rows(post, part), placed.get(part, ()))
                for part in PARTS
            }
            put_errors(self.form, self.rows, placed)

    @property
    def all_forms(self) -> list[Any]:
        return [self.form, *self.rows.values()]


def bound_rows(part: str, rows: list[dict[str, str]], faults: Iterable[Any]) -> Any:
    """A formset over what was typed, renumbered; an empty part shows its first rows."""
    total = len(rows) or FIRST_ROWS[part]
    data: dict[str, Any] = {f"{part}-TOTAL_FORMS": total, f"{part}-INITIAL_FORMS": 0}
    for place, row in enumerate(rows):
        data |= {f"{part}-{place}-{name}": value for name, value in row.items()}
    return FORMSETS[part](data, prefix=part, faults=faults)


class VerdictForm(TypedForm):
    """One condition of one bid."""

    verdict = forms.ChoiceField(
        label=_("Verdict"),
        choices=[("pass", _("Met")), ("fail", _("Not met"))],
        widget=forms.RadioSelect,
    )
    reason = lines(
        _("Reason"), _("Needed where it is not met; the bidder reads it."), rows=2, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
