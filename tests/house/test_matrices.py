"""No room with rules is without its permission matrix."""

from pathlib import Path

import pytest

from tests.matrix import rules_of

ROOT = Path(__file__).resolve().parents[2]
ROOMS = sorted(
    path.parent.name
    for path in (ROOT / "marketplace").glob("*/rules.py")
    if rules_of(path.parent.name)
)


def test_there_are_rooms_with_rules():
    assert {"accounts", "scenarios", "bidding", "committee", "awards"} <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_its_matrix_is_complete(room):
    """Every room's own test holds its rules against its table; here we see that it is there."""
    text = (ROOT / "tests" / room / "test_rules.py").read_text("utf-8")
    assert f'rules_of("{room}") == set(MATRIX)' in text
