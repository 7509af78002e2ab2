"""The monitor as a process beside real ones: what it sees of a site that stops, and what follows."""

import json
import os
import signal
import time
from datetime import timedelta

import pytest
from django.db import connections

from marketplace.base import clock as site_clock
from marketplace.base import heartbeat, queue
from marketplace.base.models import Outage
from marketplace.scenarios import sweeps
from marketplace.scenarios.outages import merged
from marketplace.scenarios.reference import RuleProfile
from tests import world
from tests.faults.service import Service, ticking, wait_until


def quick_profile(total):
    """As profile A, but outages of so many seconds within a minute move by an hour."""
    profile = world.profile("A")
    seconds = {"outage_total": total, "outage_window": 60, "outage_extension": 3600}
    values = profile.values | {
        name: profile.values[name] | {"value": value} for name, value in seconds.items()
    }
    return RuleProfile.objects.create(
        **{
            field: getattr(profile, field)
            for field in (
                *("code", "name_zh", "name_en", "takes_bids", "counts_in_demo_only"),
                *("award_mode", "uses_calendar"),
            )
        },
        version=profile.version + 1,
        values=values,
    )


def reaches(at):
    """Whether the record has reached this instant."""
    reached = heartbeat.reached(heartbeat.MONITOR)
    return reached is not None and reached >= at


@pytest.mark.long
@pytest.mark.slow
def test_a_site_that_is_stopped_moves_the_deadline_and_a_stopped_monitor_does_not(service):
    service.start_web()
    service.start_monitor()
    wait_until(lambda: heartbeat.reached(heartbeat.MONITOR), "the record begins")
    scenario = world.published_scenario(
        profile=quick_profile(2), deadline_at=site_clock.now() + timedelta(seconds=45)
    )
    before = scenario.deadline_at
    service.children["web"].ask_to_stop()
    service.children["web"].wait_stopped(10)
    wait_until(lambda: Outage.objects.count() >= 3, "pieces are written while it goes on")
    service.start_web()
    wait_until(lambda: reaches(site_clock.now() - timedelta(seconds=1)), "the record goes on")
    spans = merged(Outage.objects.values_list("from_at", "until_at"))
    assert len(spans) == 1
    assert spans[0][1] - spans[0][0] >= timedelta(seconds=2)

    # Nobody sees what follows; it counts for nothing.
    service.children["monitor"].ask_to_stop()
    service.children["monitor"].wait_stopped(10)
    unseen_from = site_clock.now()
    service.children["web"].ask_to_stop()
    service.children["web"].wait_stopped(10)
    unseen_until = site_clock.now()
    service.start_web()
    service.start_monitor()
    wait_until(lambda: reaches(site_clock.now() - timedelta(seconds=1)), "the record goes on")
    unseen = Outage.objects.filter(from_at__lt=unseen_until, until_at__gt=unseen_from)
    assert not unseen.exists()

    assert sweeps.extend_due() == 1
    queue.deliver_due()
    scenario.refresh_from_db()
    assert scenario.deadline_at == before + timedelta(hours=1)


@pytest.mark.long
@pytest.mark.slow
def test_what_was_seen_while_the_database_was_away_is_recorded_after_a_restart(
    own_postgres, folder, settings
):
    supervisor, child, postgres = own_postgres
    service = Service(folder)
    settings.STORAGE_ROOT = folder / "storage"
    kept = folder / "monitor.json"

    def pending():
        return json.loads(kept.read_text())["pending"]

    try:
        service.start_web()
        service.start_monitor()
        wait_until(lambda: heartbeat.reached(heartbeat.MONITOR), "the record begins")
        connections.close_all()
        os.kill(child.process.pid, signal.SIGKILL)
        child.process.wait()
        wait_until(pending, "an outage in the file")
        os.kill(service.children["monitor"].process.pid, signal.SIGKILL)
        service.children["monitor"].process.wait()
        first = pending()[0]
        time.sleep(1)
        service.start_monitor()
        wait_until(lambda: len(pending()) == 2, "what the new one sees is another piece")
        ticking(supervisor, postgres.answers, "PostgreSQL again")
        wait_until(lambda: not pending(), "all is recorded")
        spans = merged(Outage.objects.values_list("from_at", "until_at"))
        assert len(spans) == 2
        assert [moment.isoformat() for moment in spans[0]] == first[:2]
        assert heartbeat.reached(heartbeat.MONITOR) >= spans[1][1]
    finally:
        service.stop()
