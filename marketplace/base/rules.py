from collections.abc import Callable
from typing import Any

from marketplace.base.actor import Actor
from marketplace.base.errors import NotAllowed, PledgeMissing, ReadingNeedsPledge

Rule = Callable[[Actor, Any], bool]
CONFIDENTIALITY = "confidentiality"


def require(rule: Rule, actor: Actor, row: Any, *, unpledged: bool = False) -> None:
    """Raise NotAllowed, with the rule's name as code, unless the rule lets the actor do it.

    Raises PledgeMissing while the actor has pledges to sign; `unpledged` is for the few deeds that
    may come before it, the signing itself above all.
    """
    if not rule(actor, row):
        raise NotAllowed(code=f"not_allowed.{rule.__name__.removeprefix('can_')}")
    if not unpledged and actor.owes():
        raise PledgeMissing


def require_confidentiality(actor: Actor) -> None:
    """Raise ReadingNeedsPledge unless confidentiality is pledged: opened bids, panels, sheets."""
    if CONFIDENTIALITY in actor.owes():
        raise ReadingNeedsPledge
