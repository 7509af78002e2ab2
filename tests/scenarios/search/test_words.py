"""Text cut into lexemes, and what is typed cut into words. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.scenarios.search.asking import TYPED_MOST, WORDS_MOST, Synonyms, ask, key
from marketplace.scenarios.search.marks import excerpt, marked
from marketplace.scenarios.search.words import pairs, plain, query_pairs, vector

SAME = Synonyms(
    {
        "工控": ("工控", "ics", "工业控制"),
        "private set intersection": ("private set intersection", "psi"),
        "zero trust": ("zero trust", "零信任"),
    }
)


def said(typed):
    return ask(typed, SAME).tsquery


def test_a_run_is_indexed_as_its_pairs_and_its_last_character():
    assert pairs("港口网") == ["港口", "口网", "网"]
    assert query_pairs("港口网") == ["港口", "口网"]
    assert (pairs("港"), query_pairs("港")) == (["港"], ["港"])


def test_a_vector_holds_places_and_weights():
    assert vector([("A", "港口网 SBOM"), ("B", "It's ＴＥＳＴＩＮＧ 3.5")]) == (
        "'港口':1A '口网':2A '网':3A 'sbom':4A 'it':25B 's':26B 'test':27B '3':28B '5':29B"
    )


@pytest.mark.parametrize(
    ("typed", "tsquery"),
    [
        ("流量", "(('流量'))"),
        ("港", "(('港':*))"),
        ("隱私", "(('隐私'))"),
        ("ＳＢＯＭ　芯片", "(('sbom')) & (('芯片'))"),
        ("工控", "(('工控') | ('ics') | ('工业' & '控制'))"),
        (
            "the private set intersection of",
            "(('privat' <1> 'set' <1> 'intersect') | ('psi'))",
        ),
        ("zero-trust", "(('zero' <1> 'trust') | ('零信' & '信任'))"),
        ("LG-2026-0042", "(('lg' <1> '2026' <1> '0042'))"),
        ("“数据 出境”", "(('数据' <2> '出境'))"),
        ("怎么防止被勒索", "(('防止')) & (('勒索'))"),
        ("零信任", "(('零信' & '信任'))"),
        ("龘靐", "(('龘靐'))"),
        ("流量 流量", "(('流量'))"),
        ("how to", "(('how')) & (('to'))"),
        ("漏洞 & | ! <-> ( : *", "(('漏洞'))"),
        ("'; DROP TABLE x --", "(('drop')) & (('tabl')) & (('x'))"),
        ("\x00流量\x07", "(('流量'))"),
        ("😀 %_\\ <>", ""),
        ("", ""),
    ],
)
def test_what_is_typed_as_words(typed, tsquery):
    assert said(typed) == tsquery


def test_much_is_cut_off_and_told():
    assert len("".join(word.text for word in ask("x" * 100_000).words)) <= TYPED_MOST
    many = ask(" ".join(f"a{n}" for n in range(15)))
    assert (len(many.words), many.left_out) == (WORDS_MOST, 5)


@given(st.text(max_size=200))
def test_whatever_is_typed_is_a_query(typed):
    query = ask(typed, SAME)
    assert query.tsquery.count("(") == query.tsquery.count(")")
    assert all(way.lexemes for word in query.words for way in word.ways)


@given(st.text(max_size=300))
def test_marks_lose_nothing_of_the_text(text):
    query = ask("流量 test 港", SAME)
    assert "".join(part for part, _hit in marked(text, query)) == text


def test_marks_are_where_the_words_are():
    query = ask("工控 流量 testing")
    assert marked("工控ＯＴ流量，Tests!", query) == [
        ("工控", True),
        ("ＯＴ", False),
        ("流量", True),
        ("，", False),
        ("Tests", True),
        ("!", False),
    ]
    assert marked("无关", query) == [("无关", False)]
    assert marked("", None) == []


def test_an_excerpt_is_around_the_first_word():
    text = "前" * 100 + "流量" + "后" * 200
    piece = excerpt(text, ask("流量"))
    assert (piece[0], piece[31:33], piece[-1], len(piece)) == ("…", "流量", "…", 122)
    assert excerpt("无关", ask("流量")) == ""


def test_a_word_of_the_table_is_looked_up_as_it_is_typed():
    assert key("Zero-Trust") == "zero trust"
    assert key("工業控制") == "工业控制"
    assert plain("ＡＢ\x00Ｃ") == "ab c"
