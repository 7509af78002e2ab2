"""The import contracts hold, and each one breaks when somebody crosses it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def house(tmp_path):
    """A copy of the code that may be spoilt."""
    skip = shutil.ignore_patterns("static", "__pycache__", "locale")
    shutil.copytree(ROOT / "marketplace", tmp_path / "marketplace", ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("base/clock.py", "from marketplace.ledger import queries", "Floors"),
        ("scenarios/queries.py", "from marketplace.bidding import models", "Floors"),
        ("bidding/models.py", "from marketplace.web import pages", "Floors"),
        ("web/pages.py", "from marketplace.api import errors", "Floors"),
        ("bidding/rules.py", "from marketplace.bidding import queries", "Inside a room"),
        ("scenarios/models.py", "from marketplace.scenarios import actions", "Inside a room"),
        ("races/evaluation/kinds.py", "from django.utils import timezone", "Pure"),
    ],
)
def test_a_seeded_violation_breaks_it(house, module, line, contract):
    path = house / "marketplace" / module
    path.write_text(f"{path.read_text('utf-8')}\n{line}\n", "utf-8")
    done = lint(house)
    assert done.returncode == 1
    broken = [row for row in done.stdout.splitlines() if row.rstrip().endswith("BROKEN")]
    assert len(broken) == 1
    assert broken[0].startswith(contract)


def test_a_new_room_must_find_its_floor(house):
    (house / "marketplace" / "cellar.py").write_text("")
    assert "cellar" in lint(house).stdout
