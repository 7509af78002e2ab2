"""Whether the measuring still runs. What it measures is read by people, never by a test."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from contextlib import closing
from types import SimpleNamespace

import pytest

from bench import __main__ as command
from bench import ledger as ledger_bench
from bench import lists, recall, search
from bench.measure import paired, report
from bench.park import fill
from config.runtime.process import ROOT
from marketplace.indicators.queries import open_demands, opened_of, opened_so_far
from marketplace.ledger import actions as ledger
from marketplace.scenarios.board import _counted, tallied
from marketplace.scenarios.models import Scenario


def test_the_lists_are_measured_on_rows_as_they_are_in_service(committing_db, capsys):
    fill(committing_db.owner_url, 200)
    assert Scenario.objects.count() == 200
    # The sums that the board says are those of the rows.
    assert opened_so_far() == opened_of(*open_demands())
    assert tallied() == _counted(Scenario.objects.public())
    with closing(lists.Sides(committing_db.url)) as sides:
        lists.compare(sides, 200, 1, times=1)
        lists.count_queries(sides)
        assert all(sides.page(path)() for path in lists.spread(3))
        assert set(search.measured(sides, 1, times=1)) == set(search.asked())
    said = capsys.readouterr().out
    assert re.findall(r"^(.+?) : the same rows by SQL", said, re.MULTILINE) == [
        "API list",
        "board",
        "board, made anew",
    ]
    assert max(int(number) for number in re.findall(r"(\d+) queries", said)) <= 8


def test_the_figures_of_recall():
    told = recall.figures({"勒索": 1.0, "SBOM": 0.5, "APP隐私": 0.75}, 3)
    assert "| all, over 3 demands | 3 | 0.750 |" in told
    assert "| mixed | 1 | 0.750 |" in told
    assert told.endswith("Below 1: SBOM 0.50, APP隐私 0.75.")


def test_the_bare_append_lacks_the_pending_row_and_nothing_else(db):
    told = {}
    bare = ledger_bench.APPEND.split("if not logged:\n")[1].split("counts, ready")[0]
    stand_in = SimpleNamespace(WRITE=ledger.WRITE)
    exec(textwrap.dedent(bare), {"ledger": stand_in}, told)
    assert "pendingevent" not in stand_in.WRITE
    assert stand_in.WRITE.startswith(ledger.WRITE.split(", pending")[0])
    assert stand_in.WRITE.endswith(")\nSELECT id FROM event\n")


def test_what_the_log_s_figures_are_held_against(capsys):
    assert ledger_bench.verdict("leaves/s", 5000, at_least=5000)
    assert not ledger_bench.verdict("ms", 51, at_most=50)
    assert "NOT HELD" in capsys.readouterr().out


def test_two_sides_and_their_ratio(capsys):
    assert report("This", paired(lambda: 3.0, lambda: 10.0), unit="/s", floor=0.2, goal=0.35)
    assert not report("That", paired(lambda: 1.0, lambda: 10.0), unit="/s", floor=0.2, goal=0.35)
    said = capsys.readouterr().out
    assert "median ratio 0.300 (floor 0.2, goal 0.35): floor" in said
    assert "BELOW THE FLOOR" in said


def test_the_help_names_every_command(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bench", "--help"])
    with pytest.raises(SystemExit):
        command.main()
    assert set(command.COMMANDS) <= set(re.findall(r"[a-z-]+", capsys.readouterr().out))


@pytest.mark.slow
@pytest.mark.browser
def test_sealing_in_a_browser_is_measured(browser_type_launch_args):
    """As a program of its own: two playwrights do not go into one."""
    given = ["sealing", "--rounds", "1", "--megabytes", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *given],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r"round (\d+): +[0-9.]+ against +[0-9.]+ MB/s", done.stdout) == ["1"]
    before, most = re.findall(r"renderer: (\d+) MB before, (\d+) MB at most", done.stdout)[0]
    assert 0 < int(before) <= int(most)
