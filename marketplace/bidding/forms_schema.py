"""What a bid must be. The same rules are held before sealing and again at the opening.

`schema/bid-1.json` (JSON Schema 2020-12) says the shape; the functions here hold a form against
its scenario. Every fault is found at once, each with the path of its field, such as
`business.team.0.name`, `technical.commitments.M1` or `files.price.2`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaFault

from marketplace.accounts.models import Organisation
from marketplace.accounts.validators import validate_uscc
from marketplace.base import packer
from marketplace.base.errors import Invalid, TooLarge
from marketplace.base.packer import consortium_faults, leaves, names_found, safe_name
from marketplace.bidding.anonymity import telling_names
from marketplace.bidding.sentences import said, too_long
from marketplace.scenarios.models import Envelope, Scenario

SCHEMA_FILE = Path(__file__).parent / "schema" / "bid-1.json"
FILES_MAX = 5
FILE_BYTES_MAX = 10 * 1024 * 1024
FILE_NAME_MAX = packer.FILE_NAME_MAX

# envelope -> (the part whose names are the demand's own codes, the field of Demands that has them)
ANSWERS: dict[str, tuple[str, str]] = {
    Envelope.BUSINESS: ("condition_statements", "conditions"),
    Envelope.TECHNICAL: ("commitments", "metrics"),
}

Form = dict[str, Any]
File = tuple[str, bytes]
Faults = dict[str, list[str]]


@dataclass(frozen=True)
class Demands:
    """What a scenario asks of a bid, read once."""

    organisation: Organisation
    conditions: list[str]
    metrics: list[str]
    budget_cny: Decimal
    consortium_max: int  # lead included; 1 where no consortium is allowed


@dataclass
class Found:
    """Faults by path, in the order in which they were met."""

    faults: Faults = field(default_factory=dict)

    def add(self, path: str, sentence: str) -> None:
        sentences = self.faults.setdefault(path, [])
        if sentence not in sentences:
            sentences.append(sentence)

    def take(self, faults: Faults) -> None:
        """Those of another check, beside what a path already has."""
        for path, told in faults.items():
            for sentence in told:
                self.add(path, sentence)


def demands_of(scenario: Scenario, organisation: Organisation) -> Demands:
    return Demands(
        organisation=organisation,
        conditions=list(
            scenario.conditions.order_by("position", "pk").values_list("code", flat=True)
        ),
        metrics=list(scenario.metrics.order_by("position", "pk").values_list("code", flat=True)),
        budget_cny=scenario.budget_cny or Decimal(0),
        consortium_max=scenario.consortium_members_max if scenario.consortium_allowed else 1,
    )


def check_bid(
    *,
    scenario: Scenario,
    organisation: Organisation,
    forms: Mapping[str, Form],
    files: Mapping[str, Sequence[File]] | None = None,
) -> dict[str, Form]:
    """The forms as they will be sealed. Raises Invalid with every fault; TooLarge for a file."""
    demands = demands_of(scenario, organisation)
    clean = normalised(forms)
    found = Found()
    for envelope in Envelope:
        names = [name for name, _body in (files or {}).get(envelope, ())]
        found.take(envelope_faults(str(envelope), clean.get(envelope), names, demands))
        check_file_bodies(found, str(envelope), (files or {}).get(envelope, ()))
    technical_names = [name for name, _body in (files or {}).get(Envelope.TECHNICAL, ())]
    technical, business = clean.get(Envelope.TECHNICAL), clean.get(Envelope.BUSINESS)
    found.take(anonymity_faults(technical, technical_names, business, organisation))
    if found.faults:
        raise Invalid(
            code="bid.incomplete", errors={path: [*told] for path, told in found.faults.items()}
        )
    return clean


def check_file_bodies(found: Found, envelope: str, files: Sequence[File]) -> None:
    for place, (name, body) in enumerate(files):
        if len(body) > FILE_BYTES_MAX:
            raise TooLarge(
                _("“%(name)s” is larger than 10 MiB, the most for one file."),
                code="bid.file_size",
                name=name,
            )
        if not body:
            found.add(f"files.{envelope}.{place}", said("file_empty", name=name))


def envelope_faults(envelope: str, form: Any, file_names: list[str], demands: Demands) -> Faults:
    """The faults of one envelope; business rules only where the shape is right."""
    found = Found()
    check_shape(found, envelope, form, demands)
    sound = not found.faults
    check_answers(found, envelope, form, demands)
    if sound:
        CHECKS[envelope](found, form, file_names, demands)
    check_file_names(found, envelope, file_names)
    return found.faults


# -- Normalising -----------------------------------------------------------------------------------
def half_width(value: Any) -> str:
    """Figures and codes as typed on any keyboard: half width, no blanks, no thousands commas."""
    text = unicodedata.normalize("NFKC", str(value))
    return re.sub(r"[\s,]", "", text)


def whole(value: Any) -> Any:
    text = half_width(value)
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else value


def amount(value: Any) -> str:
    text = half_width(value)
    return f"{Decimal(text):.2f}" if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,2})?", text) else text


def normalised(forms: Mapping[str, Form]) -> dict[str, Form]:
    """A copy with texts stripped and figures in half width. Wrong shapes are left as they are."""
    clean = {str(name): stripped(form) for name, form in forms.items()}
    business = mapping(clean.get("business"))
    for name in ("contact_phone", "contact_email"):
        if isinstance(business.get(name), str):
            business[name] = unicodedata.normalize("NFKC", business[name])
    for person in rows(business, "team"):
        apply(person, "years", whole)
    for partner in rows(business, "consortium"):
        apply(partner, "uscc", half_width)
        apply(partner, "share_percent", half_width)
    apply(business, "lead_share_percent", half_width)
    technical = mapping(clean.get("technical"))
    commitments = mapping(technical.get("commitments"))
    for code in commitments:
        apply(commitments, code, half_width)
    for step in rows(technical, "plan"):
        apply(step, "month", whole)
    price = mapping(clean.get("price"))
    apply(price, "total_cny", amount)
    apply(price, "tax_rate_percent", half_width)
    price.setdefault("note", "")
    for node in rows(price, "nodes"):
        apply(node, "amount_cny", amount)
    return clean


def stripped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\r\n", "\n").strip()
    if isinstance(value, Mapping):
        return {str(key): stripped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [stripped(item) for item in value]
    return value


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def rows(form: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    found = form.get(name)
    yield from (row for row in (found if isinstance(found, list) else []) if isinstance(row, dict))


def apply(row: dict[str, Any], name: str, change: Callable[[Any], Any]) -> None:
    if isinstance(row.get(name), str | int | Decimal) and not isinstance(row[name], bool):
        row[name] = change(row[name])


# -- Shape -----------------------------------------------------------------------------------------
@lru_cache
def validator(envelope: str) -> Draft202012Validator:
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    return Draft202012Validator({"$ref": f"#/$defs/{envelope}", "$defs": schema["$defs"]})


def check_shape(found: Found, envelope: str, form: Any, demands: Demands) -> None:
    if not isinstance(form, dict):
        found.add(envelope, said("envelope_missing"))
        return
    part, asked = asked_in(envelope, demands)
    for fault in validator(envelope).iter_errors(form):
        steps = list(fault.absolute_path)
        # Which codes are asked for is told by `check_answers`.
        if steps[:1] == [part] and not (
            steps[1] in asked if steps[1:] else fault.validator == "type"
        ):
            continue
        path = ".".join([envelope, *map(str, steps)])
        for place, sentence in sentences(fault):
            found.add(f"{path}{place}", sentence)


def sentences(fault: SchemaFault) -> Iterator[tuple[str, str]]:
    """What a schema fault means for who fills the form: (further path, sentence)."""
    kind: Any = fault.validator
    limit: Any = fault.validator_value
    value: Any = fault.instance
    schema: Any = fault.schema
    if kind == "required":
        yield from ((f".{name}", said("fill_in")) for name in limit if name not in value)
    elif kind == "additionalProperties":
        known = schema.get("properties", {})
        yield from ((f".{name}", said("nothing_asked")) for name in value if name not in known)
    elif kind == "minLength" or (kind in {"pattern", "type"} and value in ("", None)):
        yield "", said("fill_in")
    elif kind == "maxLength":
        yield "", too_long(limit, len(value))
    elif kind == "minItems":
        yield "", said("row_needed")
    elif kind in {"maxItems", "maxProperties"}:
        yield "", said("rows_most", limit=limit)
    elif kind in {"minimum", "maximum", "type"}:
        yield "", whole_number_sentence(fault)
    elif kind == "const":
        yield "", said("agreement")
    else:
        yield "", pattern_sentence(str(fault.absolute_path[-1]) if fault.absolute_path else "")


def whole_number_sentence(fault: SchemaFault) -> str:
    bounds: Any = fault.schema
    if "minimum" not in bounds or "maximum" not in bounds:
        return said("other_kind")
    return said("whole_number", least=bounds["minimum"], most=bounds["maximum"])


def pattern_sentence(name: str) -> str:
    if name.endswith("_cny"):
        return said("amount")
    if name == "tax_rate_percent":
        return said("percentage")
    if name.endswith("share_percent"):
        return said("share")
    if name == "contact_phone":
        return said("telephone")
    if name == "contact_email":
        return said("email")
    if re.fullmatch(r"[A-Z][0-9]{1,3}", name):
        return said("number")
    return said("characters")


# -- Against the scenario --------------------------------------------------------------------------
def asked_in(envelope: str, demands: Demands) -> tuple[str, list[str]]:
    """The part of an envelope that answers the demand's own codes, and these; else nothing."""
    part, name = ANSWERS.get(envelope, ("", ""))
    return part, getattr(demands, name) if name else []


