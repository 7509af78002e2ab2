"""Files from strangers are read within limits, or refused with a sentence; never anything else."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.base.texts import Wrong
from marketplace.scenarios.drafting.archive import Archive
from marketplace.scenarios.drafting.sheet import understand
from marketplace.scenarios.drafting.tables import tables_of
from tests.scenarios.drafting import made

KINDS = {"title": "text", "metrics.name": "text", "metrics.critical": "flag", "domain": "choice"}
CHOICES = {"domain": {"ai": "ai", "人工智能": "ai"}}
BAD = made.bad_files()
GOOD = made.word()


@pytest.mark.parametrize("name", BAD)
def test_every_bad_file_is_refused_by_its_rule(name):
    raw, rule = BAD[name]
    with pytest.raises(Wrong) as refused:
        tables_of(raw)
    assert refused.value.rule == rule
    assert refused.value.message


def test_a_formula_is_named_by_its_cell():
    with pytest.raises(Wrong) as refused:
        tables_of(BAD["formula"][0])
    assert "B7" in refused.value.message


def test_reading_takes_no_longer_than_allowed():
    with pytest.raises(Wrong) as refused:
        Archive(GOOD, seconds=-1).xml("word/document.xml")
    assert refused.value.rule == "file.time"


def test_embedded_objects_and_links_are_never_opened():
    raw = made.word(**{"word/embeddings/oleObject1.bin": b"x", "customXml/item1.xml": "<!DOCTYPE"})
    assert tables_of(raw) == [[["[title]", "T"]]]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8), st.booleans())
def test_a_damaged_file_is_read_or_refused_and_nothing_else_happens(at, bytes_in, cut):
    raw = GOOD[:at] + bytes_in + (b"" if cut else GOOD[at + len(bytes_in) :])
    try:
        tables_of(raw)
    except Wrong as wrong:
        assert wrong.message


cells = st.sampled_from(
    ["", "[title]", "[metrics.name]", "[metrics.critical]", "[domain]", "人工智能", "是", "※", "x"]
)


@given(st.lists(st.lists(st.lists(cells, max_size=4), max_size=5), max_size=4))
def test_any_tables_are_understood_without_a_fault_of_ours(tables):
    found = understand(tables, kinds=KINDS, choices=CHOICES)
    assert set(found.values) <= {"title", "domain"}
    assert set(found.rows) <= {"metrics"}


def test_what_cannot_be_placed_is_told_with_its_reason():
    tables = [
        [["A [title]", "x"], ["B [title]", "y"], ["C [domain]", "气象"], ["D [nothing]", "z"]],
        [["[metrics.name]", "[metrics.critical]"], ["※ help", ""], ["时延", "也许"]],
    ]
    found = understand(tables, kinds=KINDS, choices=CHOICES)
    assert found.values == {"title": "x"}
    assert found.rows == {"metrics": [{"name": "时延"}]}
    assert found.odd == [
        ("title", "y", "twice"),
        ("domain", "气象", "choice"),
        ("nothing", "z", "unknown"),
        ("metrics-0-critical", "也许", "flag"),
    ]
