"""Ranked lists against relevances, one list for each query.

Only the ranks that were sent count, and only queries that have an item of relevance above 0
(`queries_without` says how many are left out); every figure is the mean over the others.

- ndcg: sum of relevance / log2(rank + 1) over ranks up to k, divided by that of the best order;
- precision: items of relevance above 0 among ranks 1 to k, divided by k;
- mrr: 1 / rank of the first relevant item, 0 where none was sent;
- map: at each relevant item that was sent, relevant items up to it / its rank; summed and divided
  by the query's relevant items.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from marketplace.races.evaluation.faults import Fault, Refused
from marketplace.races.evaluation.figures import Figure, Missing, total
from marketplace.races.evaluation.kinds import Settings
from marketplace.races.evaluation.samples import Sample, by_sums, divided
from marketplace.races.evaluation.table import Table
from marketplace.races.evaluation.truth import Truth

FIGURES = ("ndcg", "precision", "mrr", "map")


def check_truth(table: Table, _settings: Settings) -> None:
    """An item has a relevance. Raises Refused."""
    item = (table.columns["item"].fill_null("") != "").to_numpy()
    lone = np.flatnonzero(item & np.isnan(table.columns["relevance"]))
    if len(lone):
        raise Refused([Fault("no_relevance", int(lone[0]) + 2, "relevance")])


def relevant(table: Table) -> pl.DataFrame:
    """place, item, relevance; the most relevant item of each query first."""
    return (
        pl.DataFrame(
            {
                "place": table.places,
                "item": table.columns["item"],
                "relevance": table.columns["relevance"],
            }
        )
        .filter((pl.col("item").fill_null("") != "") & (pl.col("relevance") > 0))
        .sort("place", "relevance", "item", descending=[False, True, False])
    )


def per_query(
    truth: Truth, result: Table, rows: np.ndarray | None, settings: Settings
) -> dict[str, np.ndarray]:
    """{figure: value of each query that has something relevant}, in the order of the ids."""
    k, count = int(settings.get("k", 10)), len(truth.ids)
    wanted = relevant(truth.table)
    hits = (
        pl.DataFrame(
            {
                "place": result.places,
                "item": result.columns["item"],
                "rank": result.columns["rank"],
            }
        )
        .join(wanted, on=["place", "item"])
        .sort("place", "rank")
    )
    number = np.bincount(wanted["place"].to_numpy(), minlength=count)
    place, rank = hits["place"].to_numpy(), hits["rank"].to_numpy()
    near = rank <= k
    best = position(wanted["place"].to_numpy())
    ideal = added(
        wanted["place"].to_numpy(),
        wanted["relevance"].to_numpy() / np.log2(best + 1),
        best <= k,
        count,
    )
    gained = added(place, hits["relevance"].to_numpy() / np.log2(rank + 1), near, count)
    nth = position(place)
    kept = (number > 0) & (truth.table.seen if rows is None else rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "ndcg": gained / ideal,
            "precision": added(place, np.ones(len(place)), near, count) / k,
            "mrr": added(place, 1 / rank, nth == 1, count),
            "map": added(place, nth / rank, nth > 0, count) / number,
        }
    return {name: values[kept] for name, values in found.items()}


def position(places: np.ndarray) -> np.ndarray:
    """1, 2, … within each run of the same place."""
    if not len(places):
        return np.zeros(0, np.int64)
    begins = np.flatnonzero(np.concatenate(([True], places[1:] != places[:-1])))
    lengths = np.diff(np.concatenate((begins, [len(places)])))
    return np.arange(len(places)) - np.repeat(begins, lengths) + 1


def added(places: np.ndarray, values: np.ndarray, kept: np.ndarray, count: int) -> np.ndarray:
    return np.bincount(places[kept], weights=values[kept], minlength=count)


def measure(
    truth: Truth, result: Table, rows: np.ndarray | None, settings: Settings
) -> tuple[dict[str, Figure], dict[str, Any]]:
    found = per_query(truth, result, rows, settings)
    queries = int((truth.table.seen if rows is None else rows).sum())
    counted = len(found["ndcg"])
    figures: dict[str, Figure] = {
        name: total(values) / counted if counted else Missing("no_positives")
        for name, values in found.items()
    }
    return figures, {"queries": counted, "queries_without": queries - counted}


def sample(
    metric: str,
    truth: Truth,
    results: list[Table],
    rows: np.ndarray | None,
    settings: Settings,
) -> Sample:
    found = [per_query(truth, result, rows, settings)[metric] for result in results]
    return by_sums([np.stack((one, np.ones(len(one))), axis=1) for one in found], divided(0, 1))
