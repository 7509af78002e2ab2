from __future__ import annotations

from marketplace.base.actor import Actor, Role
from marketplace.experts.models import Expert, Interest


def _own(actor: Actor, expert: Expert) -> bool:
    return actor.role == Role.EXPERT and actor.user_id == expert.user_id


def can_import_experts(actor: Actor, expert: Expert | None) -> bool:
    """Officers fill the pool; the secretary, who draws from it, does not."""
    return actor.role == Role.OFFICER


def can_edit_expert(actor: Actor, expert: Expert) -> bool:
    """Officers; never the own entry."""
    return actor.role == Role.OFFICER and actor.user_id != expert.user_id


def can_suspend_expert(actor: Actor, expert: Expert) -> bool:
    return can_edit_expert(actor, expert)


def can_confirm_record(actor: Actor, expert: Expert) -> bool:
    """The expert, that the own entry is complete and true."""
    return _own(actor, expert)


def can_state_interest(actor: Actor, expert: Expert) -> bool:
    """Officers what they know, and the expert what only the expert knows."""
    return can_edit_expert(actor, expert) or _own(actor, expert)


def can_strike_interest(actor: Actor, interest: Interest) -> bool:
    """Officers; the expert only what the expert entered: nobody unties himself by his own word."""
    own = _own(actor, interest.expert) and interest.entered_by_id == actor.user_id
    return own or can_edit_expert(actor, interest.expert)
