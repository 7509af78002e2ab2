"""What the design of a race holds: every field, its kind and its limits.

Pure: no database. `read` refuses absurd content at once, field by field; whether a design is
complete is another question and stands in checks.py. Faults name their place as the demand's do:
"entrants", "heats-0-days", "heats-0-measures-1-weight", numbered from nought.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from marketplace.scenarios.content import Fault, is_blank
from marketplace.scenarios.readers import (
    Reader,
    Wrong,
    decimal,
    flag,
    narrow,
    one_of,
    text,
    whole,
)

FORMAT = "jiebang-race-design/1"
HEATS_MOST = 6
MEASURES_MOST = 12
SETTINGS_MOST = 4_000
LARGEST = Decimal(10) ** 12
HUNDRED = Decimal(100)
MEASURE_CODE = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
METRIC_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}\.[a-z][a-z0-9_]{0,39}", re.ASCII)

KINDS = ("automatic", "field", "panel", "trial")
TIES = ("critical", "price", "receipt")
NAMES = ("codes", "names")
DIRECTIONS = ("higher", "lower")
CHOICES = ("last", "chosen")
# Of a heat with an automatic measure alone; others have none of them.
OF_ATTEMPTS = ("attempts_day", "attempts_total", "public_percent", "rounding", "choice")


def settled(places: int, **limits: Any) -> Reader:
    """A number kept as the text that canonical JSON has: "100000.00", or "0.95" where it may vary."""
    inner = decimal(places=places, **limits)

    def read(raw: Any) -> str | None:
        value = inner(raw)
        return None if value is None else f"{value:f}"

    return read


def figure(raw: Any) -> str | None:
    """A target or pass line: at most six decimal places, no noughts at its end."""
    value = decimal(places=6, least=-LARGEST, most=LARGEST)(raw)
    if value is None:
        return None
    return f"{value.normalize():f}" if value else "0"


def measure_code(raw: Any) -> str:
    clean = narrow(raw).lower() if isinstance(raw, str) else ""
    if (raw not in (None, "") and not clean) or (clean and not MEASURE_CODE.fullmatch(clean)):
        sentence = _("A code has small letters, digits and _, at most 32, as detection_rate.")
        raise Wrong("code.form", sentence)
    return clean


def metric_code(raw: Any) -> str | None:
    clean = raw.strip() if isinstance(raw, str) else raw
    if clean in (None, ""):
        return None
    if not isinstance(clean, str) or not METRIC_CODE.fullmatch(clean):
        raise Wrong("choice.unknown", _("Choose one of the values offered."))
    return clean


def evaluator_name(raw: Any) -> str | None:
    if raw in (None, ""):
        return None
    if not isinstance(raw, str) or not MEASURE_CODE.fullmatch(raw):
        raise Wrong("choice.unknown", _("Choose one of the values offered."))
    return raw


def settings(raw: Any) -> dict[str, Any]:
    """What an evaluator is told: names and plain values; what they mean it says itself."""
    if raw in (None, ""):
        return {}
    if not isinstance(raw, Mapping) or not all(isinstance(name, str) for name in raw):
        raise Wrong("settings.form", _("Settings are names with values, as a JSON object."))
    size = 0
    rows: list[Any] = [dict(raw)]
    for value in rows:  # which grows meanwhile
        if isinstance(value, Mapping):
            rows.extend([*value.keys(), *value.values()])
        elif isinstance(value, list):
            rows.extend(value)
        elif isinstance(value, float):
            sentence = _('Write figures of settings as text, as "0.005".')
            raise Wrong("settings.float", sentence)
        elif isinstance(value, str):
            text(SETTINGS_MOST, lines=True)(value)
            size += len(value)
        size += 1
        if size > SETTINGS_MOST:
            raise Wrong("settings.size", _("The settings are longer than allowed."))
    return dict(raw)


def ties(raw: Any) -> list[str]:
    """In which order equal scores are told apart; nothing given is the usual order."""
    given = raw.split() if isinstance(raw, str) else raw
    if not given:
        return list(TIES)
    if not isinstance(given, list | tuple) or sorted(map(str, given)) != sorted(TIES):
        raise Wrong("ties.form", _("Name each of the three ways once."))
    return list(given)


WHOLE: dict[str, Reader] = {
    "entrants": whole(least=2, most=5),
    "names": one_of(NAMES, empty="codes"),
    "tie": ties,
}
HEAT: dict[str, Reader] = {
    "name": text(60),
    "name_en": text(100),
    "days": whole(least=1, most=365),
    "grant_cny": settled(2, least=Decimal(0), most=Decimal(10_000_000_000)),
    "keep": whole(least=1, most=5),
    "pass_score": settled(2, least=Decimal(0), most=HUNDRED),
    "objection_days": whole(least=1, most=30),
    "tester": text(200),
    "evaluator": evaluator_name,
    "settings": settings,
    "attempts_day": whole(least=1, most=100),
    "attempts_total": whole(least=1, most=1000),
    "public_percent": whole(least=0, most=90),
    "rounding": whole(least=0, most=6),
    "choice": one_of(CHOICES),
}
MEASURE: dict[str, Reader] = {
    "code": measure_code,
    "name": text(60),
    "name_en": text(100),
    "kind": one_of(KINDS),
    "metric": metric_code,
    "unit": text(20),
    "direction": one_of(DIRECTIONS),
    "target": figure,
    "pass_line": figure,
    "critical": flag,
    "weight": whole(least=1, most=100),
}


def read(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The whole design in its canonical shape, and every fault; with faults it is not kept."""
    unknown = data.keys() - {*WHOLE, "heats"}
    sentence = _("There is no such field.")
    faults = [Fault(str(name), "field.unknown", sentence) for name in sorted(map(str, unknown))]
    design = _row(WHOLE, {name: data.get(name) for name in WHOLE}, "", faults)
    design["heats"] = [
        _heat(place, raw, faults)
        for place, raw in _rows(data.get("heats"), "heats", HEATS_MOST, faults)
    ]
    return design, faults


