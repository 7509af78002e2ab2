"""Who inspects, registers approaches, sends and answers tips."""

from __future__ import annotations

from typing import Any

from marketplace.base.actor import Actor, Role
from marketplace.base.rules import inspector_may
from marketplace.supervision.models import Inspection, Tip


@inspector_may
def can_request_inspection(actor: Actor, row: Any) -> bool:
    """Inspectors, each for himself."""
    return actor.role == Role.INSPECTOR


@inspector_may
def can_end_inspection(actor: Actor, inspection: Inspection) -> bool:
    """Whose request it is."""
    return actor.role == Role.INSPECTOR and actor.user_id == inspection.inspector_id


@inspector_may
def can_register_approach(actor: Actor, row: Any) -> bool:
    """Whoever is signed in, in any role: anybody may be approached."""
    return actor.user_id is not None


@inspector_may
def can_send_tip(actor: Actor, row: Any) -> bool:
    """Everybody, without saying who."""
    return actor.role == Role.VISITOR


@inspector_may
def can_answer_tip(actor: Actor, tip: Tip) -> bool:
    return actor.role == Role.INSPECTOR
