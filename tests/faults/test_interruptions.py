"""What is killed, full or away: nothing received is lost, nothing happens twice, pages say so."""

import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import requests
from django.db import connections, transaction
from django.test import Client
from django.urls import reverse

from config.runtime.process import ROOT
from config.runtime.servers import Valkey
from config.runtime.state import State
from config.runtime.supervise import Supervisor
from marketplace.base import clock as site_clock
from marketplace.base import queue
from marketplace.base.errors import DeadlinePassed
from marketplace.base.models import IdempotencyKey, OutboxJob
from marketplace.bidding.models import Bid, BidState, BidVersion, OpenedEnvelope, OpenedFile
from marketplace.ledger.models import Event, Receipt
from marketplace.ledger.receipts import document, public_key_text
from marketplace.ledger.verify import verify
from marketplace.scenarios import sweeps
from marketplace.scenarios.models import State as ScenarioState
from tests import world
from tests.bidding import bids
from tests.faults.service import PYTHON, Service, ticking, wait_until, waiting_for_locks

A_FEW_SECONDS = 10


@pytest.mark.long
# -- PostgreSQL ------------------------------------------------------------------------------------
@pytest.mark.slow
def test_postgresql_killed_and_back(own_postgres, folder, settings):
    supervisor, child, postgres = own_postgres
    service = Service(folder)
    settings.STORAGE_ROOT = folder / "storage"
    try:
        scenario, vendor = world.published_scenario(), world.vendor()
        service.start_web()
        session = service.sign_in(vendor)
        assert service.submit_bid(session, scenario).status_code == 201
        receipt = reverse("receipt", args=[BidVersion.objects.get().receipt.uid])
        before = session.get(service.address + receipt, timeout=15).json()
        connections.close_all()

        os.kill(child.process.pid, signal.SIGKILL)
        child.process.wait()
        away_since = time.monotonic()
        assert_interrupted(service, session)
        assert service.status("/health/live") == 200
        # Long enough that a pool which pauses longer after each failure would oversleep.
        time.sleep(max(0.0, 12 - (time.monotonic() - away_since)))

        ticking(supervisor, postgres.answers, "PostgreSQL again")
        began = time.monotonic()
        wait_until(lambda: service.status("/health/ready") == 200, "ready again")
        assert time.monotonic() - began < A_FEW_SECONDS
        assert session.get(f"{service.address}/desk/", timeout=15).url.endswith("/desk/")
        after = session.get(service.address + receipt, timeout=15)
        assert (after.status_code, after.json()) == (200, before)
        assert service.submit_bid(session, scenario).status_code == 201
        assert Bid.objects.get().versions_count == 2
    finally:
        service.stop()