def _heat(place: int, raw: Mapping[str, Any], faults: list[Fault]) -> dict[str, Any]:
    where = f"heats-{place}-"
    rest = {name: value for name, value in raw.items() if name != "measures"}
    heat = _row(HEAT, rest, where, faults)
    heat["measures"] = [
        _row(MEASURE, row, f"{where}measures-{number}-", faults)
        for number, row in _rows(raw.get("measures"), f"{where}measures", MEASURES_MOST, faults)
    ]
    return heat


def _rows(
    raw: Any, where: str, most: int, faults: list[Fault]
) -> Sequence[tuple[int, Mapping[str, Any]]]:
    """The rows with their places, without those in which nothing stands."""
    if raw is None:
        return []
    if not isinstance(raw, list | tuple) or any(not isinstance(row, Mapping) for row in raw):
        faults.append(Fault(where, "rows.kind", _("Give a list of rows.")))
        return []
    given = [(place, row) for place, row in enumerate(raw) if not is_blank(row)]
    if len(given) > most:
        sentence = _("At most %(most)s rows; there are %(have)s.")
        faults.append(Fault(where, "rows.most", sentence % {"most": most, "have": len(given)}))
        return []
    return given


def _row(
    readers: Mapping[str, Reader], raw: Mapping[str, Any], where: str, faults: list[Fault]
) -> dict[str, Any]:
    for name in raw.keys() - readers.keys():
        sentence = _("There is no such field.")
        faults.append(Fault(f"{where}{name}", "field.unknown", sentence))
    row: dict[str, Any] = {}
    for name, reader in readers.items():
        try:
            row[name] = reader(raw.get(name))
        except Wrong as wrong:
            faults.append(Fault(f"{where}{name}", wrong.rule, wrong.message))
            row[name] = None
    return row
