from collections.abc import Callable
from typing import Any

from marketplace.base.actor import Actor
from marketplace.base.errors import NotAllowed

Rule = Callable[[Actor, Any], bool]


def require(rule: Rule, actor: Actor, row: Any) -> None:
    """Raise NotAllowed, with the rule's name as code, unless the rule lets the actor do it."""
    if not rule(actor, row):
        raise NotAllowed(code=f"not_allowed.{rule.__name__.removeprefix('can_')}")
