"""When a window of a rule profile ends, by the official calendars on file."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from django.utils.translation import gettext_lazy as _

from marketplace.base.clock import SHANGHAI, day_after, day_starts_at
from marketplace.base.errors import DomainError
from marketplace.scenarios.calendar import MissingYear, Years, last_day, last_working_day
from marketplace.scenarios.reference import OfficialCalendar, RuleProfile


class CalendarMissing(DomainError):
    code = "calendar.missing"
    message = _(
        "The official holiday calendar of %(year)s is not on file, so the date cannot be computed."
        " Load the calendar once the notice of the State Council is out."
    )


def official_years() -> Years:
    """The newest version of every year on file."""
    rows = OfficialCalendar.objects.order_by("year", "version")
    return {row.year: (frozenset(row.holidays), frozenset(row.workdays)) for row in rows}


def window_end(profile: RuleProfile, name: str, from_at: datetime) -> datetime:
    """When the profile's window `name` that begins at `from_at` has run out.

    Seconds are added; days and working days do not count the day of `from_at` and end at 00:00
    Asia/Shanghai after their last one. Raises KeyError for an unknown name and CalendarMissing
    where a working day falls into a year without its calendar.
    """
    count, unit = profile.count(name), profile.unit(name)
    if unit == "second":
        return from_at + timedelta(seconds=count)
    start = from_at.astimezone(SHANGHAI).date()
    if unit == "day":
        return day_starts_at(day_after(last_day(start, count)))
    if unit == "working_day":
        try:
            end = last_working_day(start, count, official_years())
        except MissingYear as missing:
            raise CalendarMissing(year=missing.year) from missing
        return day_starts_at(day_after(end))
    raise ValueError(f"{name} is no window: its unit is {unit}")


def due_by(profile: RuleProfile | None, window: str, days: int, from_at: datetime) -> datetime:
    """The end of the frozen profile's window where it has one, else after so many days.

    Days end at 00:00 Asia/Shanghai after their last one, as everywhere. Where the profile's own
    window cannot be computed for want of a calendar, the days stand in: it is only a reminder.
    """
    if profile is not None and window in profile.values:
        try:
            return window_end(profile, window, from_at)
        except CalendarMissing:
            pass
    return day_starts_at(from_at.astimezone(SHANGHAI).date() + timedelta(days=days + 1))


def window_start(profile: RuleProfile, name: str, before_at: datetime) -> datetime:
    """Until when, half-open, something comes `name` before an instant, counted backwards.

    The day of `before_at` does not count; the last day in time is the count-th before it, to its
    end in Beijing. Working days are not counted backwards: no rule asks for it.
    """
    count, unit = profile.count(name), profile.unit(name)
    if unit == "second":
        return before_at - timedelta(seconds=count)
    if unit == "day":
        day = before_at.astimezone(SHANGHAI).date() - timedelta(days=count)
        return day_starts_at(day_after(day))
    raise ValueError(f"{name} is not counted backwards: its unit is {unit}")


def later_deadline(deadline: datetime, least: datetime) -> datetime:
    """Not before `least`: the same time of day, as few whole days later as serve."""
    if deadline >= least:
        return deadline
    return deadline + timedelta(days=ceil((least - deadline) / timedelta(days=1)))


def whole_milliseconds(at: datetime) -> datetime:
    """As the log tells instants: the next one, where it is none itself."""
    rest = at.microsecond % 1000
    return at + timedelta(microseconds=1000 - rest) if rest else at
