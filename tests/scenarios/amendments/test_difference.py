"""A difference holds both texts whole, and says no more than differs."""

from hypothesis import given
from hypothesis import strategies as st

from marketplace.scenarios.amendments.difference import (
    GONE,
    NEW,
    SAME,
    WORDS_MOST,
    rows_difference,
    text_difference,
)


def sides(pieces):
    before = "".join(text for kind, text in pieces if kind in {SAME, GONE})
    after = "".join(text for kind, text in pieces if kind in {SAME, NEW})
    return before, after


texts = st.text(alphabet="检测率 99.5%\nabc，。12", max_size=200)


@given(texts, texts)
def test_both_texts_are_in_it(before, after):
    assert sides(text_difference(before, after)) == (before, after)


@given(st.text(max_size=200))
def test_the_same_text_has_no_difference(text):
    assert [kind for kind, _text in text_difference(text, text)] == ([SAME] if text else [])


def test_it_is_told_by_words_and_by_signs_of_chinese():
    assert text_difference("检出率 98 以上", "检出率 99.5 以上") == [
        (SAME, "检出率 "),
        (GONE, "98"),
        (NEW, "99.5"),
        (SAME, " 以上"),
    ]
    assert text_difference("需要检测", "需要实时检测") == [
        (SAME, "需要"),
        (NEW, "实时"),
        (SAME, "检测"),
    ]


def test_a_long_text_is_told_by_lines():
    before = "\n".join("甲" * 100 for _ in range(WORDS_MOST // 50))
    pieces = text_difference(before, before + "\n乙")
    assert sides(pieces) == (before, before + "\n乙")


def test_rows_are_known_by_their_code():
    before = [{"code": "M1", "name": "检出率", "value": "98"}, {"code": "M2", "name": "时延"}]
    after = [{"code": "M3", "name": "吞吐"}, {"code": "M1", "name": "检出率", "value": "99"}]
    found = {(row.kind, row.key): row.fields for row in rows_difference(before, after)}
    assert found == {
        ("gone", "M2"): [("code", [(GONE, "M2")]), ("name", [(GONE, "时延")])],
        ("new", "M3"): [("code", [(NEW, "M3")]), ("name", [(NEW, "吞吐")])],
        ("changed", "M1"): [("value", [(GONE, "98"), (NEW, "99")])],
    }


def test_what_is_only_moved_is_no_change():
    rows = [{"code": "M1", "name": "甲"}, {"code": "M2", "name": "乙"}]
    assert rows_difference(rows, rows[::-1]) == []
