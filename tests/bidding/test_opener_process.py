"""The opener as a process: killed, started again, told to stop, given a wrong key."""

import os
import subprocess
import sys
import textwrap
import time

import pyrage
import pytest

from marketplace.bidding.models import Bid, BidState, Opening, OpeningState
from tests import world
from tests.bidding import bids

KILLED = textwrap.dedent("""
    import os, django
    django.setup()
    from pathlib import Path
    from django.conf import settings
    from marketplace.bidding import opener

    write = opener.write
    def write_once(*given):
        write(*given)
        os._exit(9)
    opener.write = write_once
    opener.open_confirmed(Path(settings.OPENER_IDENTITY_FILE).read_text().strip())
""")


@pytest.mark.slow
def test_the_command_goes_on_where_a_killed_process_ended(committing_db, clock):
    scenario = world.published_scenario()
    for _ in range(2):
        bids.bid(scenario)
    bids.close(scenario, clock)
    bids.confirm(scenario)
    killed = subprocess.run([sys.executable, "-c", KILLED], env={**os.environ}, check=False)
    assert killed.returncode == 9
    assert Bid.objects.filter(state=BidState.SUBMITTED).count() == 1
    command = [sys.executable, "manage.py", "run_opener"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(300):
            if Opening.objects.get().state == OpeningState.FINISHED:
                break
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.2)
    finally:
        process.terminate()
        _out, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert "opener.stopped" in errors
    assert sorted(Bid.objects.values_list("blind_code", flat=True)) == ["B01", "B02"]


@pytest.mark.slow
def test_the_command_refuses_a_key_that_is_not_the_master_s(committing_db, tmp_path):
    wrong = tmp_path / "identity.txt"
    wrong.write_text(f"{pyrage.x25519.Identity.generate()}\n")
    for value in (str(wrong), "", str(tmp_path / "none")):
        done = subprocess.run(
            [sys.executable, "manage.py", "run_opener", "--once"],
            env={**os.environ, "OPENER_IDENTITY_FILE": value},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "CommandError" in done.stderr
