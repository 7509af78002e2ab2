"""Experts of the pool, written directly; without a word more they may be drawn."""

from __future__ import annotations

from typing import Any

from marketplace.accounts.models import Organisation
from marketplace.base.actor import Actor, Role
from marketplace.experts.models import Expert, ExpertKind, Grade, Interest, InterestKind
from tests import world


def expert(*specialties: str, actor: Actor | None = None, **fields: Any) -> Expert:
    """Somebody who fulfils every rule: senior, long in the field, neither expired nor suspended."""
    values: dict[str, Any] = {
        "specialties": list(specialties) or ["ot_security"],
        "kind": ExpertKind.TECHNICAL,
        "grade": Grade.SENIOR,
        "title": "高级工程师",
        "field_from_year": 2005,
    }
    user = (actor or world.person(Role.EXPERT)).person
    return Expert.objects.create(user=user, **(values | fields))


def tied(
    organisation: Organisation | None, kind: str = InterestKind.EMPLOYMENT, **fields: Any
) -> Expert:
    """An expert with one interest in this organisation, or in a party named in `fields`."""
    found = fields.pop("expert", None) or expert()
    Interest.objects.create(expert=found, organisation=organisation, kind=kind, **fields)
    return found
