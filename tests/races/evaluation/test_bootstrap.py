"""Intervals, places and groups: against the plain loop, by simulation, and for those alike."""

from __future__ import annotations

import json
import warnings
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from marketplace.races.evaluation import bootstrap, delong, evaluators
from marketplace.races.evaluation.figures import Missing
from marketplace.races.evaluation.samples import Sample, patterns
from marketplace.races.evaluation.table import Table
from marketplace.races.evaluation.truth import Truth
from tests.races.evaluation.conftest import ids_of

SEED = bootstrap.seed_from(b"design", b"truth")
BINARY = {
    "labels": ["no", "yes"],
    "positive": "yes",
    "scores": "probability",
    "threshold": "0.5",
    "false_positive_bound": "0.2",
}


def field(columns, settings_, *entrants, name="label"):
    """(truth, tables) over rows that all are measured."""
    ids = ids_of(list(range(len(columns))))
    seen = np.ones(len(columns), bool)
    truth = Truth(ids, Table(ids, {name: columns}, seen), ~seen)
    return truth, [Table(ids, entrant, seen) for entrant in entrants]


def scored(rows, entrants, random, grain=20):
    actual = (random.random(rows) < 0.4).astype(np.int16)
    found = [
        np.clip(random.normal(0.35 + 0.3 * actual, 0.2 + 0.05 * n), 0, 1) for n in range(entrants)
    ]
    return actual, [np.round(one * grain) / grain for one in found]


def values(metric, truth, tables, settings_, weights):
    name, _, short = metric.partition(".")
    sample = evaluators.evaluator(name).module().sample(short, truth, tables, None, settings_)
    if sample.pattern is not None:
        weights = np.bincount(sample.pattern, weights, minlength=len(sample.sizes))
    return sample.values(np.asarray(weights, float)[None, :])[0]


def plain(metric, actual, scores, bound):
    """scikit-learn on rows that were drawn; None where the metric is not defined."""
    guessed = (scores >= 0.5).astype(int)
    one = {"zero_division": 0}
    here = sorted(set(actual.tolist()))
    found = {
        "accuracy": lambda: reference.accuracy_score(actual, guessed),
        "micro_f1": lambda: reference.f1_score(actual, guessed, average="micro"),
        "balanced_accuracy": lambda: reference.balanced_accuracy_score(actual, guessed),
        "macro_f1": lambda: reference.f1_score(
            actual, guessed, labels=here, average="macro", **one
        ),
        "macro_precision": lambda: reference.precision_score(
            actual, guessed, labels=here, average="macro", **one
        ),
        "macro_recall": lambda: reference.recall_score(
            actual, guessed, labels=here, average="macro"
        ),
        "weighted_f1": lambda: reference.f1_score(
            actual, guessed, labels=here, average="weighted", **one
        ),
        "precision": lambda: reference.precision_score(actual, guessed) if guessed.any() else None,
        "recall": lambda: reference.recall_score(actual, guessed) if 1 in here else None,
        "f1": lambda: reference.f1_score(actual, guessed, **one) if 1 in here else None,
        "log_loss": lambda: reference.log_loss(
            actual, np.column_stack((1 - scores, scores)), labels=[0, 1]
        ),
    }
    if metric in found:
        return found[metric]()
    if len(here) < 2:
        if metric == "pr_auc" and here == [1]:
            return 1.0
        return None
    if metric == "roc_auc":
        return reference.roc_auc_score(actual, scores)
    if metric == "pr_auc":
        return reference.average_precision_score(actual, scores)
    fpr, tpr, _ = reference.roc_curve(actual, scores, drop_intermediate=False)
    return tpr[np.rint(fpr * (actual == 0).sum()) <= int((actual == 0).sum() * bound)].max()


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(2, 40))
def test_a_draw_is_the_metric_of_the_rows_drawn(seed, rows):
    """Every metric of classification, weighted as a draw is, against scikit-learn on its rows."""
    random = np.random.default_rng(seed)
    actual, scores = scored(rows, 2, random)
    scores = [one.clip(2.0**-40, 1 - 2.0**-40) for one in scores]
    truth, tables = field(actual, BINARY, *({"score": one} for one in scores))
    picked = random.integers(0, rows, rows)
    weights = np.bincount(picked, minlength=rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for metric in evaluators.evaluator("classification").metrics:
            found = values(f"classification.{metric}", truth, tables, BINARY, weights)
            for value, one in zip(found, scores, strict=True):
                expected = plain(metric, actual[picked], one[picked], Fraction("0.2"))
                if expected is None:
                    assert np.isnan(value), metric
                else:
                    assert value == pytest.approx(expected, rel=1e-9, abs=1e-12), metric


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), labels=st.integers(2, 9))
def test_many_labels_are_counted_alike(seed, labels):
    random = np.random.default_rng(seed)
    rows = 30
    actual = random.integers(0, labels, rows).astype(np.int16)
    guessed = random.integers(0, labels, rows).astype(np.int16)
    chosen = {"labels": [f"l{n}" for n in range(labels)]}
    truth, tables = field(actual, chosen, {"prediction": guessed})
    picked = random.integers(0, rows, rows)
    weights = np.bincount(picked, minlength=rows)
    here = sorted(set(actual[picked].tolist()))
    for metric, average in (("macro_f1", "macro"), ("weighted_f1", "weighted")):
        expected = reference.f1_score(
            actual[picked], guessed[picked], labels=here, average=average, zero_division=0
        )
        (found,) = values(f"classification.{metric}", truth, tables, chosen, weights)
        assert found == pytest.approx(expected)


