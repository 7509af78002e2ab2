"""Pairs against pairs: which of the pairs sent are true ones. All sums are over pairs.

precision: true pairs sent / pairs sent; recall: true pairs sent / true pairs; F1 from both;
jaccard: true pairs sent / pairs sent or true.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from marketplace.races.evaluation.figures import Figure, ratio
from marketplace.races.evaluation.kinds import Settings
from marketplace.races.evaluation.samples import Sample, by_sums, nonzero
from marketplace.races.evaluation.table import Table
from marketplace.races.evaluation.truth import Truth


def check_truth(_table: Table, _settings: Settings) -> None:
    """Reading checks everything that there is."""


def pairs(table: Table) -> pl.DataFrame:
    """Without the rows that only say that an id has no match."""
    return pl.DataFrame({"place": table.places, "match": table.columns["match"]}).filter(
        pl.col("match").fill_null("") != ""
    )


def per_id(truth: Truth, result: Table, rows: np.ndarray | None) -> np.ndarray:
    """(ids, 3): true pairs sent, pairs sent, true pairs."""
    sent, true = pairs(result), pairs(truth.table)
    hits = sent.join(true, on=["place", "match"], how="semi")
    counts = np.stack(
        [
            np.bincount(given["place"].to_numpy(), minlength=len(truth.ids))
            for given in (hits, sent, true)
        ],
        axis=1,
    )
    return counts if rows is None else counts[rows]


def measure(
    truth: Truth, result: Table, rows: np.ndarray | None, _settings: Settings
) -> tuple[dict[str, Figure], dict[str, Any]]:
    hits, sent, true = per_id(truth, result, rows).sum(axis=0).tolist()
    figures: dict[str, Figure] = {
        "precision": ratio(hits, sent, "nothing_predicted"),
        "recall": ratio(hits, true, "no_positives"),
        "f1": ratio(2 * hits, sent + true if true else 0, "no_positives"),
        "jaccard": ratio(hits, sent + true - hits if true else 0, "no_positives"),
    }
    return figures, {"pairs_sent": sent, "pairs_true": true, "hits": hits}


def sample(
    metric: str,
    truth: Truth,
    results: list[Table],
    rows: np.ndarray | None,
    _settings: Settings,
) -> Sample:
    def value(sums: np.ndarray) -> np.ndarray:
        hits, sent, true = sums.T
        if metric == "precision":
            return hits / nonzero(sent)
        some = nonzero(true)
        if metric == "recall":
            return hits / some
        if metric == "f1":
            return 2 * hits / (sent + some)
        return hits / (sent + some - hits)

    return by_sums([per_id(truth, result, rows) for result in results], value)
