from collections.abc import Callable
from typing import Any, TypeVar

from marketplace.base.actor import Actor, Role
from marketplace.base.errors import NotAllowed, PledgeMissing, ReadingNeedsPledge

Rule = Callable[[Actor, Any], bool]
R = TypeVar("R", bound=Callable[..., bool])
CONFIDENTIALITY = "confidentiality"
INSPECTOR_MAY: set[Callable[..., bool]] = set()


def inspector_may(rule: R) -> R:
    """Mark one of the few rules for deeds of an inspector's own: whoever inspects changes nothing."""
    INSPECTOR_MAY.add(rule)
    return rule


def require(rule: Rule, actor: Actor, row: Any, *, unpledged: bool = False) -> None:
    """Raise NotAllowed, with the rule's name as code, unless the rule lets the actor do it.

    An inspector is let through by no rule that is not marked for it. Raises PledgeMissing while
    the actor has pledges to sign; `unpledged` is for the few deeds that may come before it, the
    signing itself above all.
    """
    barred = actor.role == Role.INSPECTOR and rule not in INSPECTOR_MAY
    if barred or not rule(actor, row):
        raise NotAllowed(code=f"not_allowed.{rule.__name__.removeprefix('can_')}")
    if not unpledged and actor.owes():
        raise PledgeMissing


def require_confidentiality(actor: Actor) -> None:
    """Raise ReadingNeedsPledge unless confidentiality is pledged: opened bids, panels, sheets."""
    if CONFIDENTIALITY in actor.owes():
        raise ReadingNeedsPledge
