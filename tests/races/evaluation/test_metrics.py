"""The other evaluators: against scikit-learn, against plain counting, and by hand."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from marketplace.races.evaluation.faults import Refused
from marketplace.races.evaluation.figures import Missing
from marketplace.races.evaluation.metrics import events, ranking, regression, sets
from marketplace.races.evaluation.table import Table
from marketplace.races.evaluation.truth import Truth
from tests.races.evaluation.conftest import ids_of

COURSES = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def truth_of(ids, columns, places=None):
    seen = np.ones(len(ids), bool)
    known = ids_of(list(ids))
    places = None if places is None else np.array(places, np.int32)
    return Truth(known, Table(known, columns, seen, places), ~seen)


def close(found, expected):
    return found == pytest.approx(expected, rel=1e-9, abs=1e-12)


# Regression

NUMBERS = st.integers(-1000, 1000).map(lambda value: value / 8)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30))
def test_regression_agrees_with_scikit_learn(rows):
    actual, given_ = map(np.array, zip(*rows, strict=True))
    truth = truth_of(range(len(rows)), {"value": actual})
    result = Table(truth.ids, {"value": given_}, truth.table.seen)
    found, details = regression.measure(truth, result, None, {})
    assert close(found["mae"], reference.mean_absolute_error(actual, given_))
    assert close(found["rmse"], reference.root_mean_squared_error(actual, given_))
    assert close(found["median_ae"], reference.median_absolute_error(actual, given_))
    kept = actual != 0
    assert details["zeros"] == (~kept).sum()
    if kept.any():
        expected = reference.mean_absolute_percentage_error(actual[kept], given_[kept])
        assert close(found["mape"], expected)
    else:
        assert found["mape"] == Missing("only_zeros")
    if len(set(actual.tolist())) > 1:
        assert close(found["r2"], reference.r2_score(actual, given_))
    else:
        assert found["r2"] == Missing("constant_truth")


def test_numbers_beyond_all_measure_are_missing():
    truth = truth_of(range(2), {"value": np.array([1.0, 2.0])})
    result = Table(truth.ids, {"value": np.array([1e308, -1e308])}, truth.table.seen)
    found, _ = regression.measure(truth, result, None, {})
    assert set(found.values()) == {Missing("too_large")}
    nobody = truth_of([], {"value": np.zeros(0)})
    none, _ = regression.measure(nobody, nobody.table, None, {})
    assert set(none.values()) == {Missing("no_rows")}


# Ranking


@COURSES
@given(data=st.data())
def test_ranking_agrees_with_scikit_learn_and_plain_counting(data):
    queries, items = data.draw(st.integers(1, 4)), 8
    k = data.draw(st.integers(1, items))
    relevance = np.array(
        [
            data.draw(st.lists(st.integers(0, 3), min_size=items, max_size=items))
            for _ in range(queries)
        ]
    )
    orders = [data.draw(st.permutations(range(items))) for _ in range(queries)]
    depth = data.draw(st.integers(k, items))
    names = [f"i{n}" for n in range(items)]
    truth = truth_of(
        range(queries),
        {
            "item": pl.Series("item", names * queries),
            "relevance": relevance.ravel().astype(float),
        },
        np.repeat(np.arange(queries), items),
    )
    sent = [(q, names[order[r]], r + 1) for q, order in enumerate(orders) for r in range(depth)]
    sent = data.draw(st.permutations(sent))
    result = Table(
        truth.ids,
        {
            "item": pl.Series("item", [row[1] for row in sent]),
            "rank": np.array([row[2] for row in sent]),
        },
        truth.table.seen,
        np.array([row[0] for row in sent], np.int32),
    )
    found, details = ranking.measure(truth, result, None, {"k": k})
    kept = [q for q in range(queries) if relevance[q].any()]
    assert details == {"queries": len(kept), "queries_without": queries - len(kept)}
    if not kept:
        assert found["ndcg"] == Missing("no_positives")
        return
    scores = np.zeros((queries, items))
    for q, order in enumerate(orders):
        for rank, item in enumerate(order):
            scores[q, item] = items - rank
    assert close(found["ndcg"], reference.ndcg_score(relevance[kept], scores[kept], k=k))
    flags = {q: [relevance[q][item] > 0 for item in orders[q][:depth]] for q in kept}
    assert close(found["precision"], np.mean([sum(flags[q][:k]) / k for q in kept]))
    assert close(
        found["mrr"],
        np.mean([1 / (flags[q].index(True) + 1) if any(flags[q]) else 0 for q in kept]),
    )
    if depth == items:
        expected = [reference.average_precision_score(relevance[q] > 0, scores[q]) for q in kept]
        assert close(found["map"], np.mean(expected))


def test_ranking_by_hand(course):
    laid = course(
        "ranking",
        {"k": 3, "depth": 4},
        ["q1", "q2", "q3"],
        "id,item,relevance\nq1,a,3\nq1,b,1\nq2,c,1\nq3,,\n",
    )
    found = laid.outcome("id,item,rank\nq1,b,1\nq1,x,2\nq1,a,3\nq2,y,1\nq2,c,4\nq3,a,1\n")
    assert found.details == {"queries": 2, "queries_without": 1}
    best = 3 + 1 / math.log2(3)
    assert close(found.metrics["ndcg"], (1 + 3 / 2) / best / 2)
    assert close(found.metrics["precision"], (2 / 3) / 2)
    assert close(found.metrics["mrr"], (1 + 1 / 4) / 2)
    assert close(found.metrics["map"], ((1 + 2 / 3) / 2 + 1 / 4) / 2)
    assert laid.refusal("id,item,rank\nq1,b,1\nq2,c,1\n") == [("missing_id", None, "id")]
    with pytest.raises(Refused):
        course("ranking", {}, ["q"], "id,item,relevance\nq,a,\n")


# Sets


@COURSES
@given(
    sent=st.sets(st.tuples(st.integers(0, 3), st.sampled_from("abc"))),
    true=st.sets(st.tuples(st.integers(0, 3), st.sampled_from("abc"))),
)
def test_sets_are_sets(sent, true):
    def table(pairs):
        pairs = sorted(pairs)
        columns = {"match": pl.Series("match", [match for _, match in pairs], pl.String)}
        places = np.array([place for place, _ in pairs], np.int32)
        return Table(ids, columns, np.ones(4, bool), places)

    ids = ids_of([0, 1, 2, 3])
    truth = Truth(ids, table(true), np.zeros(4, bool))
    found, details = sets.measure(truth, table(sent), None, {})
    hits = len(sent & true)
    assert details == {"pairs_sent": len(sent), "pairs_true": len(true), "hits": hits}
    assert found["precision"] == (hits / len(sent) if sent else Missing("nothing_predicted"))
    if true:
        assert close(found["recall"], hits / len(true))
        assert close(found["f1"], 2 * hits / (len(sent) + len(true)))
        assert close(found["jaccard"], hits / len(sent | true))
    else:
        assert found["recall"] == found["f1"] == found["jaccard"] == Missing("no_positives")


def test_who_sends_no_pair_is_measured(course):
    laid = course("sets", {}, ["a", "b"], "id,match\na,x\nb,\n")
    found = laid.metrics("id,match\n")
    assert found["recall"] == {"value": "0"}
    assert found["precision"] == {"missing": "nothing_predicted"}


# Events

TRUTH = """id,observed_seconds,start,end
s1,3600,10,20
s1,3600,15,30
s1,3600,100,110
s2,3600,,
s3,3600,0,5
"""


def test_events_by_hand(course):
    laid = course("events", {"tolerance_seconds": "5"}, ["s1", "s2", "s3", "s4"], TRUTH)
    # 12 finds the first event, 16 the second, 18 both again; 114 the third within the tolerance.
    alarms = "id,time\ns1,16\ns1,12\ns1,18\ns1,114\ns1,116\ns2,7\ns4,1\n"
    found = laid.outcome(alarms)
    assert found.details == {
        "streams": 3,
        "events": 4,
        "detected": 3,
        "false_alarms": 2,
        "observed_seconds": 10800.0,
    }
    assert found.metrics["precision"] == 3 / 5
    assert found.metrics["recall"] == 3 / 4
    assert close(found.metrics["f1"], 2 / 3)
    assert close(found.metrics["false_alarms"], 2 / 3)
    assert found.metrics["delay_p50"] == 2.0  # of 1, 2, 14
    assert close(found.metrics["delay_p95"], 12.8)
    strict = course("events", {"repeats": "false"}, ["s1", "s2", "s3", "s4"], TRUTH)
    assert strict.outcome(alarms).details["false_alarms"] == 4
    assert strict.outcome(alarms).details["detected"] == 2


def test_nothing_detected_has_no_delay(course):
    laid = course("events", {}, ["s1", "s2", "s3"], TRUTH)
    found = laid.metrics("id,time\n")
    assert found["recall"] == found["false_alarms"] == {"value": "0"}
    assert found["delay_p50"] == found["delay_p95"] == {"missing": "nothing_detected"}
    assert found["precision"] == {"missing": "nothing_predicted"}
    assert laid.refusal("id,time\ns1,5\ns1,5\n") == [("duplicate_row", 3, None)]
    quiet = course("events", {}, ["s"], "id,observed_seconds,start,end\ns,0,,\n")
    found = quiet.metrics("id,time\ns,1\n")
    assert found["false_alarms"] == {"missing": "no_observed_time"}
    assert found["recall"] == {"missing": "no_positives"}


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("s,10,1,\n", "half_an_event"),
        ("s,10,5,1\n", "ends_before_it_starts"),
        ("s,10,5,11\n", "ends_after_the_stream"),
        ("s,10,1,2\ns,11,3,4\n", "two_lengths"),
    ],
)
def test_a_truth_that_cannot_be_is_refused(course, rows, code):
    with pytest.raises(Refused) as found:
        course("events", {}, ["s"], "id,observed_seconds,start,end\n" + rows)
    assert [fault.code for fault in found.value.faults] == [code]


@settings(max_examples=60)
@given(
    starts=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)), max_size=6, unique=True),
    times=st.sets(st.integers(0, 30), max_size=10),
    tolerance=st.integers(0, 3),
)
def test_each_alarm_is_counted_once(starts, times, tolerance):
    happened = sorted((float(start), float(start + length)) for start, length in starts)
    delays, false, again = events.walk(
        happened, [(float(time),) for time in sorted(times)], float(tolerance)
    )
    assert len(delays) + false + again == len(times)
    assert len(delays) <= len(happened)
    assert all(0 <= delay <= 6 + tolerance for delay in delays)
    outside = [
        time
        for time in times
        if not any(start <= time <= end + tolerance for start, end in happened)
    ]
    assert false == len(outside)