def courses():
    random = np.random.default_rng(5)
    rows = 60
    numbers = random.normal(0, 3, rows).round(2)
    numbers[:3] = 0
    yield (
        "regression",
        {},
        *field(numbers, {}, {"value": numbers + random.normal(0, 1, rows)}, name="value"),
    )
    places = np.repeat(np.arange(rows), 3).astype(np.int32)
    ids, seen = ids_of(list(range(rows))), np.ones(rows, bool)

    def table(columns):
        return Table(ids, columns, seen, places)

    texts = pl.Series([f"x{n}" for n in random.integers(0, 4, len(places))])
    truth = Truth(ids, table({"match": texts}), ~seen)
    sent = pl.Series([f"x{n}" for n in random.integers(0, 4, len(places))])
    yield "sets", {}, truth, [table({"match": sent})]
    items = pl.Series([f"x{n % 3}" for n in range(len(places))])
    relevance = random.integers(0, 3, len(places)).astype(float)
    truth = Truth(ids, table({"item": items, "relevance": relevance}), ~seen)
    ranks = np.tile([2, 1, 3], rows)
    yield "ranking", {"k": 2}, truth, [table({"item": items, "rank": ranks})]
    start = np.tile([10.0, 50.0, np.nan], rows)
    start[::7] = np.nan
    truth = Truth(
        ids,
        table({"start": start, "end": start + 9, "observed_seconds": np.full(len(places), 99.0)}),
        ~seen,
    )
    yield "events", {}, truth, [table({"time": random.uniform(0, 99, len(places)).round(3)})]


@pytest.mark.parametrize("number", range(4))
def test_without_a_draw_it_is_the_figure_itself(number):
    name, chosen, truth, tables = list(courses())[number]
    exact = evaluators.evaluate(name, truth, tables[0], chosen).metrics
    for metric, value in exact.items():
        sample = evaluators.evaluator(name).module().sample(metric, truth, tables, None, chosen)
        (found,) = sample.values(sample.sizes[None, :].astype(float))[0]
        assert not isinstance(value, Missing)
        assert found == pytest.approx(value, rel=1e-9)
        drawn = bootstrap.compare(
            f"{name}.{metric}",
            truth,
            {"R1": tables[0]},
            chosen,
            seed=SEED,
            split="all",
            resamples=60,
        )
        (entrant,) = drawn["entrants"]
        low, high = (float(entrant[bound]["value"]) for bound in ("low", "high"))
        assert low <= value <= high


# What is told


