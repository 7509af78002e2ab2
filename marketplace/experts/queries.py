from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from marketplace.accounts.models import PersonRole, User
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.experts.candidates import with_standing
from marketplace.experts.graph import Conflict, conflicts, conflicts_of
from marketplace.experts.models import Expert, Interest
from marketplace.experts.workload import panels_since

__all__ = ["Conflict", "conflicts", "conflicts_of", "pool"]

# So long before its end an entry is called expiring.
EXPIRING = timedelta(days=90)
# So long after it was confirmed an entry is to be confirmed again.
CONFIRM_EVERY = timedelta(days=365)


def pool() -> list[User]:
    """Everybody who acts as an expert, by name."""
    experts = PersonRole.objects.filter(role=Role.EXPERT).values("user_id")
    users = User.objects.filter(pk__in=experts, is_active=True).select_related("expert")
    return list(users.order_by("name", "pk"))


def entries(actor: Actor) -> QuerySet[Any]:
    """The entries that the actor sees, with `panels` and `barred` of today, by the law's numbers."""
    rows = Expert.objects.visible_to(actor).select_related("user")
    today = clock.today()
    return with_standing(rows, None, today).annotate(panels=panels_since(today))


def found(
    rows: QuerySet[Any], *, words: str = "", specialty: str = "", kind: str = "", standing: str = ""
) -> QuerySet[Any]:
    """standing: ready, expiring, unconfirmed, or a reason of `candidates.REASONS`."""
    if words:
        named = Q(user__name__icontains=words) | Q(user__name_en__icontains=words)
        rows = rows.filter(named | Q(number__iexact=words) | Q(user__email__iexact=words))
    if specialty:
        rows = rows.filter(specialties__contains=[specialty])
    if kind:
        rows = rows.filter(kind=kind)
    today = clock.today()
    if standing == "ready":
        rows = rows.filter(barred="")
    elif standing == "expiring":
        rows = rows.filter(valid_until__gt=today, valid_until__lte=today + EXPIRING)
    elif standing == "unconfirmed":
        rows = rows.filter(unconfirmed(clock.now() - CONFIRM_EVERY))
    elif standing:
        rows = rows.filter(barred=standing)
    return rows.order_by("user__name", "pk")


def unconfirmed(since: Any) -> Q:
    return Q(confirmed_at=None) | Q(confirmed_at__lte=since)


def ties_of(actor: Actor, expert: Expert) -> list[Interest]:
    """What ties this expert, present ones first, without those struck out. One query."""
    rows = Interest.objects.visible_to(actor).standing().filter(expert=expert)
    listed = list(rows.select_related("organisation").order_by("pk"))
    today = clock.today()
    return sorted(listed, key=lambda row: (ended(row, today), -(_began(row))))


def ended(row: Interest, day: date) -> bool:
    return row.until_date is not None and row.until_date <= day


def _began(row: Interest) -> int:
    return row.from_date.toordinal() if row.from_date else 0
