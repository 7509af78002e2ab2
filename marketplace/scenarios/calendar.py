"""Days and working days. Pure: dates in, dates out.

A calendar of official notices is {year: (days off, make-up working days)}. Saturdays and Sundays
are off unless worked, other days are worked unless off; a year without its notice fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

Years = Mapping[int, tuple[frozenset[date], frozenset[date]]]
ONE_DAY = timedelta(days=1)


class MissingYear(LookupError):
    """No official calendar of this year is known."""

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(year)


def is_working_day(day: date, years: Years) -> bool:
    """Raises MissingYear."""
    if day.year not in years:
        raise MissingYear(day.year)
    holidays, workdays = years[day.year]
    if day in workdays:
        return True
    return day.weekday() < 5 and day not in holidays


def last_working_day(start: date, count: int, years: Years) -> date:
    """The `count`-th working day after `start`, which itself does not count (民法典 201).

    count is at least 1. Raises MissingYear if the search reaches a year without its notice.
    """
    if count < 1:
        raise ValueError(count)
    day = start
    while count:
        day += ONE_DAY
        count -= is_working_day(day, years)
    return day


def last_day(start: date, count: int) -> date:
    """The `count`-th calendar day after `start`, which itself does not count."""
    return start + timedelta(days=count)
