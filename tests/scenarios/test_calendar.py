"""Working days against an independent calendar, and the windows of the profiles."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.base.clock import SHANGHAI
from marketplace.scenarios.calendar import MissingYear, is_working_day, last_working_day
from marketplace.scenarios.reference import OfficialCalendar
from marketplace.scenarios.windows import CalendarMissing, official_years, window_end
from tests import world

FIRST, LAST = date(2022, 1, 1), date(2026, 12, 31)
HALF_WAY = date(2026, 10, 31)
NO_RULES = {year: (frozenset(), frozenset()) for year in range(2020, 2031)}


@pytest.fixture
def years(db):
    return official_years()


@pytest.mark.django_db
def test_every_day_of_five_years_agrees_with_an_independent_calendar(years):
    day = FIRST
    while day <= LAST:
        assert is_working_day(day, years) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dates(FIRST, HALF_WAY), st.integers(1, 30))
def test_the_nth_working_day_is_a_working_day_with_n_of_them_up_to_it(years, start, count):
    end = last_working_day(start, count, years)
    assert is_working_day(end, years)
    between = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
    assert sum(chinese_calendar.is_workday(day) for day in between) == count


@given(st.dates(date(2020, 1, 1), date(2029, 1, 1)), st.integers(1, 50))
def test_one_more_working_day_ends_later(start, count):
    end = last_working_day(start, count, NO_RULES)
    assert end > start
    assert last_working_day(start, count + 1, NO_RULES) > end
    assert last_working_day(end, 1, NO_RULES) == last_working_day(start, count + 1, NO_RULES)


@given(st.dates(date(2020, 1, 1), date(2029, 1, 1)))
def test_five_working_days_without_holidays_are_a_week_from_a_weekday(start):
    if start.weekday() < 5:
        assert last_working_day(start, 5, NO_RULES) == start + timedelta(days=7)


def test_a_make_up_day_is_worked_and_a_holiday_is_not():
    saturday, monday = date(2026, 2, 14), date(2026, 2, 16)
    years = {2026: (frozenset({monday}), frozenset({saturday}))}
    assert is_working_day(saturday, years) is True
    assert is_working_day(monday, years) is False


def test_a_year_without_its_notice_fails_by_name():
    with pytest.raises(MissingYear) as missing:
        last_working_day(date(2030, 12, 30), 3, NO_RULES)
    assert missing.value.year == 2031
    with pytest.raises(ValueError):
        last_working_day(FIRST, 0, NO_RULES)


# -- Windows ---------------------------------------------------------------------------------------
def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=SHANGHAI)


@pytest.mark.django_db
def test_a_window_of_days_ends_at_midnight_after_its_last_day():
    """Ten days from the 22nd: the 23rd is the first, the 2nd the last."""
    for begun in ("2026-11-22T00:00", "2026-11-22T23:59:59.999"):
        assert window_end(world.profile("A"), "bid_window_min", at(begun)) == at("2026-12-03")


@pytest.mark.django_db
def test_days_are_those_of_shanghai():
    begun = datetime.fromisoformat("2026-11-22T16:00:00+00:00")
    assert window_end(world.profile("A"), "publicity_min", begun) == at("2026-11-27")


@pytest.mark.django_db
def test_working_days_step_over_the_national_day():
    """Five working days from 30 September 2026: the holiday runs 1 to 7 October, 10 is worked."""
    end = window_end(world.profile("B"), "publicity_min", at("2026-09-30T10:00"))
    day, left = date(2026, 9, 30), 5
    while left:
        day += timedelta(days=1)
        left -= chinese_calendar.is_workday(day)
    assert end == at(day.isoformat()) + timedelta(days=1)


@pytest.mark.django_db
def test_seconds_are_added():
    begun = at("2026-11-22T10:00")
    end = window_end(world.profile("D"), "publicity_min", begun)
    assert end == begun + timedelta(seconds=2)


@pytest.mark.django_db
def test_the_missing_calendar_is_named():
    with pytest.raises(CalendarMissing) as refused:
        window_end(world.profile("B"), "publicity_min", at("2026-12-30T10:00"))
    assert (refused.value.status, refused.value.code) == (409, "calendar.missing")
    assert "2027" in str(refused.value)


@pytest.mark.django_db
def test_days_need_no_calendar():
    end = window_end(world.profile("B"), "bid_window_min", at("2026-12-30T10:00"))
    assert end == at("2027-01-20")


@pytest.mark.django_db
def test_the_newest_version_of_a_year_counts():
    old = OfficialCalendar.objects.get(year=2026)
    OfficialCalendar.objects.create(
        year=2026,
        version=old.version + 1,
        holidays=[*old.holidays, date(2026, 11, 23)],
        workdays=old.workdays,
        source="改期通知",
    )
    assert is_working_day(date(2026, 11, 23), official_years()) is False


@pytest.mark.django_db
def test_a_value_that_is_no_window_is_refused():
    with pytest.raises(ValueError):
        window_end(world.profile("A"), "panel_size_min", at("2026-11-22"))
    with pytest.raises(KeyError):
        window_end(world.profile("C"), "bid_window_min", at("2026-11-22"))