def check_answers(found: Found, envelope: str, form: Any, demands: Demands) -> None:
    part, asked = asked_in(envelope, demands)
    given = mapping(form).get(part)
    if not isinstance(given, dict):
        return
    for code in asked:
        if code not in given:
            found.add(f"{envelope}.{part}.{code}", said("fill_in"))
    for code in given:
        if code not in asked:
            found.add(f"{envelope}.{part}.{code}", said("nothing_asked"))


def check_business(found: Found, form: Form, file_names: list[str], demands: Demands) -> None:
    if len(form["consortium"]) + 1 > demands.consortium_max:
        found.add(
            "business.consortium",
            said("consortium_most", most=demands.consortium_max)
            if demands.consortium_max > 1
            else said("consortium_none"),
        )
    for place, partner in enumerate(form["consortium"]):
        try:
            validate_uscc(partner["uscc"])
        except ValidationError as error:
            for sentence in error.messages:
                found.add(f"business.consortium.{place}.uscc", sentence)
    for path, code, values in consortium_faults(form, demands.organisation.uscc, file_names):
        found.add(f"business.{path}", said(code, **values))


def check_technical(found: Found, form: Form, _names: list[str], demands: Demands) -> None:
    """Nothing that its shape and its answers do not say."""


def check_price(found: Found, form: Form, _names: list[str], demands: Demands) -> None:
    total = Decimal(form["total_cny"])
    if total <= 0:
        found.add("price.total_cny", said("price_zero"))
    if total > demands.budget_cny:
        budget = f"{demands.budget_cny:,.2f}"
        found.add("price.total_cny", said("above_budget", budget=budget))
    nodes = sum((Decimal(node["amount_cny"]) for node in form["nodes"]), Decimal(0))
    if nodes != total:
        found.add("price.nodes", said("nodes_sum", sum=f"{nodes:,.2f}", total=f"{total:,.2f}"))


