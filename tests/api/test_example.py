"""The script of the guide, run as its reader would, against a server in service."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from marketplace.ledger.verify import verify
from tests import world
from tests.scenarios import rounds

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_worked_script_runs(site, settings, tmp_path):
    settings.MFA_OPTIONAL = True
    owner, officer, vendor = world.owner(), world.officer(), world.vendor()
    second, secretary = world.officer(), world.secretary()
    experts = [rounds.expert().user.email for _ in range(3)]
    holders = [str(world.make_user().uid) for _ in range(2)]
    kept = tmp_path / "receipt.json"
    given = [
        *("--password", world.PASSWORD, "--owner", owner.user.email),
        *("--officer", officer.user.email, "--vendor", vendor.user.email),
        *("--second-officer", second.user.email, "--secretary", secretary.user.email),
        *("--experts", *experts),
        *("--receipt", str(kept), "--holders", *holders),
    ]
    done = subprocess.run(
        [sys.executable, "docs/examples/owner_and_vendor.py", site, *given],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "VALID for the key inside" in done.stdout
    assert verify(json.loads(kept.read_text("utf-8")))["version"] == 1
