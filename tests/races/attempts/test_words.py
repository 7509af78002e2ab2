"""Each fault of a result file has its sentence; one of an added evaluator is told by its code."""

import re
from pathlib import Path

from django.utils import translation

from marketplace.races import evaluation
from marketplace.races.attempts.words import SENTENCES, sentence, told

# Of settings of a design; its own page has their words.
OF_SETTINGS = {
    "false_positive_bound",
    "k",
    "positive",
    "scores",
    "threshold",
    "beyond_depth",
    "needs_scores",
}


def test_every_code_has_a_sentence():
    folder = Path(evaluation.__file__).parent
    text = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    codes = set(re.findall(r'\b(?:refused|Fault)\(\s*"([a-z_]+)"', text))
    assert codes - set(SENTENCES) - OF_SETTINGS == set()


def test_a_sentence_without_its_value_and_one_of_another_evaluator():
    with translation.override("en"):
        assert sentence({"code": "unknown_id", "params": {}}).startswith("“…” is not")
        assert told([{"code": "own", "row": 3, "column": "a", "params": {}}]) == [
            {
                "code": "own",
                "row": 3,
                "column": "a",
                "message": "The file breaks the rule “own” of its evaluator.",
            }
        ]