def assert_interrupted(service, session):
    """Twice as many requests at once as there are threads: each is told clearly and soon."""
    paths = ["/desk/", "/", "/api/v1/scenarios/", "/health/ready"] * 2
    answers = [None] * len(paths)

    def ask(place):
        began = time.monotonic()
        # Probes bring no session.
        cookies = {} if "health" in paths[place] else dict(session.cookies)
        answer = requests.get(service.address + paths[place], cookies=cookies, timeout=30)
        answers[place] = (answer, time.monotonic() - began)

    threads = [threading.Thread(target=ask, args=[place]) for place in range(len(paths))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert max(seconds for _answer, seconds in answers) < 2 * A_FEW_SECONDS
    for path, (answer, _seconds) in zip(paths, answers, strict=True):
        assert answer.status_code == 503, path
        if path == "/health/ready":
            assert answer.json()["status"] == "unavailable"
            assert answer.json()["checks"][0]["name"] == "database"
            assert answer.headers["Retry-After"] == "5"
        elif path.startswith("/api/"):
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["code"] == "interrupted"
            assert answer.headers["Retry-After"] == "10"
        else:
            assert "服务暂时中断" in answer.text
            assert "The service is interrupted" in answer.text
            assert answer.headers["Retry-After"] == "10"


@pytest.mark.long
# -- Valkey ----------------------------------------------------------------------------------------
@pytest.mark.slow
def test_valkey_killed_with_its_data_gone(service, clock, monkeypatch):
    valkey = Valkey(service.folder, State(service.folder), log=service.folder / "valkey.log")
    supervisor = Supervisor(lambda line: None)
    child = valkey.child()
    supervisor.start(child)
    monkeypatch.setenv("REDIS_URL", valkey.url())
    try:
        ticking(supervisor, valkey.answers, "Valkey")
        worker = service.start_worker()
        service.start_beat()
        service.start_web()
        wait_until(lambda: " ready." in worker.log.read_text(), "a worker")
        scenario = world.published_scenario()
        session = service.signed_in(world.vendor())

        os.kill(child.process.pid, signal.SIGKILL)
        child.process.wait()
        shutil.rmtree(service.folder / "valkey" / "appendonlydir")
        began = time.monotonic()
        answer = service.submit_bid(session, scenario)
        assert time.monotonic() - began < A_FEW_SECONDS
        assert answer.status_code == 201
        version = BidVersion.objects.select_related("receipt").get()
        verify(document(version.receipt), published_key=public_key_text())
        assert service.status("/health/ready") == 200

        # A promise made now is kept although nobody can be told of it.
        clock.move(scenario.deadline_at - site_clock.now())
        promise = "from marketplace.scenarios.sweeps import close_due; print(close_due())"
        done = subprocess.run(
            [PYTHON, "manage.py", "shell", "--no-imports", "-c", promise],
            cwd=ROOT,
            env=service.env,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert done.stdout == "1\n"
        assert "outbox.nudge_failed" in done.stderr
        job = OutboxJob.objects.get()
        assert (job.kind, job.done_at) == (sweeps.CLOSE, None)

        ticking(
            supervisor,
            lambda: OutboxJob.objects.filter(done_at__isnull=False).exists(),
            "the job delivered after the restart",
        )
        scenario.refresh_from_db()
        assert scenario.state == ScenarioState.CLOSED
        assert Event.objects.filter(kind="scenario.closed").count() == 1
        assert service.children["worker"].alive
        assert service.children["beat"].alive
    finally:
        service.stop()
        supervisor.stop()


# -- Nobody sweeps ---------------------------------------------------------------------------------
def test_no_worker_across_a_deadline(committing_db, clock):
    scenario, vendor, late = world.published_scenario(), world.vendor(), world.vendor()
    bids.bid(scenario, vendor)
    assert scenario.title in Client().get("/", {"state": "open"}).content.decode()
    clock.freeze(scenario.deadline_at)
    scenario.refresh_from_db()
    assert scenario.state == ScenarioState.PUBLISHED
    browser = Client()
    browser.force_login(late.user)
    url = reverse("bid-form", args=[scenario.address])
    assert browser.get(url).context["closed"].code == "deadline.passed"
    with pytest.raises(DeadlinePassed):
        bids.bid(scenario, late)
    assert Bid.objects.filter(organisation=late.organisation).count() == 0

    # Visitors and the vendor see a closed scenario, although no worker has recorded it.
    board = Client().get("/", {"state": "open"})
    assert scenario.title not in board.content.decode()
    page = Client().get(reverse("scenario", args=[scenario.address]))
    assert page.status_code == 200
    assert url not in page.content.decode()

    assert sweeps.close_due() == 1
    assert sweeps.close_due() == 0
    # The closing first; it promises to tell the key holders; then nothing is left.
    assert [queue.deliver_due() for _ in range(3)] == [1, 1, 0]
    assert list(OutboxJob.objects.order_by("pk").values_list("kind", flat=True)) == [
        "close_scenario",
        "notify",
    ]
    scenario.refresh_from_db()
    assert scenario.state == ScenarioState.CLOSED
    assert Event.objects.filter(kind="scenario.closed").count() == 1
    assert Event.objects.filter(kind="opening.requested").count() == 1


def test_two_sweeps_and_two_deliveries_at_once(two_at_once, clock):
    scenarios = [world.published_scenario() for _ in range(3)]
    for scenario in scenarios:
        bids.bid(scenario)
    clock.move(max(scenario.deadline_at for scenario in scenarios) - site_clock.now())

    promised = two_at_once(sweeps.close_due, sweeps.close_due)
    assert set(promised) <= {0, 3}
    assert 3 in promised
    delivered = two_at_once(queue.deliver_due, queue.deliver_due)
    queue.deliver_due()
    assert OutboxJob.objects.filter(done_at=None).count() == 0
    assert sum(delivered) <= OutboxJob.objects.count()
    for scenario in scenarios:
        scenario.refresh_from_db()
        assert scenario.state == ScenarioState.CLOSED
        about = Event.objects.filter(subjects__contains=[str(scenario.uid)])
        assert about.filter(kind="scenario.closed").count() == 1
        assert about.filter(kind="opening.requested").count() == 1


# -- The opener ------------------------------------------------------------------------------------
@pytest.mark.slow
def test_the_opener_killed_in_the_middle(service, clock):
    scenario = world.published_scenario()
    for number in range(5):
        bids.bid(scenario, files={"technical": [(f"annex{number}.txt", b"annex" * 1000)]})
    opening = bids.close(scenario, clock)
    bids.confirm(scenario)
    rows = list(Bid.objects.order_by("pk"))
    # While we hold the third bid, the opener has opened two and stands in the third's transaction.
    with transaction.atomic():
        Bid.objects.select_for_update().get(pk=rows[2].pk)
        opener = service.start_opener()
        wait_until(lambda: waiting_for_locks() == 1, opener.log.name)
        os.kill(opener.process.pid, signal.SIGKILL)
        opener.process.wait()
    wait_until(lambda: waiting_for_locks() == 0, "its transaction is gone")
    states = [bid.state for bid in Bid.objects.order_by("pk")]
    assert states == [BidState.OPENED] * 2 + [BidState.SUBMITTED] * 3

    # Two of them at once afterwards, as when somebody starts a second one by mistake.
    service.start_opener()
    wait_until(lambda: "opener.started" in service.children["opener"].log.read_text(), "one")
    twin = service.start("twin", [PYTHON, "manage.py", "run_opener"], **identity_file())
    wait_until(lambda: opened(opening), "the opening finished")
    wait_until(lambda: "opener.started" in twin.log.read_text(), "the twin")
    assert [bid.state for bid in Bid.objects.all()] == [BidState.OPENED] * 5
    assert sorted(Bid.objects.values_list("blind_code", flat=True)) == [
        f"B0{number}" for number in range(1, 6)
    ]
    assert OpenedEnvelope.objects.count() == 2 * 5
    assert OpenedFile.objects.count() == 5
    assert Event.objects.filter(kind="bid.opened").count() == 5
    assert Event.objects.filter(kind="opening.finished").count() == 1
    for row in OpenedFile.objects.all():
        assert (service.folder / "storage" / row.stored_name).read_bytes() == b"annex" * 1000


def identity_file():
    return {"OPENER_IDENTITY_FILE": os.environ["OPENER_IDENTITY_FILE"]}


def opened(opening):
    opening.refresh_from_db()
    return opening.finished_at is not None


# -- The disk --------------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_full_disk_refuses_and_keeps_nothing(service):
    scenario, vendor = world.published_scenario(), world.vendor()
    web = service.start_web()
    session = service.signed_in(vendor)
    attached = {"technical": {"annex.txt": b"annex" * 200_000}}
    storage = service.folder / "storage"

    def refused():
        answer = service.submit_bid(session, scenario, files=attached)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
        for model in (Bid, BidVersion, Receipt, IdempotencyKey):
            assert model.objects.count() == 0
        # Whole uploads wait to be used, what came of the one that broke off to go on; no bid stands.
        kept = [path for path in storage.rglob("*") if path.is_file()]
        assert [path for path in kept if path.parent.name not in {"spool", "uploads"}] == []

    # No file may grow beyond 256 KiB: the third write of the big envelope fails.
    processes = [web.process.pid, *children_of(web.process.pid)]
    limits = [(pid, resource.prlimit(pid, resource.RLIMIT_FSIZE)) for pid in processes]
    for pid, (_soft, hard) in limits:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (256 * 1024, hard))
    refused()
    for pid, limit in limits:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)

    # The file system is full, where we may mount a small one.
    small = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(storage)]
    if (
        os.geteuid() == 0
        and subprocess.run(small, capture_output=True, check=False).returncode == 0
    ):
        try:
            refused()
        finally:
            subprocess.run(["umount", str(storage)], check=True)

    # The storage is not there at all.
    shutil.rmtree(storage)
    storage.write_bytes(b"")
    answer = service.submit_bid(session, scenario, files=attached)
    assert (answer.status_code, Bid.objects.count()) == (503, 0)
    storage.unlink()
    storage.mkdir()

    assert service.submit_bid(session, scenario, files=attached).status_code == 201
    assert BidVersion.objects.get().envelopes.count() == 3


def children_of(pid):
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit():
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                found += [int(entry.name)] if parent == pid else []
        except OSError:
            continue
    return found
