"""The whole path in a real browser: from a demand to an award and into the count.

One walk, each person in a browser of his own, under the strict policy. Every page is reached by a
click, looked at at two widths, and complained about by nobody in the end.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.browser import award, bids, posting, review
from tests.browser.pages import Reader
from tests.browser.walk import Walk


@pytest.fixture
def readers(browser, site) -> Iterator[Callable[..., Reader]]:
    """`readers(name, language)`; afterwards nobody has anything to complain about."""
    made: list[Reader] = []

    def open_one(name: str, language: str = "") -> Reader:
        made.append(Reader(browser, site, name, language))
        return made[-1]

    yield open_one
    complaints = [f"{reader.name}: {said}" for reader in made for said in reader.complaints]
    for reader in made:
        reader.close()
    assert complaints == []


@contextmanager
def opener_process() -> Iterator[None]:
    """The opener as in service: a process of its own, told to stop in the end."""
    command = [sys.executable, "manage.py", "run_opener"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        process.terminate()
        _out, said = process.communicate(timeout=20)
    assert process.returncode == 0, said


@pytest.mark.long
@pytest.mark.browser
@pytest.mark.slow
def test_a_demand_travels_to_its_award_and_into_the_count(readers, clock, demo_keys, tmp_path):
    walk = Walk(readers)
    posting.nothing_yet(walk)
    with opener_process():
        first = walk.person("officer", walk.cast.first)
        posting.call(walk, first)
        owner = posting.draft_and_file(walk)
        posting.file_under_call(walk, owner)
        posting.demonstrate(walk, first)
        second = posting.file_papers(walk, owner, first)
        posting.announce(walk, clock, second)
        posting.read_as_visitor(walk)
        vendors = bids.bid_under_seal(walk)
        holders = bids.close_and_open(walk, clock)
        secretary = review.check_eligibility(walk)
        review.score_all(walk, secretary, holders)
    award.choose(walk, owner)
    award.publicise(walk, second)
    award.confirm(walk, first, clock)
    award.read_own_results(vendors)
    award.replay(walk, vendors[1], tmp_path)
    award.count(walk)
