"""Two at the same time leave one."""

from django.db import transaction

from marketplace.base.models import OutboxJob
from marketplace.bidding.models import Bid
from marketplace.notices import actions, reminders
from marketplace.notices.models import Notice, NoticePreference
from tests import world
from tests.notices.steps import told
from tests.notices.test_channels import HOUR, MORNING, choose, returned


def test_twice_at_once_leaves_one_choice(two_at_once):
    owner = world.owner()
    results = two_at_once(
        lambda: choose(owner, demands="daily"), lambda: choose(owner, demands="inbox")
    )
    assert results == [None, None]
    assert NoticePreference.objects.filter(user=owner.user).count() == 1


def test_two_sweeps_at_once_promise_it_once(two_at_once, clock, settings):
    settings.EMAIL_HOST = "mail.test"
    clock.freeze(MORNING - HOUR)
    owner = world.owner()
    choose(owner, demands="daily")
    with transaction.atomic():
        returned(owner)
    clock.freeze(MORNING)
    assert sorted(two_at_once(actions.promise_digests, actions.promise_digests)) == [0, 1]
    assert OutboxJob.objects.filter(kind="mail_digest").count() == 1


def test_two_sweeps_at_once_remind_once(two_at_once, clock):
    clock.freeze(MORNING - 72 * HOUR)
    bidder = world.vendor()
    scenario = world.published_scenario(deadline_at=MORNING + 9 * HOUR)
    Bid.objects.create(scenario=scenario, organisation=bidder.organisation)
    clock.freeze(MORNING)
    assert sorted(two_at_once(reminders.send_due, reminders.send_due)) == [0, 1]
    assert told("reminder.deadline") == {bidder.user.pk}
    assert Notice.objects.count() == 1
