"""Small files, ids and truths."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from marketplace.races.evaluation import evaluators, reading
from marketplace.races.evaluation.faults import Refused
from marketplace.races.evaluation.ids import Ids
from marketplace.races.evaluation.truth import Truth

SALT = b"a salt of enough bytes"


def ids_of(values):
    kind = pl.Int64 if values and isinstance(values[0], int) else pl.String
    return Ids(pl.Series("id", values, kind))


class Course:
    """An evaluator with its settings, published ids and a truth, all in a folder."""

    def __init__(self, folder, name, settings, ids, truth):
        self.folder, self.name, self.settings = folder, name, settings
        self.chosen = evaluators.evaluator(name)
        self.ids = ids_of(ids)
        path = self.file(truth, "truth.csv")
        table = reading.read_truth_table(path, self.chosen, settings, self.ids)
        self.chosen.module().check_truth(table, settings)
        self.truth = Truth(self.ids, table, np.zeros(len(ids), bool))

    def file(self, content, name="result.csv"):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, content, name="result.csv"):
        path = content if hasattr(content, "open") else self.file(content, name)
        return reading.read_result(path, self.chosen, self.settings, self.ids)

    def outcome(self, content, split="all"):
        return evaluators.evaluate(self.name, self.truth, self.read(content), self.settings, split)

    def metrics(self, content, split="all"):
        return self.outcome(content, split).plain()["metrics"]

    def refusal(self, content):
        """[(code, row, column)] of a file that is refused."""
        with pytest.raises(Refused) as found:
            self.read(content)
        return [(fault.code, fault.row, fault.column) for fault in found.value.faults]


@pytest.fixture
def course(tmp_path):
    def laid(name, settings, ids, truth):
        return Course(tmp_path, name, settings, ids, truth)

    return laid