CHECKS: dict[str, Callable[[Found, Form, list[str], Demands], None]] = {
    Envelope.BUSINESS: check_business,
    Envelope.TECHNICAL: check_technical,
    Envelope.PRICE: check_price,
}


# -- Files -----------------------------------------------------------------------------------------
def check_file_names(found: Found, envelope: str, names: list[str]) -> None:
    if len(names) > FILES_MAX:
        found.add(f"files.{envelope}", said("files_most"))
    met: set[str] = set()
    for place, name in enumerate(names):
        path = f"files.{envelope}.{place}"
        if not safe_name(name):
            found.add(path, said("file_name", name=name))
        if name.casefold() in met:
            found.add(path, said("file_twice", name=name))
        met.add(name.casefold())


# -- Anonymity -------------------------------------------------------------------------------------
def anonymity_faults(
    technical: Any, file_names: list[str], business: Any, organisation: Organisation
) -> Faults:
    """Where the technical envelope tells who the bidder is."""
    found = Found()
    telling = telling_names(organisation, mapping(business))
    texts = [(f"files.technical.{place}", name) for place, name in enumerate(file_names)]
    for path, text in [*leaves("technical", technical), *texts]:
        for name in names_found(text, telling):
            found.add(path, said("names_bidder", name=name))
    return found.faults
