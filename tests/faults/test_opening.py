"""PostgreSQL goes away twice while the opener works: nothing is lost, nothing is opened twice."""

import os
import signal
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connections

from config.runtime.postgres import OWNER
from marketplace.bidding.models import Bid, BidState, OpenedEnvelope, OpenedFile, Opening
from marketplace.ledger.models import Event
from tests import world
from tests.bidding import bids
from tests.faults.service import Service, ticking, wait_until, waiting_for_locks

BIDS = 5


@contextmanager
def held(postgres, bid):
    """The opener comes to this bid and waits, in the middle of its transaction."""
    with psycopg.connect(postgres.url(OWNER), autocommit=True) as holder:
        holder.execute("BEGIN")
        holder.execute("SELECT 1 FROM marketplace_bid WHERE id = %s FOR UPDATE", [bid.pk])
        yield
        holder.close()


def away(child, number):
    """Stopped in haste (SIGINT) or killed; the connections of this process go with it."""
    connections.close_all()
    os.kill(child.process.pid, number)
    child.process.wait()


def states():
    return [bid.state for bid in Bid.objects.order_by("pk")]


@pytest.mark.long
@pytest.mark.slow
def test_postgresql_restarted_and_killed_during_an_opening(own_postgres, folder, settings, clock):
    supervisor, child, postgres = own_postgres
    service = Service(folder)
    settings.STORAGE_ROOT = folder / "storage"
    try:
        scenario = world.published_scenario()
        for number in range(BIDS):
            bids.bid(scenario, files={"technical": [(f"annex{number}.txt", b"annex" * 1000)]})
        rows = list(Bid.objects.order_by("pk"))
        bids.close(scenario, clock)
        bids.confirm(scenario)

        with held(postgres, rows[2]):
            opener = service.start_opener()
            pid = opener.process.pid
            wait_until(lambda: waiting_for_locks() == 1, "the third bid")
            away(child, signal.SIGINT)
        # It comes back to a database in which somebody already holds the fourth bid.
        os.kill(pid, signal.SIGSTOP)
        ticking(supervisor, postgres.answers, "PostgreSQL again")
        assert states() == [BidState.OPENED] * 2 + [BidState.SUBMITTED] * 3
        with held(postgres, rows[3]):
            os.kill(pid, signal.SIGCONT)
            wait_until(lambda: waiting_for_locks() == 1, "the fourth bid")
            away(child, signal.SIGKILL)
        ticking(supervisor, postgres.answers, "PostgreSQL once more")
        wait_until(lambda: Opening.objects.get().finished_at is not None, "the opening finished")

        assert (opener.process.pid, opener.process.poll()) == (pid, None)
        assert states() == [BidState.OPENED] * BIDS
        codes = sorted(Bid.objects.values_list("blind_code", flat=True))
        assert codes == [f"B0{number}" for number in range(1, BIDS + 1)]
        assert OpenedEnvelope.objects.count() == 2 * BIDS
        assert Event.objects.filter(kind="bid.opened").count() == BIDS
        assert Event.objects.filter(kind="opening.finished").count() == 1
        stored = [service.folder / "storage" / row.stored_name for row in OpenedFile.objects.all()]
        assert [path.read_bytes() for path in stored] == [b"annex" * 1000] * BIDS
        assert opener.log.read_text().count('"event": "opener.finished"') == 1
        assert "opener.database_away" in opener.log.read_text()
    finally:
        service.stop()