def compared(scores, actual, metric="classification.f1", **more):
    truth, tables = field(actual, BINARY, *({"score": one} for one in scores))
    named = {f"R{n}": table for n, table in enumerate(tables, 1)}
    options = {"seed": SEED, "split": "all", "resamples": 300, **more}
    return bootstrap.compare(metric, truth, named, BINARY, **options)


@pytest.mark.parametrize(
    "metric", ["f1", "roc_auc", "pr_auc", "detection_rate", "log_loss", "macro_f1"]
)
def test_those_alike_share_their_places(metric):
    actual, (good, bad) = scored(300, 2, np.random.default_rng(7))
    bad = np.clip(bad * 0.2 + 0.3, 0, 1).round(2)
    found = compared([good, bad, good], actual, f"classification.{metric}")
    first, _, third = found["entrants"]
    assert {**first, "code": "R3"} == third
    pairs = {(pair["first"], pair["second"]): pair for pair in found["pairs"]}
    assert pairs["R1", "R3"]["distinguishable"] is False
    assert pairs["R1", "R3"]["low"] == pairs["R1", "R3"]["high"] == {"value": "0"}
    assert any({"R1", "R3"} <= set(group) for group in found["groups"])
    assert set(np.concatenate(found["groups"])) == {"R1", "R2", "R3"}
    for entrant in found["entrants"]:
        assert sum(float(share) for share in entrant["places"]) == pytest.approx(1, abs=1e-5)
    for place in range(3):
        shares = [float(entrant["places"][place]) for entrant in found["entrants"]]
        assert sum(shares) == pytest.approx(1, abs=1e-5)


def test_who_is_far_apart_is_told_apart():
    actual, (good, _) = scored(400, 2, np.random.default_rng(8))
    chance = np.random.default_rng(9).random(400).round(2)
    for metric in ("f1", "roc_auc", "log_loss"):
        found = compared([chance, good], actual, f"classification.{metric}")
        assert found["groups"] == [["R2"], ["R1"]]
        assert found["pairs"][0]["distinguishable"] is True
        assert found["entrants"][1]["places"] == ["1", "0"]


def test_the_same_seed_gives_the_same_bytes():
    actual, scores = scored(120, 3, np.random.default_rng(3))
    for metric in ("classification.f1", "classification.roc_auc", "classification.pr_auc"):
        first, again = (bootstrap.as_bytes(compared(scores, actual, metric)) for _ in range(2))
        assert first == again
        other = compared(scores, actual, metric, seed=bootstrap.seed_from(b"another"))
        assert bootstrap.as_bytes(other) != first
        assert json.loads(first)["seed"] == SEED.hex()


def test_portions_of_draws_do_not_matter(monkeypatch):
    actual, scores = scored(50, 2, np.random.default_rng(4))
    whole = compared(scores, actual, "classification.pr_auc")
    monkeypatch.setattr(bootstrap, "HELD", 8 * 50 * 7)
    assert compared(scores, actual, "classification.pr_auc") == whole


def test_intervals_cover_as_often_as_they_say():
    """Accuracy of 0.8 on 200 rows: of 300 simulated heats, about 95 in 100 intervals hold it."""
    random = np.random.default_rng(11)
    held = 0
    for number in range(300):
        right = random.binomial(200, 0.8)
        sample = Sample(
            np.array([right, 200 - right]),
            lambda weights: weights[:, :1] / weights.sum(axis=1)[:, None],
        )
        drawn = bootstrap.drawn_values(
            sample, bootstrap.generator(SEED, str(number)), resamples=400
        )
        low, high = bootstrap.bounds(drawn[:, 0], right / 200, None)
        held += low <= 0.8 <= high
    assert 0.91 <= held / 300 <= 0.98


def test_what_is_not_defined_has_neither_interval_nor_place():
    actual, scores = scored(40, 1, np.random.default_rng(2))
    found = compared([np.full(40, 0.1), scores[0]], actual, "classification.precision")
    silent = found["entrants"][0]
    assert silent["value"] == silent["low"] == {"missing": "not_defined"}
    assert silent["places"] == ["0", "0"]
    assert silent["undefined"] == 300
    assert found["pairs"][0]["distinguishable"] is None
    assert found["groups"] == [["R2"]]
    one_class = compared(scores, np.zeros(40, np.int16), "classification.roc_auc")
    assert one_class["entrants"][0]["value"] == {"missing": "not_defined"}
    rare = np.zeros(40, np.int16)
    rare[0] = 1
    hardly = compared(scores, rare, "classification.recall")["entrants"][0]
    assert hardly["low"] == {"missing": "too_few_draws"}


