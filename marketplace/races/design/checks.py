"""Is a design complete, and can it be run? Every fault at once, each with its place.

Pure: a design in the shape of content.py, and what the demand says, in; faults out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from marketplace.races.design.catalogue import bounds, settings_faults
from marketplace.races.design.content import OF_ATTEMPTS
from marketplace.scenarios.checks import plain
from marketplace.scenarios.content import Fault
from marketplace.scenarios.disclosure.patterns import forbidden

Design = Mapping[str, Any]
DAYS_OF_A_MONTH = 31
NEEDED_OF_HEAT = ("name", "days", "grant_cny", "keep", "objection_days", "tester")
NEEDED_OF_MEASURE = ("code", "name", "kind", "direction", "target", "weight")


@dataclass(frozen=True)
class Demand:
    """What the demand says that the design must fit; None where it does not say it yet."""

    race_entrants: int | None
    budget_cny: Decimal | None
    duration_months: int | None


def faults(design: Design, demand: Demand) -> list[Fault]:
    return [
        *_whole(design, demand),
        *_keeping(design),
        *_money(design, demand),
        *_time(design, demand),
        *(
            fault
            for place, heat in enumerate(design["heats"])
            for fault in _heat(place, heat, last=place == len(design["heats"]) - 1)
        ),
        *_forbidden(design),
    ]


def runners(design: Design) -> list[int]:
    """How many may run in each heat: all entrants in the first, then what the one before kept."""
    entering = design.get("entrants") or 0
    found = []
    for heat in design["heats"]:
        found.append(entering)
        entering = min(entering, heat.get("keep") or entering)
    return found


def grants_cny(design: Design) -> Decimal:
    """What the grants add up to if nobody leaves."""
    amounts = (Decimal(heat.get("grant_cny") or 0) for heat in design["heats"])
    return sum((n * cny for n, cny in zip(runners(design), amounts, strict=True)), Decimal("0.00"))


def weight_of(heat: Mapping[str, Any]) -> int:
    return sum(measure.get("weight") or 0 for measure in heat["measures"])


def is_automatic(heat: Mapping[str, Any]) -> bool:
    return any(measure["kind"] == "automatic" for measure in heat["measures"])


def missing(where: str) -> Fault:
    return Fault(where, "required", _("This is needed before the demand is published."))


def _whole(design: Design, demand: Demand) -> Iterator[Fault]:
    entrants = design.get("entrants")
    if entrants is None:
        yield missing("entrants")
    elif demand.race_entrants is not None and entrants > demand.race_entrants:
        sentence = _("The demand speaks of a race of %(n)s: no more may enter.")
        yield Fault("entrants", "race.entrants", sentence % {"n": demand.race_entrants})
    if not design["heats"]:
        yield Fault("heats", "heats.none", _("A race has at least one heat."))


def _keeping(design: Design) -> Iterator[Fault]:
    """What is kept never grows, more than one until the last heat, which keeps one."""
    heats, before = design["heats"], design.get("entrants")
    for place, heat in enumerate(heats):
        keep, where = heat.get("keep"), f"heats-{place}-keep"
        if keep is None:
            continue
        if place == len(heats) - 1:
            if keep != 1:
                yield Fault(where, "keep.last", _("The last heat decides: it keeps exactly one."))
        elif keep < 2:
            sentence = _("Before the last heat at least two go on.")
            yield Fault(where, "keep.few", sentence)
        if before is not None and keep > before:
            sentence = _("At most %(n)s run in this heat; it cannot keep more.")
            yield Fault(where, "keep.grows", sentence % {"n": before})
        before = keep


def _money(design: Design, demand: Demand) -> Iterator[Fault]:
    total = grants_cny(design)
    if demand.budget_cny is not None and total > demand.budget_cny:
        sentence = _("The grants add up to %(total)s yuan, more than the budget of %(budget)s.")
        values = {"total": f"{total:,.2f}", "budget": f"{demand.budget_cny:,.2f}"}
        yield Fault("heats", "grants.budget", sentence % values)


def _time(design: Design, demand: Demand) -> Iterator[Fault]:
    days = sum((h.get("days") or 0) + (h.get("objection_days") or 0) for h in design["heats"])
    months = demand.duration_months
    if months is not None and days > months * DAYS_OF_A_MONTH:
        sentence = _("The heats take %(days)s days, more than the %(months)s months of the demand.")
        yield Fault("heats", "heats.long", sentence % {"days": days, "months": months})


def _heat(place: int, heat: Mapping[str, Any], *, last: bool) -> Iterator[Fault]:
    where = f"heats-{place}"
    for name in NEEDED_OF_HEAT:
        if heat.get(name) in (None, ""):
            yield missing(f"{where}-{name}")
    if not heat["measures"]:
        yield Fault(f"{where}-measures", "measures.none", _("Name at least one measure."))
        return
    weight = weight_of(heat)
    if weight != 100:
        sentence = _("The weights must sum to exactly 100; they sum to %(total)s.")
        yield Fault(f"{where}-measures", "weights.sum", sentence % {"total": weight})
    if last and not any(measure["critical"] for measure in heat["measures"]):
        sentence = _("The last heat decides: at least one of its measures is critical.")
        yield Fault(f"{where}-measures", "measures.critical", sentence)
    yield from _attempts(where, heat)
    taken: set[str] = set()
    for number, measure in enumerate(heat["measures"]):
        at = f"{where}-measures-{number}"
        yield from _measure(at, measure, heat)
        if measure["code"] and measure["code"] in taken:
            sentence = _("The code %(code)s stands twice.") % {"code": measure["code"]}
            yield Fault(f"{at}-code", "code.twice", sentence)
        taken.add(measure["code"])


def _attempts(where: str, heat: Mapping[str, Any]) -> Iterator[Fault]:
    """What a heat with result files says of them, and no other heat."""
    if not is_automatic(heat):
        if heat["evaluator"]:
            sentence = _("No measure of this heat is automatic: it needs no evaluator.")
            yield Fault(f"{where}-evaluator", "evaluator.unused", sentence)
        return
    if not heat["evaluator"]:
        yield missing(f"{where}-evaluator")
    for name in OF_ATTEMPTS:
        if heat[name] is None:
            yield missing(f"{where}-{name}")
    day, total = heat["attempts_day"], heat["attempts_total"]
    if day and total and day > total:
        sentence = _("A day cannot have more attempts than the whole heat.")
        yield Fault(f"{where}-attempts_day", "attempts.day", sentence)
    if heat["evaluator"]:
        for at, rule, sentence in settings_faults(heat["evaluator"], heat["settings"]):
            field = "settings" if rule != "evaluator.unknown" else "evaluator"
            yield Fault(f"{where}-{field}", rule, f"{at}: {sentence}" if at else sentence)


def _measure(at: str, measure: Mapping[str, Any], heat: Mapping[str, Any]) -> Iterator[Fault]:
    for name in NEEDED_OF_MEASURE:
        if measure[name] in (None, ""):
            yield missing(f"{at}-{name}")
    yield from _metric(at, measure, heat)
    line, target = (
        None if measure[name] is None else Decimal(measure[name])
        for name in ("pass_line", "target")
    )
    if measure["critical"] and line is None:
        sentence = _("A critical measure needs a pass line: below it nobody goes on.")
        yield Fault(f"{at}-pass_line", "line.critical", sentence)
    if measure["direction"] == "lower":
        if line is None and not measure["critical"]:
            sentence = _("Where less is better, points are counted from a pass line: give one.")
            yield Fault(f"{at}-pass_line", "line.lower", sentence)
        if line is not None and target is not None and target >= line:
            sentence = _("The target must be better, here less, than the pass line.")
            yield Fault(f"{at}-target", "target.worse", sentence)
    elif target is not None and target <= (line or Decimal(0)):
        sentence = _("The target must be better, here more, than the pass line, or than nought.")
        yield Fault(f"{at}-target", "target.worse", sentence)


def _metric(at: str, measure: Mapping[str, Any], heat: Mapping[str, Any]) -> Iterator[Fault]:
    if measure["kind"] != "automatic":
        if measure["metric"] is not None:
            sentence = _("Only an automatic measure is computed from a metric.")
            yield Fault(f"{at}-metric", "metric.unused", sentence)
        return
    if measure["metric"] is None:
        yield missing(f"{at}-metric")
        return
    if not heat["evaluator"]:
        return
    metric = bounds(heat["evaluator"], heat["settings"], measure["metric"])
    if metric is None:
        sentence = _("This evaluator, with these settings, does not compute that.")
        yield Fault(f"{at}-metric", "metric.unknown", sentence)
        return
    if measure["direction"] and measure["direction"] != metric.direction:
        higher = _("With this metric more is better.")
        lower = _("With this metric less is better.")
        sentence = higher if metric.direction == "higher" else lower
        yield Fault(f"{at}-direction", "metric.direction", sentence)
    for name in ("target", "pass_line"):
        value = None if measure[name] is None else Decimal(measure[name])
        low = value is not None and metric.low is not None and value < metric.low
        if low or (value is not None and metric.high is not None and value > metric.high):
            least = "−∞" if metric.low is None else plain(metric.low)
            most = "∞" if metric.high is None else plain(metric.high)
            sentence = _("This metric gives values from %(least)s to %(most)s.")
            values = {"least": least, "most": most}
            yield Fault(f"{at}-{name}", "metric.range", sentence % values)


def texts_of(design: Design) -> dict[str, str]:
    """Everything written in a design, by the place of its field."""
    found = {}
    for place, heat in enumerate(design["heats"]):
        for name in ("name", "name_en", "tester"):
            found[f"heats-{place}-{name}"] = heat[name] or ""
        for number, measure in enumerate(heat["measures"]):
            for name in ("name", "name_en", "unit"):
                found[f"heats-{place}-measures-{number}-{name}"] = measure[name] or ""
    return found


def _forbidden(design: Design) -> Iterator[Fault]:
    for name, finding in forbidden(texts_of(design)):
        yield Fault(name, f"forbidden.{finding.rule}", str(finding.sentence))
