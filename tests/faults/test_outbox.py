"""A worker that dies at any step of a delivery: the job is done afterwards, and its effect is once."""

import pytest

from marketplace.base import clock as site_clock
from marketplace.base import queue
from marketplace.base.models import OutboxJob
from marketplace.ledger.models import Event
from marketplace.scenarios import sweeps
from marketplace.scenarios.models import State
from tests import world
from tests.faults.service import assert_dies

BEFORE = "queue.OutboxJob.objects.filter(done_at=None).first(); os._exit(9)"
CLAIMED = """
def die(**_): os._exit(9)
queue.HANDLERS["close_scenario"] = die
queue.deliver_due()
"""
DONE = """
real = queue.HANDLERS["close_scenario"]
def die(**given):
    real(**given)
    os._exit(9)
queue.HANDLERS["close_scenario"] = die
queue.deliver_due()
"""
MARKED = """
save = queue.OutboxJob.save
def die(self, **given):
    save(self, **given)
    os._exit(9)
queue.OutboxJob.save = die
queue.deliver_due()
"""


@pytest.mark.parametrize(
    "step", [BEFORE, CLAIMED, DONE, MARKED], ids=["before", "claimed", "done", "marked"]
)
def test_a_worker_killed_at_each_step(committing_db, clock, step):
    scenario = world.published_scenario()
    clock.move(scenario.deadline_at - site_clock.now())
    assert sweeps.close_due() == 1
    code = f"import os\nfrom marketplace.base import queue\n{step}"
    assert_dies(lambda: exec(code, {}))
    # Nothing of it is there: the mark and the effect are one transaction.
    scenario.refresh_from_db()
    assert scenario.state == State.PUBLISHED
    job = OutboxJob.objects.get()
    assert (job.done_at, job.attempts) == (None, 0)
    assert Event.objects.filter(kind="scenario.closed").count() == 0

    while queue.deliver_due():
        pass
    scenario.refresh_from_db()
    assert scenario.state in {State.CLOSED, State.FAILED}
    assert Event.objects.filter(kind="scenario.closed").count() == 1
    assert OutboxJob.objects.filter(kind=sweeps.CLOSE, done_at=None).count() == 0
