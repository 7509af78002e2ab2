"""Tells the pool of experts who sat on panels, for workload and rotation."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from marketplace.committee.models import MemberState, PanelMember
from marketplace.experts.workload import seats


@seats
def seated_since(at: datetime) -> QuerySet[PanelMember]:
    """Whoever was recused did not review: it is no panel of theirs."""
    return PanelMember.objects.filter(created_at__gte=at).exclude(state=MemberState.RECUSED)
