"""/health: what makes the site useless is 503, what only delays is said in words."""

import shutil
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test import Client

from config.runtime.state import free_port
from marketplace.base import heartbeat
from marketplace.base.clock import now
from marketplace.base.models import Heartbeat, OutboxJob
from marketplace.bidding.models import Opening
from marketplace.web import health, standing
from tests import world
from tests.bidding import bids

NAMES = [
    *("database", "migrations", "clock", "sweeps", "opener", "monitor", "outbox", "openings"),
    *("log", "promise", "timestamps", "log_check"),
]


@pytest.fixture(autouse=True)
def storage_root(settings, tmp_path):
    settings.STORAGE_ROOT = tmp_path / "storage"
    settings.STORAGE_ROOT.mkdir()
    return settings.STORAGE_ROOT


def ask():
    answer = Client().get("/health/ready")
    return answer, {check["name"]: check for check in answer.json()["checks"]}


def everybody_lives():
    names = [
        heartbeat.OPENER,
        heartbeat.MONITOR,
        *(heartbeat.task(name) for name in standing.sweeps()),
    ]
    Heartbeat.objects.bulk_create(Heartbeat(name=name, beat_at=now()) for name in names)


def test_live_asks_nobody(db, count_queries):
    with count_queries() as queries:
        answer = Client().get("/health/live")
    assert (answer.status_code, answer.json(), len(queries)) == (200, {"status": "ok"}, 0)


def test_ready_when_all_is_well(db):
    everybody_lives()
    answer, checks = ask()
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert list(checks) == [*NAMES, "storage", "queue"]
    assert {check["status"] for check in checks.values()} == {"ok"}
    assert {check["words"] for check in checks.values()} == {""}
    assert answer["Cache-Control"] == "no-store"


def test_the_database_is_away(db, monkeypatch, django_db_blocker):
    def away():
        raise connections["default"].Database.OperationalError

    monkeypatch.setattr(health, "look", connection.wrap_database_errors(away))
    answer, checks = ask()
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["status"] == "unavailable"
    assert checks["database"]["words"] == "The database does not answer."


def test_a_missing_migration_is_unavailable(db, monkeypatch):
    more = health.needed_migrations() | {("marketplace", "9999_next")}
    monkeypatch.setattr(health, "needed_migrations", lambda: more)
    answer, checks = ask()
    assert answer.status_code == 503
    assert checks["migrations"]["words"].startswith("1 migrations are missing")
    assert "sweeps" not in checks


def test_another_clock_is_unavailable(db, settings):
    settings.CLOCK_MAY_BE_REPLACED = False
    answer, checks = ask()
    assert answer.status_code == 503
    assert checks["clock"]["words"] == "marketplace_now() is not the shipped clock."


def test_a_storage_that_takes_nothing_is_unavailable(db, storage_root):
    shutil.rmtree(storage_root)
    storage_root.touch()
    answer, checks = ask()
    assert answer.status_code == 503
    assert checks["storage"]["status"] == "unavailable"
    storage_root.unlink()
    storage_root.mkdir()
    assert ask()[0].status_code == 200
    assert list(storage_root.iterdir()) == []


def test_without_the_queue_it_is_ready_but_degraded(db, settings):
    everybody_lives()
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    answer, checks = ask()
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert checks["queue"]["words"] == "The queue is away: deliveries wait, nothing is lost."


def test_nobody_lives(db):
    answer, checks = ask()
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert checks["opener"]["words"] == "The opener gives no sign of life."
    assert checks["monitor"]["words"] == (
        "The monitor gives no sign of life: what it does not see moves no deadline."
    )
    assert checks["sweeps"]["words"].startswith("Not run in time: deliver_outbox, ")


@pytest.mark.parametrize(("more", "status"), [(-1, "ok"), (1, "degraded")])
def test_each_side_of_a_sign_of_life(db, clock, more, status):
    clock.freeze(now())
    everybody_lives()
    clock.move(health.OPENER_LATE_AFTER + timedelta(seconds=more))
    assert ask()[1]["opener"]["status"] == status


@pytest.mark.parametrize(("more", "status"), [(-1, "ok"), (1, "degraded")])
def test_each_side_of_an_old_job(db, clock, more, status):
    clock.freeze(now())
    OutboxJob.objects.create(kind="close_scenario", payload={})
    clock.move(health.OUTBOX_LATE_AFTER + timedelta(seconds=more))
    assert ask()[1]["outbox"]["status"] == status


def test_a_job_for_later_is_not_late_and_one_tried_in_vain_is(db, clock):
    clock.freeze(now())
    job = OutboxJob.objects.create(
        kind="close_scenario", payload={}, due_at=now() + timedelta(hours=1)
    )
    clock.move(timedelta(minutes=30))
    assert standing.outbox().oldest == timedelta()
    job.attempts = 1
    job.save()
    assert standing.outbox().oldest == timedelta(minutes=30)


@pytest.mark.parametrize(("more", "status"), [(-1, "ok"), (1, "degraded")])
def test_each_side_of_an_overdue_opening(db, clock, more, status):
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.close(scenario, clock)
    clock.freeze(now())
    bids.confirm(scenario)
    assert Opening.objects.get().state == "confirmed"
    clock.move(standing.OPENING_OVERDUE_AFTER + timedelta(seconds=more))
    assert ask()[1]["openings"]["status"] == status


def test_a_sign_is_left_again_only_after_a_while(db, clock):
    heartbeat._last.clear()
    clock.freeze(now())
    heartbeat.beat("opener")
    clock.move(timedelta(minutes=1))
    heartbeat.beat("opener")
    assert heartbeat.ages() == {"opener": timedelta(minutes=1)}
    heartbeat.beat("opener", every=0)
    assert heartbeat.ages() == {"opener": timedelta()}
    heartbeat._last.clear()