def test_groups_overlap_where_the_middle_is_like_both_ends():
    apart = {frozenset((0, 2))}
    assert bootstrap.runs([0, 1, 2], lambda a, b: frozenset((a, b)) in apart) == [[0, 1], [1, 2]]
    assert bootstrap.runs([0, 1, 2], lambda a, b: False) == [[0, 1, 2]]
    assert bootstrap.runs([2, 0, 1], lambda a, b: True) == [[2], [0], [1]]
    assert bootstrap.runs([], lambda a, b: True) == []


def test_a_score_of_several_metrics_is_drawn_together():
    """Recall and error rate of one entrant move together; each of them is as if drawn alone."""
    actual, scores = scored(150, 2, np.random.default_rng(6))
    truth, tables = field(actual, BINARY, *({"score": one} for one in scores))
    named = {f"R{n}": table for n, table in enumerate(tables, 1)}
    metrics = ["classification.accuracy", "classification.roc_auc", "classification.micro_f1"]
    options = {"seed": SEED, "split": "all", "resamples": 200}
    found = bootstrap.compare_scores(
        metrics,
        lambda drawn: 60 * drawn[metrics[0]] + 40 * drawn[metrics[1]],
        truth,
        named,
        BINARY,
        **options,
    )
    for entrant, table in zip(found["entrants"], tables, strict=True):
        exact = evaluators.evaluate("classification", truth, table, BINARY).metrics
        score = 60 * exact["accuracy"] + 40 * exact["roc_auc"]
        assert float(entrant["value"]["value"]) == pytest.approx(score, rel=1e-5)
        assert float(entrant["low"]["value"]) < score < float(entrant["high"]["value"])
    same = bootstrap.compare_scores(
        metrics,
        lambda drawn: drawn[metrics[0]] - drawn[metrics[2]],
        truth,
        named,
        BINARY,
        **options,
    )
    assert [row["low"] for row in same["entrants"]] == [{"value": "0"}] * 2


# The pieces


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_delong_is_the_variance_of_the_kernel(seed):
    """Against the definition: means of the comparison of every positive with every negative."""
    random = np.random.default_rng(seed)
    actual, scores = scored(24, 2, random, grain=6)
    positive = actual == 1
    if not 2 <= positive.sum() <= 22:
        return
    point, covariance = delong.areas(positive, scores)
    kernels = []
    for one in scores:
        high, low = one[positive][:, None], one[~positive][None, :]
        kernels.append((high > low) + (high == low) / 2)
    for n, kernel in enumerate(kernels):
        assert point[n] == pytest.approx(reference.roc_auc_score(actual, scores[n]))
        for m, other in enumerate(kernels):
            hits = np.cov(kernel.mean(axis=1), other.mean(axis=1))[0, 1] / kernel.shape[0]
            misses = np.cov(kernel.mean(axis=0), other.mean(axis=0))[0, 1] / kernel.shape[1]
            assert covariance[n, m] == pytest.approx(hits + misses, abs=1e-15)
    lower = delong.factor(covariance)
    assert lower @ lower.T == pytest.approx(covariance, abs=1e-9)


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=30))
def test_patterns_are_the_different_rows(rows):
    columns = [np.array(column, np.int16) for column in zip(*rows, strict=True)]
    pattern, one, sizes = patterns(columns, 3)
    assert sizes.sum() == len(rows)
    assert len(sizes) == len(set(rows))
    assert [rows[one[number]] for number in pattern] == rows


def test_patterns_of_very_many_columns():
    random = np.random.default_rng(1)
    columns = [random.integers(0, 50, 200).astype(np.int16) for _ in range(12)]
    pattern, one, sizes = patterns(columns, 50)
    assert sizes.tolist() == [1] * 200
    assert sorted(one[pattern].tolist()) == list(range(200))
