"""On how many panels an expert sat lately. The panels live above: their room says where."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from marketplace.base.clock import day_starts_at
from marketplace.experts.graph import years_before

# Rows with `user`, one for each panel that somebody was seated on since then.
Seats = Callable[[datetime], QuerySet[Any]]
SEATS: list[Seats] = []


def seats(source: Seats) -> Seats:
    """Register where the seats are."""
    SEATS.append(source)
    return source


def panels_since(day: date) -> Any:
    """An expression for rows with `user`: the panels of the twelve months before that day."""
    count: Any = Value(0, output_field=IntegerField())
    for rows in _lately(day):
        mine = rows.filter(user=OuterRef("user")).order_by()
        number = mine.values("user").annotate(number=Count("pk")).values("number")
        count = count + Coalesce(Subquery(number, output_field=IntegerField()), 0)
    return count


def panels_by_user(day: date) -> dict[int, int]:
    """{user id: panels of those twelve months} of everybody who had one."""
    found: dict[int, int] = {}
    for rows in _lately(day):
        counted = rows.order_by().values("user").annotate(number=Count("pk"))
        for user_id, number in counted.values_list("user", "number"):
            found[user_id] = found.get(user_id, 0) + number
    return found


def _lately(day: date) -> list[QuerySet[Any]]:
    since = day_starts_at(years_before(day, 1))
    return [source(since) for source in SEATS]
