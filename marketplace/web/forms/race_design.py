"""The form of a race's design: heats as cards, each with rows of measures."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from marketplace.races.design.catalogue import called, offered
from marketplace.races.design.content import HEATS_MOST, MEASURES_MOST
from marketplace.races.design.told import plain
from marketplace.web.forms.scenarios import choice, figure, line, lines
from marketplace.web.forms.typed import TypedForm

KINDS = [
    ("automatic", _("Computed from result files")),
    ("field", _("Measured on site or in a laboratory")),
    ("panel", _("Scored by the panel")),
    ("trial", _("Tried by users")),
]
DIRECTIONS = [("higher", _("More is better")), ("lower", _("Less is better"))]
NAMES = [("codes", _("Codes (R1, R2 …)")), ("names", _("Names"))]
COUNTS = [("last", _("The last attempt")), ("chosen", _("The attempt that the vendor chooses"))]
TIES = [
    ("critical price receipt", _("Critical measures, then lower price, then earlier receipt")),
    ("price critical receipt", _("Lower price, then critical measures, then earlier receipt")),
    ("critical receipt price", _("Critical measures, then earlier receipt, then lower price")),
    ("price receipt critical", _("Lower price, then earlier receipt, then critical measures")),
    ("receipt critical price", _("Earlier receipt, then critical measures, then lower price")),
    ("receipt price critical", _("Earlier receipt, then lower price, then critical measures")),
]
NEW_HEAT = {
    "objection_days": "3",
    "attempts_day": "3",
    "attempts_total": "20",
    "public_percent": "30",
    "rounding": "2",
    "choice": "last",
    "pass_score": "60",
}
NEW_MEASURE = {"kind": "automatic", "direction": "higher"}
CHANGE = re.compile(r"(add|remove)-(heat|measure)(?:-(\d{1,2}))?(?:-(\d{1,2}))?", re.ASCII)


class WholeForm(TypedForm):
    entrants = figure(_("Entrants"), required=True, note=_("From 2 to as many as the demand says."))
    names = choice(_("What boards show"), NAMES, required=True)
    tie = choice(_("Who is first at equal scores"), TIES, required=True)


class HeatForm(TypedForm):
    name = line(_("Name of the heat"), required=True)
    name_en = line(_("English name"))
    days = figure(_("Length"), required=True)
    grant_cny = figure(_("Grant to each"), required=True)
    keep = figure(_("How many go on"), required=True, note=_("The last heat keeps one."))
    pass_score = figure(_("Pass score"), note=_("Of 100 points."))
    objection_days = figure(_("Objections to the result"), required=True)
    tester = line(_("Who tests"), required=True, note=_("Never a vendor of the race."))
    evaluator = choice(
        _("Evaluator"), note=_("Only where a measure is computed from result files.")
    )
    settings = lines(
        _("Settings of the evaluator"),
        rows=2,
        note=_('Name and values as JSON, as {"labels": ["normal", "attack"]}.'),
    )
    attempts_day = figure(_("Attempts a day"))
    attempts_total = figure(_("Attempts in all"))
    public_percent = figure(_("Shown on the board while it runs"))
    rounding = figure(_("Decimal places on the board"))
    choice = choice(_("Which attempt counts"), COUNTS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["evaluator"]
        assert isinstance(field, forms.ChoiceField), "evaluators are offered"
        field.choices = [("", "—"), *((name, called(row.title)) for name, row in offered().items())]


class MeasureForm(TypedForm):
    code = line(_("Code"), required=True, note=_("As detection_rate."))
    name = line(_("Name of the measure"), required=True)
    name_en = line(_("English name"))
    kind = choice(_("How it is measured"), KINDS, required=True)
    metric = choice(_("Metric of the evaluator"))
    unit = line(_("Unit"))
    direction = choice(_("What is better"), DIRECTIONS, required=True)
    target = figure(_("Target"), required=True, note=_("All the points from here on."))
    pass_line = figure(_("Pass line"), note=_("No points at it or beyond it."))
    weight = figure(_("Weight"), required=True)
    critical = forms.BooleanField(
        label=_("Critical: below the pass line the race is over"), required=False
    )

    def __init__(self, *args: Any, evaluator: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = offered().get(evaluator)
        field = self.fields["metric"]
        assert isinstance(field, forms.ChoiceField), "metrics are offered"
        metrics = known.metrics.values() if known else ()
        codes = [(f"{evaluator}.{row.code}", called(row.name)) for row in metrics]
        present = self["metric"].value()
        if present and present not in dict(codes):
            codes.append((present, present))  # nothing typed is lost; the checks speak of it
        field.choices = [("", "—"), *codes]


# -- From the page to the action -------------------------------------------------------------------
def count(post: QueryDict, name: str, most: int) -> int:
    raw = post.get(name, "")
    return min(int(raw), most) if raw.isascii() and raw.isdigit() and len(raw) < 4 else 0


def typed_row(post: QueryDict, form: type[TypedForm], prefix: str) -> dict[str, Any]:
    return {name: post.get(f"{prefix}{name}", "") for name in form.base_fields}


def typed_design(post: QueryDict) -> dict[str, Any]:
    """What was typed, in the shape that the action takes; settings that are no JSON stay text."""
    design = typed_row(post, WholeForm, "")
    design["heats"] = []
    for place in range(count(post, "heats-TOTAL", HEATS_MOST + 1)):
        at = f"heats-{place}-"
        heat = typed_row(post, HeatForm, at)
        heat["settings"] = typed_settings(heat["settings"])
        total = count(post, f"{at}measures-TOTAL", MEASURES_MOST + 1)
        heat["measures"] = [
            typed_row(post, MeasureForm, f"{at}measures-{number}-") for number in range(total)
        ]
        design["heats"].append(heat)
    return design


def typed_settings(words: str) -> Any:
    if not words.strip():
        return {}
    try:
        return json.loads(words)
    except ValueError:
        return words


def changed(design: dict[str, Any], change: str) -> dict[str, Any]:
    """With a heat or a measure more or less, as a button of the page says; else as it was."""
    match = CHANGE.fullmatch(change)
    if match is None:
        return design
    deed, what, *numbers = match.groups()
    first, second = (int(n) if n else None for n in numbers)
    heats = design["heats"]
    if what == "heat":
        if deed == "add":
            heats.append({**NEW_HEAT, "measures": [dict(NEW_MEASURE)]})
        elif first is not None and first < len(heats):
            del heats[first]
        return design
    if first is None or first >= len(heats):
        return design
    measures = heats[first]["measures"]
    if deed == "add":
        measures.append(dict(NEW_MEASURE))
    elif second is not None and second < len(measures):
        del measures[second]
    return design


# -- From the record to the page -------------------------------------------------------------------
def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored row as it would be typed."""
    found = {name: "" if value is None else value for name, value in row.items()}
    for name in ("grant_cny", "pass_score"):
        if found.get(name):
            found[name] = plain_or_typed(found[name])
    if isinstance(found.get("settings"), dict):
        words = json.dumps(found["settings"], ensure_ascii=False)
        found["settings"] = words if found["settings"] else ""
    if isinstance(found.get("tie"), list):
        found["tie"] = " ".join(found["tie"])
    return found


