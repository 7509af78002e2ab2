"""The numbers of a rule profile that concern races, and what stands where it says nothing (待核)."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketplace.base.clock import SHANGHAI, day_after, day_starts_at
from marketplace.scenarios.calendar import MissingYear, last_day, last_working_day
from marketplace.scenarios.reference import RuleProfile
from marketplace.scenarios.windows import CalendarMissing, official_years, window_end

ENTRANTS_MIN = 2
# Working days; under a profile that counts in seconds the length of its publicity instead.
SHORTLIST_PUBLICITY = 3
AGREEMENT = 5
# How long a day of a heat lasts under a profile that counts in seconds.
DEMO_DAY = timedelta(seconds=20)


def in_seconds(profile: RuleProfile) -> bool:
    return profile.unit("publicity_min") == "second"


def until(profile: RuleProfile, name: str, days: int, from_at: datetime) -> datetime:
    """The end of the profile's window, or of so many working days. Raises CalendarMissing."""
    if name in profile.values:
        return window_end(profile, name, from_at)
    if in_seconds(profile):
        return window_end(profile, "publicity_min", from_at)
    start = from_at.astimezone(SHANGHAI).date()
    try:
        end = last_working_day(start, days, official_years())
    except MissingYear as missing:
        raise CalendarMissing(year=missing.year) from missing
    return day_starts_at(day_after(end))


def publicity_until(profile: RuleProfile, from_at: datetime) -> datetime:
    return until(profile, "shortlist_publicity", SHORTLIST_PUBLICITY, from_at)


def agree_until(profile: RuleProfile, from_at: datetime) -> datetime:
    return until(profile, "race_agreement", AGREEMENT, from_at)


def heat_until(profile: RuleProfile, days: int, from_at: datetime) -> datetime:
    """The end of so many days of a heat: 00:00 in Beijing after the last, the first not counted."""
    if in_seconds(profile):
        return from_at + DEMO_DAY * days
    return day_starts_at(day_after(last_day(from_at.astimezone(SHANGHAI).date(), days)))
