"""Whether people find what they look for: recall among the first ten, over a labelled set."""

from statistics import mean

import pytest

from tests.scenarios.search import corpus

FLOOR = 0.9
WORST = 0.5  # of any of them


@pytest.mark.django_db
def test_what_is_right_is_among_the_first_ten():
    labels = corpus.labels()
    assert len(labels) >= 60
    keys = corpus.load()
    assert len(keys) >= 300
    assert set().union(*(label.right for label in labels)) <= set(keys.values())
    found = {label.q: corpus.recall(label, keys) for label in labels}
    poor = {q: round(value, 2) for q, value in found.items() if value < WORST}
    assert mean(found.values()) >= FLOOR, poor
    assert poor == {}
