"""What comes in at the doors: sealed bytes, never a bid in the clear."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "marketplace"
# The bidder's side in one process with ours: for the demo's content, the season and tests.
IN_THE_CLEAR = {"seal_bid", "submit_bid", "submit_sealed_bid"}


def named(path: Path) -> set[str]:
    """Everything that a file imports or takes from a module."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    imported = {
        name.name for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names
    }
    return imported | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def test_no_door_takes_a_bid_in_the_clear():
    doors = [path for door in ("web", "api") for path in (ROOT / door).rglob("*.py")]
    assert len(doors) > 100
    assert {
        path.name: named(path) & IN_THE_CLEAR for path in doors if named(path) & IN_THE_CLEAR
    } == {}


def test_it_would_be_found():
    assert "submit_bid" in named(ROOT / "bidding" / "actions" / "__init__.py")
