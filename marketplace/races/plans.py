"""What the frozen design says of one heat."""

from __future__ import annotations

from typing import Any

from marketplace.races.models import Heat

Plan = dict[str, Any]


def plan_of(heat: Heat) -> Plan:
    """The heat's part of the design, as design/content.py has it."""
    plan: Plan = heat.race.design.content["heats"][heat.number - 1]
    return plan


def is_measured(plan: Plan) -> bool:
    """Whether result files are handed in and measured by an evaluator against a truth."""
    return bool(plan.get("evaluator"))


def metrics_of(plan: Plan) -> list[str]:
    """The evaluator's metrics that the heat is decided by: "classification.macro_f1"."""
    return [row["metric"] for row in plan["measures"] if row["kind"] == "automatic"]
