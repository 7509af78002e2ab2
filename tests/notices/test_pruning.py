"""What is deleted after its time, and what never is."""

import uuid
from datetime import timedelta

import pytest
from django.core.management import call_command

from marketplace.base import clock as site_clock
from marketplace.base.models import OutboxJob
from marketplace.notices.models import Digest, Notice
from marketplace.notices.pruning import KEEP_DIGESTS, KEEP_DONE_JOBS, KEEP_READ, prune
from tests import world

pytestmark = pytest.mark.django_db
MOMENT = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def still(clock):
    clock.freeze(site_clock.now())


def notice(read_ago):
    read_at = None if read_ago is None else site_clock.now() - read_ago
    user = world.make_user()
    return Notice.objects.create(
        user=user,
        kind="scenario.returned",
        subject_uid=uuid.uuid4(),
        event_uid=uuid.uuid4(),
        read_at=read_at,
    )


def test_read_notices_go_after_their_time_and_unread_ones_never():
    kept = [notice(None), notice(KEEP_READ), notice(timedelta())]
    Notice.objects.filter(pk=kept[0].pk).update(created_at=site_clock.now() - 10 * KEEP_READ)
    for _ in range(5):
        notice(KEEP_READ + MOMENT)
    assert prune(batch=2) == {"notices": 5, "digests": 0, "jobs": 0}
    assert set(Notice.objects.values_list("pk", flat=True)) == {row.pk for row in kept}
    assert prune() == {"notices": 0, "digests": 0, "jobs": 0}


def test_finished_jobs_go_and_waiting_ones_stay():
    now = site_clock.now()
    OutboxJob.objects.all().delete()
    waiting = OutboxJob.objects.create(kind="x", payload={}, created_at=now - 10 * KEEP_READ)
    fresh = OutboxJob.objects.create(kind="x", payload={}, done_at=now - KEEP_DONE_JOBS)
    OutboxJob.objects.create(kind="x", payload={}, done_at=now - KEEP_DONE_JOBS - MOMENT)
    assert prune()["jobs"] == 1
    assert set(OutboxJob.objects.values_list("pk", flat=True)) == {waiting.pk, fresh.pk}


def test_the_command_tells_how_many(capsys):
    now = site_clock.now()
    Digest.objects.create(
        user=world.make_user(), day=now.date(), done_at=now - KEEP_DIGESTS - MOMENT
    )
    notice(KEEP_READ + MOMENT)
    call_command("prune")
    assert capsys.readouterr().out == "notices: 1\ndigests: 1\njobs: 0\n"
