"""The form of a bid: three envelopes on one page, fields made from what the scenario asks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms import formset_factory
from django.template.defaultfilters import filesizeformat
from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from marketplace.files.limits import LIMITS, Purpose
from marketplace.scenarios.models import Envelope, Metric, Scenario
from marketplace.web.forms.typed import MARKS, TypedForm, TypedRows
from marketplace.web.words import localized_pair, plain, written

NUMERIC = {"inputmode": "decimal", "autocomplete": "off"}


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


def line(label: Any, note: Any = "", **attrs: Any) -> forms.CharField:
    return forms.CharField(label=label, help_text=note, widget=forms.TextInput(attrs=attrs))


def lines(label: Any, note: Any = "", *, rows: int = 4, required: bool = True) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, help_text=note, widget=widget, required=required)


def attachments(label: Any) -> forms.Field:
    return forms.Field(label=label, required=False, widget=FilesInput(attrs={"multiple": True}))


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
    lead_work = line(_("The lead's part of the work"))
    lead_share_percent = line(_("The lead's share"), _("Percent of the price."), **NUMERIC)
    consortium_agreement = line(
        _("File with the consortium agreement"),
        _("Its name among the attachments of this envelope, such as agreement.pdf."),
    )
    joint_liability = forms.BooleanField(
        label=_("All members are jointly and severally liable for this bid and its contract.")
    )
    accepts_terms = forms.BooleanField(
        label=_("We accept the terms of this demand and stand by what we state here.")
    )
    files_business = attachments(_("Attachments, business"))
    approach = lines(_("Technical approach"), MARKS, rows=10)
    risks = lines(_("Risks and how they are met"), MARKS)
    resources = lines(_("Resources"), _("Roles and equipment, without names."))
    files_technical = attachments(_("Attachments, technical"))
    total_cny = line(_("Total price"), _("Tax included, two decimals."), **NUMERIC)
    tax_rate_percent = line(_("Tax rate"), **NUMERIC)
    note = lines(_("Note on the price"), rows=2, required=False)
    files_price = attachments(_("Attachments, price"))

    def __init__(self, *args: Any, scenario: Scenario, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self._note_files()
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

    def _note_files(self) -> None:
        most = filesizeformat(LIMITS[Purpose.SEALED].bytes_most)
        note = gettext("At most five files; an envelope may have %(most)s once it is sealed.")
        anonymous = gettext(
            "Neither their names nor their contents and properties may name the bidder."
        )
        for envelope in Envelope:
            self.fields[f"files_{envelope}"].help_text = note % {"most": most}
        told = self.fields["files_technical"]
        told.help_text = f"{told.help_text} {anonymous}"

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
    work = line(_("Its part of the work"))
    share_percent = line(_("Its share"), _("Percent of the price."), **NUMERIC)


class ChallengeForm(TypedForm):
    who = line(_("Expert"))
    reason = lines(_("Reason"), rows=2)


class StepForm(TypedForm):
    month = line(_("Month"), **NUMERIC)
    result = line(_("Result to show"))


PARTS: dict[str, type[TypedForm]] = {
    "team": TeamForm,
    "consortium": PartnerForm,
    "challenges": ChallengeForm,
    "plan": StepForm,
}
FIRST_ROWS = {"team": 2, "consortium": 0, "challenges": 0, "plan": 2}
FORMSETS: dict[str, Any] = {
    part: formset_factory(form, formset=TypedRows, extra=0, can_delete=True, max_num=1000)
    for part, form in PARTS.items()
}
PART_TITLES = {
    "team": _("Team"),
    "consortium": _("Consortium"),
    "challenges": _("Challenges to experts"),
    "plan": _("Plan"),
}
for part, rows_of_part in FORMSETS.items():
    rows_of_part.label = PART_TITLES[part]


def row_forms() -> dict[str, Any]:
    """The rows of the form, with as many empty ones as are shown first."""
    rows = {part: FORMSETS[part](prefix=part) for part in PARTS}
    for part, formset in rows.items():
        formset.extra = FIRST_ROWS[part]
    return rows


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
