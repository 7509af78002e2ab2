"""Classification against scikit-learn, by hand where it has nothing, and where nothing is defined."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from marketplace.races.evaluation import evaluators, figures
from marketplace.races.evaluation.figures import Missing, written
from marketplace.races.evaluation.metrics import classification
from marketplace.races.evaluation.table import Table
from marketplace.races.evaluation.truth import Truth, public_ids
from tests.races.evaluation.conftest import SALT, ids_of

BINARY = {
    "labels": ["no", "yes"],
    "positive": "yes",
    "scores": "probability",
    "threshold": "0.5",
    "false_positive_bound": "0.1",
}


def measured(actual, columns, settings_):
    ids = ids_of(list(range(len(actual))))
    seen = np.ones(len(actual), bool)
    truth = Truth(ids, Table(ids, {"label": np.array(actual, np.int16)}, seen), ~seen)
    return evaluators.evaluate("classification", truth, Table(ids, columns, seen), settings_)


def close(found, expected):
    return found == pytest.approx(expected, rel=1e-12, abs=1e-15)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40),
)
def test_labels_agree_with_scikit_learn(rows):
    actual, predicted = map(np.array, zip(*rows, strict=True))
    labels = ["a", "b", "c", "d"]
    found = measured(
        actual, {"prediction": predicted.astype(np.int16)}, {"labels": labels, "positive": "b"}
    )
    here = sorted(set(actual.tolist()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        macro, weighted = (
            reference.precision_recall_fscore_support(
                actual, predicted, labels=here, average=average, zero_division=0
            )
            for average in ("macro", "weighted")
        )
        expected = {
            "accuracy": reference.accuracy_score(actual, predicted),
            "micro_f1": reference.f1_score(actual, predicted, average="micro"),
            "balanced_accuracy": reference.balanced_accuracy_score(actual, predicted),
            "macro_precision": macro[0],
            "macro_recall": macro[1],
            "macro_f1": macro[2],
            "weighted_f1": weighted[2],
        }
    assert (
        found.details["confusion"]
        == reference.confusion_matrix(actual, predicted, labels=range(4)).tolist()
    )
    for name, value in expected.items():
        assert close(found.metrics[name], value), name
    if 1 in here and (predicted == 1).any():
        one = reference.precision_recall_fscore_support(
            actual == 1, predicted == 1, average="binary", zero_division=0
        )
        for name, value in zip(("precision", "recall", "f1"), one, strict=False):
            assert close(found.metrics[name], value), name


def rates(actual, scores, bound):
    """The rule itself, threshold by threshold."""
    negatives, positives = (actual == 0).sum(), (actual == 1).sum()
    best = 0.0
    for threshold in [*np.unique(scores), np.inf]:
        flagged = scores >= threshold
        if (flagged & (actual == 0)).sum() <= int(negatives * bound):
            best = max(best, (flagged & (actual == 1)).sum() / positives)
    return best


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=2, max_size=40),
    tenths=st.integers(0, 10),
)
def test_scores_agree_with_scikit_learn(rows, tenths):
    """Scores in twelfths, so that many are the same."""
    actual = np.array([int(truth) for truth, _ in rows])
    scores = np.array([score / 12 for _, score in rows])
    found = measured(
        actual, {"score": scores}, {**BINARY, "false_positive_bound": str(tenths / 10)}
    ).metrics
    clipped = np.clip(scores, 2.0**-52, 1 - 2.0**-52)
    expected = -np.mean(np.where(actual == 1, np.log(clipped), np.log1p(-clipped)))
    assert found["log_loss"] == pytest.approx(expected)
    if 0 < actual.sum() < len(actual):
        assert close(found["roc_auc"], reference.roc_auc_score(actual, scores))
        assert close(found["pr_auc"], reference.average_precision_score(actual, scores))
        assert close(found["detection_rate"], rates(actual, scores, tenths / 10))
        assert found["log_loss"] == pytest.approx(
            reference.log_loss(actual, np.column_stack((1 - clipped, clipped)))
        )
        fpr, tpr, _ = reference.roc_curve(actual, scores, drop_intermediate=False)
        assert close(found["detection_rate"], tpr[fpr <= tenths / 10 + 1e-12].max())


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=30),
    first=st.sampled_from(["yes", "no"]),
)
def test_counting_and_sorting_agree(rows, first):
    """Scores of one decimal, and a thousandth of a millionth apart from them; either label first."""
    labels = ["yes", "no"] if first == "yes" else ["no", "yes"]
    chosen = {**BINARY, "labels": labels, "scores": "any"}
    actual = np.array([labels.index("yes" if truth else "no") for truth, _ in rows])
    scores = np.array([score / 10 for _, score in rows])
    positive = actual == labels.index("yes")
    assert classification.Steps.of_decimals(positive, scores)
    assert classification.Steps.of_decimals(positive, scores + 1e-9) is None
    assert classification.Steps.of_decimals(positive, scores + 2) is None
    found = measured(actual, {"score": scores}, chosen)
    moved = measured(actual, {"score": scores + 1e-9}, chosen)
    assert found.metrics == moved.metrics
    assert found.details == moved.details
    above = np.where(scores >= 0.5, labels.index("yes"), labels.index("no")).astype(np.int16)
    assert found.details["confusion"] == classification.confusion(actual, above, 2).tolist()


def test_the_detection_rate_by_hand(course):
    """Ten negatives and a bound of 0.1: one false positive, none of it where two tie."""
    ids = [f"n{i}" for i in range(10)] + ["p0", "p1", "p2", "p3"]
    truth = "id,label\n" + "".join(f"{i},{'yes' if i[0] == 'p' else 'no'}\n" for i in ids)
    laid = course("classification", BINARY, ids, truth)
    scores = {**{f"n{i}": i / 20 for i in range(10)}, "p0": 0.9, "p1": 0.45, "p2": 0.42, "p3": 0.1}
    content = "id,score\n" + "".join(f"{i},{scores[i]}\n" for i in ids)
    found = laid.outcome(content)
    assert found.metrics["detection_rate"] == 0.75  # above 0.4, the second best negative
    assert found.details["false_positives_allowed"] == 1
    assert found.details["false_positives"] == 1
    tied = laid.outcome(content.replace("n8,0.4", "n8,0.45"))
    assert tied.metrics["detection_rate"] == 0.25  # flagging at 0.45 would flag two negatives
    assert tied.details["false_positives"] == 0


def missing(metrics):
    return {name: value.reason for name, value in metrics.items() if isinstance(value, Missing)}


def test_what_is_not_defined_is_missing_and_says_why():
    scores = np.array([0.2, 0.7])
    assert missing(measured([0, 0], {"score": scores}, BINARY).metrics) == {
        "recall": "no_positives",
        "f1": "no_positives",
        "roc_auc": "no_positives",
        "pr_auc": "no_positives",
        "detection_rate": "no_positives",
    }
    assert missing(measured([1, 1], {"score": scores}, BINARY).metrics) == {
        "roc_auc": "no_negatives",
        "detection_rate": "no_negatives",
    }
    found = measured([0, 1], {"score": np.array([0.2, 0.3])}, BINARY).metrics
    assert missing(found) == {"precision": "nothing_predicted"}
    assert found["recall"] == found["f1"] == 0.0
    none = measured([], {"score": np.zeros(0)}, BINARY).metrics
    assert set(missing(none)) == set(none)


def test_the_outcome_is_canonical_and_the_same_each_time(course):
    laid = course("classification", BINARY, ["a", "b", "c"], "id,label\na,no\nb,yes\nc,yes\n")
    content = "id,score\na,0.3\nb,0.9\nc,0.1\n"
    first, again = laid.outcome(content).bytes(), laid.outcome(content).bytes()
    assert first == again
    plain = json.loads(first)
    assert plain["form"] == "jiebang-outcome/1"
    assert plain["ids"] == 3
    assert plain["metrics"]["accuracy"] == {"value": "0.666666666667"}
    assert plain["metrics"]["precision"] == {"value": "1"}
    assert plain["details"]["confusion"] == [[1, 0], [1, 1]]
    assert b" " not in first
    shuffled = "id,score\nc,0.1\na,0.3\nb,0.9\n"
    assert laid.outcome(shuffled).bytes() == first


def test_public_and_private_ids_make_all_of_them(course):
    ids = [f"id{n}" for n in range(400)]
    rows = "".join(f"{name},{'yes' if n % 2 else 'no'}\n" for n, name in enumerate(ids[:300]))
    laid = course("classification", BINARY, ids, "id,label\n" + rows)
    laid.truth = Truth(laid.ids, laid.truth.table, public_ids(laid.ids, SALT, 30))
    content = "id,score\n" + "".join(f"{name},0.6\n" for name in ids)
    found = {split: laid.outcome(content, split) for split in ("public", "private", "all")}
    assert found["public"].ids + found["private"].ids == found["all"].ids == 300
    assert 60 <= found["public"].ids <= 120
    confusions = {split: np.array(outcome.details["confusion"]) for split, outcome in found.items()}
    assert (confusions["public"] + confusions["private"] == confusions["all"]).all()


def test_the_split_is_that_of_the_salt():
    ids = ids_of(["a", "b", "c", "d", "e", "f", "g", "h"])
    # By `hmac.new(SALT, b"jiebang-split/1\0" + id, "sha256")`, first byte below 128.
    assert public_ids(ids, SALT, 50).tolist() == SPLIT
    assert public_ids(ids, b"another salt of bytes", 50).tolist() != SPLIT
    assert not public_ids(ids, SALT, 0).any()
    assert public_ids(ids, SALT, 100).all()
    assert (
        public_ids(ids_of([7]), SALT, 40).tolist() == public_ids(ids_of(["7"]), SALT, 40).tolist()
    )
    with pytest.raises(ValueError, match="16 bytes"):
        public_ids(ids, b"short", 50)


SPLIT = [True, True, False, False, True, True, False, False]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (2 / 3, "0.666666666667"),
        (1.23e-9, "0.00000000123"),
        (123456789012345.0, "123456789012000"),
        (-0.5, "-0.5"),
        (1e5, "100000"),
    ],
)
def test_figures_are_written_plainly(value, text):
    assert written(value) == text


@settings(max_examples=30)
@given(
    few=st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=20),
    seed=st.integers(0, 99),
)
def test_sums_are_those_of_exact_arithmetic(few, seed):
    random = np.random.default_rng(seed)
    many = random.choice(np.array(few), figures.PLAIN + 7) * random.choice([1e-9, 1, 1e9])
    exact = math.fsum(many.tolist())
    assert figures.total(many) == pytest.approx(exact, rel=1e-15, abs=1e-18 * np.abs(many).max())
    assert figures.total(many[::-1]) == figures.total(many)
    assert figures.total(np.array(few)) == math.fsum(few)
    assert figures.total(np.zeros(figures.PLAIN + 1)) == 0


def test_counting_in_chunks_is_counting(monkeypatch):
    monkeypatch.setattr(classification, "CHUNK", 3)
    found = classification.confusion(
        np.array([0, 1, 1, 0, 1], np.int16), np.array([0, 1, 0, 0, 1], np.int16), 2
    )
    assert found.tolist() == [[2, 0], [1, 2]]
