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
    for source in SEATS:
        rows = source(day_starts_at(years_before(day, 1))).filter(user=OuterRef("user"))
        number = rows.order_by().values("user").annotate(number=Count("pk")).values("number")
        count = count + Coalesce(Subquery(number, output_field=IntegerField()), 0)
    return count
