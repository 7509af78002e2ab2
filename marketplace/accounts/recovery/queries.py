from __future__ import annotations

from marketplace.accounts.recovery.models import FactorReset, FactorResetQuerySet
from marketplace.base.actor import Actor


def resets(actor: Actor) -> FactorResetQuerySet:
    """Newest first."""
    rows = FactorReset.objects.visible_to(actor)
    return rows.select_related("user", "asked_by", "decided_by").order_by("-id")
