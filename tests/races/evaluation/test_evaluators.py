"""What can be measured, told without loading what measures."""

import subprocess
import sys

import pytest

from marketplace.races.evaluation import evaluators
from marketplace.races.evaluation.kinds import SettingFault

BINARY = {
    "labels": ["benign", "phishing"],
    "positive": "phishing",
    "scores": "probability",
    "threshold": "0.5",
    "false_positive_bound": "0.01",
}


def test_the_catalogue_is_light():
    program = (
        "import sys; from marketplace.races.evaluation.evaluators import catalogue, settings_faults"
        "; catalogue(); settings_faults('classification', {'labels': ['a', 'b']})"
        "; heavy = {'polars', 'numpy', 'sklearn', 'scipy', 'django'} & set(sys.modules)"
        "; sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_each_evaluator_tells_its_columns_and_metrics():
    assert {name: row.version for name, row in evaluators.catalogue().items()} == {
        "classification": "1",
        "events": "1",
        "regression": "1",
        "ranking": "1",
        "sets": "1",
    }
    found = evaluators.evaluator("classification")
    assert [column.name for column in found.columns(BINARY)] == ["id", "score"]
    assert set(found.available({"labels": ["a", "b", "c"]})) == {
        "accuracy",
        "balanced_accuracy",
        "macro_precision",
        "macro_recall",
        "macro_f1",
        "weighted_f1",
        "micro_f1",
    }
    assert set(found.available(BINARY)) == set(found.metrics)
    assert evaluators.metric("classification.detection_rate", BINARY).direction == "higher"
    assert evaluators.metric("classification.log_loss", BINARY).direction == "lower"
    with pytest.raises(evaluators.Unknown):
        evaluators.metric("classification.log_loss", {**BINARY, "scores": "any"})
    with pytest.raises(evaluators.Unknown):
        evaluators.metric("divination.luck", {})


@pytest.mark.parametrize(
    ("name", "settings", "faults"),
    [
        ("classification", BINARY, []),
        ("classification", {}, [("", "schema.required")]),
        ("classification", {"labels": ["a", "a"]}, [("labels", "schema.uniqueItems")]),
        (
            "classification",
            {"labels": ["a", "b"], "positive": "c"},
            [("positive", "not_a_label")],
        ),
        (
            "classification",
            {"labels": ["a", "b", "c"], "scores": "any", "positive": "a"},
            [("scores", "two_labels")],
        ),
        (
            "classification",
            {"labels": ["a", "b"], "scores": "any"},
            [("positive", "needed_for_scores")],
        ),
        (
            "classification",
            {"labels": ["a", "b"], "positive": "a", "false_positive_bound": "0.01"},
            [("false_positive_bound", "needs_scores")],
        ),
        ("events", {"tolerance_seconds": "60", "repeats": "false"}, []),
        ("events", {"tolerance_seconds": 60}, [("tolerance_seconds", "schema.type")]),
        ("regression", {"ids": "integer"}, []),
        ("regression", {"labels": ["a", "b"]}, [("", "schema.additionalProperties")]),
        ("ranking", {"k": 10, "depth": 5}, [("k", "beyond_depth")]),
        ("sets", {}, []),
    ],
)
def test_settings_are_checked(name, settings, faults):
    found = evaluators.settings_faults(name, settings)
    assert [(row.path, row.code) for row in found] == faults
    assert all(isinstance(row, SettingFault) for row in found)


class Point:
    def __init__(self, name, made):
        self.name, self.value, self.made = name, f"somewhere:{name}", made

    def load(self):
        return self.made


@pytest.fixture
def installed(monkeypatch):
    def installs(*points):
        evaluators.catalogue.cache_clear()
        monkeypatch.setattr(evaluators, "entry_points", lambda group: points)

    yield installs
    evaluators.catalogue.cache_clear()


def test_an_installed_package_adds_one_and_takes_no_name(installed):
    own = evaluators.evaluator("sets")
    other = type(own)(**{**own.__dict__, "name": "pairs", "version": "7"})
    installed(Point("pairs", other))
    assert evaluators.evaluator("pairs").version == "7"
    installed(Point("sets", type(own)(**{**own.__dict__, "version": "2"})))
    with pytest.raises(evaluators.Clash):
        evaluators.catalogue()
    installed(Point("pairs", "no evaluator"))
    with pytest.raises(evaluators.Clash):
        evaluators.catalogue()
