"""Reminders once, by day, and only while they are true."""

import pytest

from marketplace.base import queue
from marketplace.base.models import OutboxJob
from marketplace.bidding.models import BidState
from marketplace.notices import reminders
from marketplace.notices.handlers import mail_notice
from marketplace.notices.models import Notice
from marketplace.notices.queries import inbox, lines
from marketplace.notices.reminders import send_due
from marketplace.scenarios.models import State
from tests import world
from tests.notices.steps import deliver, happen, ids, told
from tests.notices.test_reminders import START, at, bid_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def monday(clock):
    clock.freeze(START)


# -- Once, by day, and only while it is true -------------------------------------------------------
def test_two_sweeps_remind_once_and_a_missed_week_sends_the_latest_alone(clock):
    scenario = world.published_scenario(deadline_at=at(10, 17))
    bidder = world.vendor()
    bid_of(scenario, bidder)
    clock.freeze(at(10, 9))
    assert [send_due(), send_due()] == [1, 0]
    assert told("reminder.deadline") == ids(bidder)


@pytest.mark.parametrize(
    ("hour", "minute", "number"), [(7, 59, 0), (8, 0, 1), (19, 59, 1), (20, 0, 0), (3, 0, 0)]
)
def test_nobody_is_reminded_at_night(clock, hour, minute, number):
    bid_of(world.published_scenario(deadline_at=at(2, 23)), world.vendor())
    clock.freeze(at(2, hour, minute))
    assert send_due() == number


def test_one_rules_fault_stops_no_other(clock, monkeypatch):
    bid_of(world.published_scenario(deadline_at=at(2, 17)), world.vendor())
    broken = reminders.Rule("broken", lambda now: 1 / 0, ())
    monkeypatch.setattr(reminders, "RULES", {"broken": broken, **reminders.RULES})
    clock.freeze(at(2, 9))
    assert send_due() == 1


def test_what_was_done_before_the_mail_goes_out_is_not_mailed(clock, sink):
    scenario = world.published_scenario(deadline_at=at(2, 17))
    bidder = world.vendor()
    bid = bid_of(scenario, bidder)
    clock.freeze(at(2, 9))
    assert send_due() == 1
    assert OutboxJob.objects.filter(kind="mail_notice").count() == 1
    bid.state = BidState.WITHDRAWN
    bid.save()
    assert queue.deliver_due() >= 1
    assert sink == []
    bid.state = BidState.SUBMITTED
    bid.save()
    for _twice in range(2):
        mail_notice(notice_uid=str(Notice.objects.get(user=bidder.user).uid))
    assert [message["To"] for message in sink] == [bidder.user.email]


def test_the_inbox_keeps_a_reminder_of_what_is_done(clock):
    scenario = world.published_scenario(deadline_at=at(2, 17))
    bidder = world.vendor()
    bid = bid_of(scenario, bidder)
    clock.freeze(at(2, 9))
    send_due()
    bid.state = BidState.WITHDRAWN
    bid.save()
    [line] = lines(bidder.user, inbox(bidder))
    assert (line.withdrawn, line.still) == (False, False)


def test_a_demand_that_closed_or_was_withdrawn_reminds_nobody(clock):
    for state in (State.CLOSED, State.WITHDRAWN):
        scenario = world.published_scenario(deadline_at=at(2, 17), state=state)
        bid_of(scenario, world.vendor())
    clock.freeze(at(2, 9))
    assert send_due() == 0


def test_the_inactive_are_not_reminded(clock):
    bidder = world.vendor()
    bid_of(world.published_scenario(deadline_at=at(2, 17)), bidder)
    bidder.user.is_active = False
    bidder.user.save()
    clock.freeze(at(2, 9))
    assert send_due() == 0


def test_a_sweep_costs_the_same_for_one_and_thirty_that_are_not_due(clock, count_queries):
    def wait():
        bid_of(world.published_scenario(deadline_at=at(20, 17)), world.vendor())
        happen("scenario.submitted", world.draft_scenario(world.owner(), state=State.SUBMITTED))

    wait()
    deliver()
    with count_queries() as one:
        send_due()
    for _ in range(29):
        wait()
    with count_queries() as thirty:
        send_due()
    assert len(thirty) == len(one)


def test_an_inbox_of_reminders_costs_the_same_for_one_and_thirty(clock, client, count_queries):
    vendor = world.vendor()
    client.force_login(vendor.user)

    def remind():
        bid_of(world.published_scenario(deadline_at=at(2, 17)), vendor)

    remind()
    clock.freeze(at(2, 9))
    send_due()
    client.get("/en/desk/notices/")
    with count_queries() as one:
        client.get("/en/desk/notices/")
    clock.freeze(START)
    for _ in range(29):
        remind()
    clock.freeze(at(2, 10))
    send_due()
    with count_queries() as thirty:
        page = client.get("/en/desk/notices/")
    assert len(page.context["lines"]) == 30
    assert len(thirty) == len(one)
