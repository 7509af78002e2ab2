from __future__ import annotations

from marketplace.accounts.models import PersonRole, User
from marketplace.base.actor import Role
from marketplace.experts.graph import Conflict, conflicts, conflicts_of

__all__ = ["Conflict", "conflicts", "conflicts_of", "pool"]


def pool() -> list[User]:
    """Everybody who acts as an expert, by name."""
    experts = PersonRole.objects.filter(role=Role.EXPERT).values("user_id")
    users = User.objects.filter(pk__in=experts, is_active=True).select_related("expert")
    return list(users.order_by("name", "pk"))