def plain_or_typed(value: Any) -> Any:
    try:
        return plain(str(value))
    except ArithmeticError:
        return value


class DesignPage:
    """The forms of a whole design, filled from plain values, with sentences beside their fields."""

    def __init__(
        self, design: Mapping[str, Any], errors: Mapping[str, list[Any]] | None = None
    ) -> None:
        self.form = WholeForm(shown(design))
        self.heats = [self._heat(place, heat) for place, heat in enumerate(design["heats"])]
        self.more_heats = len(self.heats) < HEATS_MOST
        self._put(errors or {})

    def _heat(self, place: int, heat: Mapping[str, Any]) -> dict[str, Any]:
        prefix = f"heats-{place}"
        measures = [
            {
                "number": number,
                "row": measure,
                "form": bound(
                    MeasureForm,
                    measure,
                    f"{prefix}-measures-{number}",
                    evaluator=heat.get("evaluator") or "",
                ),
            }
            for number, measure in enumerate(heat["measures"])
        ]
        return {
            "place": place,
            "number": place + 1,
            "prefix": prefix,
            "row": heat,
            "form": bound(HeatForm, heat, prefix),
            "measures": measures,
            "bar": [bar_row(measure) for measure in heat["measures"] if weighs(measure)],
            "more": len(measures) < MEASURES_MOST,
            "faults": [],
        }

    @property
    def all_forms(self) -> list[TypedForm]:
        rows = [row["form"] for heat in self.heats for row in heat["measures"]]
        return [self.form, *(heat["form"] for heat in self.heats), *rows]

    def _put(self, errors: Mapping[str, list[Any]]) -> None:
        fields = {
            f"{form.prefix}-{name}" if form.prefix else name: (form, name)
            for form in self.all_forms
            for name in form.fields
        }
        of_measures = {f"{heat['prefix']}-measures": heat for heat in self.heats}
        for place, sentences in errors.items():
            if place in of_measures:
                of_measures[place]["faults"] += [str(sentence) for sentence in sentences]
                continue
            form, name = fields.get(place, (self.form, None))
            for sentence in sentences:
                form.add_error(name, str(sentence))


def bound(kind: type[TypedForm], row: Mapping[str, Any], prefix: str, **more: Any) -> TypedForm:
    data = {f"{prefix}-{name}": value for name, value in shown(row).items()}
    return kind(data, prefix=prefix, **more)


def weighs(measure: Mapping[str, Any]) -> bool:
    raw = str(measure.get("weight") or "")
    return raw.isascii() and raw.isdigit()


def bar_row(measure: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": measure.get("name") or measure.get("code") or "—",
        "name_en": measure.get("name_en") or "",
        "weight": measure["weight"],
    }
