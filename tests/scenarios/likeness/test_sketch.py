"""The sketch against exact likeness, and what is shared word for word."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.scenarios.likeness.sketch import (
    BANDS,
    SIGNS,
    bands,
    compare,
    estimate,
    jaccard,
    shared_phrases,
    shingles,
    signature,
    signed,
)

WORDS = st.frozensets(st.integers(0, 400).map(str), min_size=1, max_size=300)


@settings(max_examples=40, deadline=None)
@given(one=WORDS, other=WORDS)
def test_likeness_is_what_both_have_of_what_either_has(one, other):
    exact = Fraction(len(one & other), len(one | other))
    assert jaccard(one, other) == float(exact)
    assert jaccard(other, one) == jaccard(one, other)
    assert (jaccard(one, other) == 1) == (one == other)


@settings(max_examples=40, deadline=None)
@given(common=WORDS, mine=WORDS, theirs=WORDS)
def test_the_estimate_stays_near_the_exact_likeness(common, mine, theirs):
    """0.3 is more than four and a half standard errors of SIGNS draws."""
    one, other = common | mine, common | theirs
    told = estimate(signature(one), signature(other))
    assert abs(told - jaccard(one, other)) <= 0.3


def test_over_many_pairs_the_estimate_is_not_biased():
    """Sets of 100 that share 50, each of words of its own: likeness one third."""
    told = []
    for round_ in range(40):
        word = f"{round_}-".__add__
        one = {word(str(n)) for n in range(100)}
        other = {word(str(n)) for n in range(50, 150)}
        told.append(estimate(signature(one), signature(other)))
    assert abs(sum(told) / len(told) - 1 / 3) < 0.035


@settings(max_examples=30, deadline=None)
@given(words=WORDS)
def test_the_same_words_share_every_band_in_the_database_s_range(words):
    signs = signature(words)
    assert (len(signs), len(bands(signs))) == (SIGNS, BANDS)
    assert bands(signature(frozenset(sorted(words)))) == bands(signs)
    kept = signed(signs) + bands(signs)
    assert all(-(2**31) <= number < 2**31 for number in kept)
    assert estimate(signed(signs), signed(signs)) == 1


def test_nothing_is_like_nothing():
    assert (signature(frozenset()), bands([]), jaccard(frozenset(), frozenset())) == ([], [], 0)
    assert estimate([], signature({"a"})) == 0


def test_half_alike_nearly_always_meet_and_strangers_hardly_ever():
    def meet(shared: int, own: int, round_: int) -> bool:
        one = {f"{round_}-{n}" for n in range(shared + own)}
        other = {f"{round_}-{n}" for n in range(shared)} | {f"{round_}+{n}" for n in range(own)}
        return bool(set(bands(signature(one))) & set(bands(signature(other))))

    alike = sum(meet(80, 40, n) for n in range(50))  # likeness one half
    apart = sum(meet(10, 90, n) for n in range(50))  # one nineteenth
    assert (alike >= 40, apart <= 3) == (True, True)


def test_shingles_are_those_of_the_search():
    assert shingles("港口网 Detecting ICS") == {"港口", "口网", "detect", "ics"}
    assert shingles("檢測") == shingles("检测")


def test_parts_are_compared_where_both_have_them():
    one = {"title": shingles("港口网"), "need": shingles("甲乙丙")}
    other = {"title": shingles("港口"), "need": shingles("")}
    told = compare(one, other)
    assert (dict(told.parts), told.percent("title"), told.percent("need")) == (
        {"title": 0.5},
        50,
        0,
    )
    assert told.whole == 1 / 4


def test_shared_phrases_are_the_longest_and_stand_in_both():
    one = "一、被动采集，不向生产网络发送任何报文。二、识别异常指令并说明依据。"
    other = "要求：不向生产网络发送任何报文；告警可归并。识别异常指令并说明依据。"
    assert shared_phrases(one, other) == ["不向生产网络发送任何报文", "识别异常指令并说明依据"]
    assert shared_phrases("完全不同的一段文字", "与它没有任何重合") == []


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet="甲乙丙丁a b,", max_size=80), st.text(alphabet="甲乙丙丁a b,", max_size=80))
def test_every_phrase_stands_in_both(one, other):
    for phrase in shared_phrases(one, other):
        for text in (one, other):
            assert phrase.rstrip("…") in " ".join(text.split())
