"""Before an entry ends, and before its confirmation lapses, the expert is told; once each."""

from datetime import date, datetime, time, timedelta

import pytest

from marketplace.base.clock import SHANGHAI
from marketplace.notices.models import Notice
from marketplace.notices.reminders import send_due
from tests import world
from tests.experts.factories import expert

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 23)


def at(day):
    return datetime.combine(day, time(9), tzinfo=SHANGHAI)


def told(kind):
    rows = Notice.objects.filter(kind=kind).order_by("pk")
    return [*rows.values_list("user_id", flat=True)]


@pytest.mark.parametrize(
    ("days", "mine", "office"), [(61, 0, 0), (60, 1, 0), (14, 1, 1), (0, 1, 1), (-70, 0, 0)]
)
def test_an_entry_that_ends_is_told(clock, days, mine, office):
    clock.freeze(at(DAY - timedelta(days=100)))
    officer = world.officer()
    entry = expert(valid_until=DAY)
    clock.freeze(at(DAY - timedelta(days=days)))
    send_due()
    send_due()
    assert told("reminder.expert_expires") == [entry.user_id] * mine
    assert told("reminder.expert_expires.office") == [officer.user_id] * office


@pytest.mark.parametrize(("days", "number"), [(340, 0), (351, 1), (365, 1), (440, 0)])
def test_a_confirmation_that_lapses_is_told(clock, days, number):
    entry = expert(confirmed_at=at(DAY))
    clock.freeze(at(DAY + timedelta(days=days)))
    send_due()
    assert told("reminder.expert_confirms") == [entry.user_id] * number


def test_who_is_suspended_is_not_reminded(clock):
    clock.freeze(at(DAY - timedelta(days=14)))
    expert(valid_until=DAY, suspended_at=at(DAY - timedelta(days=20)), suspended_reason="核查")
    assert send_due() == 0
