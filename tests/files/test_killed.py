"""kill -9 at every line between a chunk and its receipt: what was told is on disk, always."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from marketplace.files import spool, storage, sweeps
from marketplace.files.models import Upload
from marketplace.ledger.models import Event
from tests import world

LINES = 180


@pytest.mark.long
@pytest.mark.slow
def test_killed_at_every_line(committing_db):
    """The second of two chunks dies at its first line, at its second, … until it lives."""
    world.owner()
    environment = os.environ | {
        "STORAGE_ROOT": str(settings.STORAGE_ROOT),
        "SPOOL_ROOT": str(settings.SPOOL_ROOT),
        "PYTHONPATH": str(settings.BASE_DIR),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.files.killed", str(LINES)],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
        timeout=500,
    )
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("fault")] == []
    rows = [line.split(" ") for line in lines if line != "told"]
    assert [int(number) for number, *_rest in rows] == list(range(1, LINES))
    # Whoever was told had a stored file; whoever was not goes on from 300 or from the whole.
    assert {(before, stood) for _n, before, stood, _after in rows} == {
        ("receiving", "300"),
        ("receiving", "1000"),
        ("stored", "1000"),
    }
    assert {after for *_rest, after in rows} == {"stored"}
    assert 0 < lines.count("told") < LINES / 2
    assert Event.objects.filter(kind="upload.stored").count() == LINES - 1
    sweeps.sweep()
    assert list(storage.names("uploads")) == []
    wanted = set(Upload.objects.values_list("uid", flat=True))
    assert {path.name[:-5] for path, _at in spool.files()} <= {str(uid) for uid in wanted}
