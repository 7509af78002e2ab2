"""How sure the order of a heat's entrants is.

Units (ids) are drawn again, as many as there are, all entrants on the same draw (a paired
bootstrap). Units that are alike for everybody are one pattern, and a draw is one multinomial draw
of the patterns' counts. The area under the ROC curve goes by DeLong's covariance instead.

- Interval of a figure: the percentiles 2.5 and 97.5 of the draws.
- Two entrants are distinguishable where the interval of the difference of their figures, on the
  same draws, does not contain 0. There is no correction for the number of pairs.
- Groups: in the order of their figures, longest runs of entrants of whom no two are
  distinguishable; an entrant may stand in several.
- Places: the share of draws in which an entrant takes each place. Entrants that are equal in a draw
  share the places that they take together.

A draw in which a figure is not defined is left out for that entrant; where that befalls more than
a twentieth of the draws there is no interval. The generator is numpy's legacy RandomState, whose
numbers are frozen; the seed comes from what the heat froze. Figures have 6 significant digits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import rfc8785

from marketplace.races.evaluation import delong, evaluators
from marketplace.races.evaluation.evaluators import Split
from marketplace.races.evaluation.figures import Missing, written
from marketplace.races.evaluation.kinds import Settings
from marketplace.races.evaluation.samples import Sample
from marketplace.races.evaluation.table import Table
from marketplace.races.evaluation.truth import Truth, among

RESAMPLES = 1_000
CONFIDENCE = 0.95
UNDEFINED_MOST = 0.05
DIGITS = 6
# Bytes of weights held at once.
HELD = 64 * 1024**2
# Figures this close are equal: what is alike may be added in another order.
CLOSE = 1e-12

Points = Callable[[dict[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Drawn:
    """`values`: (draws, entrants), higher or lower better; `point`: of the rows as they are."""

    point: np.ndarray
    values: np.ndarray
    method: str
    # Of the points, where it is known in closed form.
    covariance: np.ndarray | None = None


def seed_from(*frozen: bytes) -> bytes:
    """From what was frozen before the first result came: the design's hash, the truth's, …."""
    return hashlib.sha256(b"jiebang-bootstrap/1\0" + b"\0".join(frozen)).digest()


def generator(seed: bytes, purpose: str) -> np.random.RandomState:
    digest = hashlib.sha256(seed + purpose.encode()).digest()
    words = np.frombuffer(digest, dtype=">u4").astype(np.uint32)
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence(words.tolist())))


def compare(
    metric: str,
    truth: Truth,
    results: Mapping[str, Table],
    settings: Settings,
    *,
    seed: bytes,
    split: Split = "private",
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Of one metric (`classification.macro_f1`) and the entrants' results by their codes."""
    known = evaluators.metric(metric, settings)
    name, _, short = metric.partition(".")
    rows, tables = truth.rows(split), list(results.values())
    if metric == "classification.roc_auc":
        actual = among(truth.table.columns["label"], rows)
        drawn = by_delong(
            actual == settings["labels"].index(settings["positive"]),
            [among(table.columns["score"], rows) for table in tables],
            generator(seed, "normal"),
            resamples,
        )
    else:
        sample = evaluators.evaluator(name).module().sample(short, truth, tables, rows, settings)
        drawn = Drawn(
            point=sample.values(sample.sizes[None, :].astype(np.float64))[0],
            values=drawn_values(sample, generator(seed, "rows"), resamples),
            method="bootstrap",
        )
    return {
        "form": "jiebang-comparison/1",
        "metric": metric,
        "version": evaluators.evaluator(name).version,
        "settings": dict(settings),
        **told(list(results), drawn, split, seed, lower=known.direction == "lower"),
    }


def compare_scores(
    metrics: list[str],
    points: Points,
    truth: Truth,
    results: Mapping[str, Table],
    settings: Settings,
    *,
    seed: bytes,
    split: Split = "private",
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Of a score made of several metrics of one evaluator, all on the same draws.

    `points` takes {metric: (draws, entrants)} and gives (draws, entrants), NaN where not defined.
    """
    rows, tables = truth.rows(split), list(results.values())
    samples = {}
    for metric in metrics:
        name, _, short = metric.partition(".")
        evaluators.metric(metric, settings)
        module = evaluators.evaluator(name).module()
        samples[metric] = module.sample(short, truth, tables, rows, settings)
    if len({sample.units for sample in samples.values()}) != 1:
        raise ValueError("metrics of different units cannot be drawn together")
    drawn = Drawn(
        point=points(
            {name: one.values(one.sizes[None, :].astype(float)) for name, one in samples.items()}
        )[0],
        values=points(together(samples, generator(seed, "rows"), resamples)),
        method="bootstrap",
    )
    return {
        "form": "jiebang-comparison/1",
        "metrics": list(metrics),
        "settings": dict(settings),
        **told(list(results), drawn, split, seed, lower=False),
    }


def as_bytes(comparison: Mapping[str, Any]) -> bytes:
    """RFC 8785: the same files, settings and seed give the same bytes."""
    return rfc8785.dumps(dict(comparison))


# Draws


def portions(resamples: int, width: int) -> Iterator[int]:
    most = max(1, HELD // (8 * max(1, width)))
    for start in range(0, resamples, most):
        yield min(most, resamples - start)


def drawn_values(sample: Sample, random: np.random.RandomState, resamples: int) -> np.ndarray:
    sizes, units = sample.sizes, sample.units
    if not units:
        return np.full((resamples, sample.values(np.zeros((1, len(sizes)))).shape[1]), np.nan)
    found = []
    for count in portions(resamples, len(sizes)):
        if len(sizes) * 4 <= units:
            weights = random.multinomial(units, sizes / units, size=count).astype(np.float64)
        else:
            pattern = None if len(sizes) == units else np.repeat(np.arange(len(sizes)), sizes)
            weights = np.stack([counted(random, units, pattern, len(sizes)) for _ in range(count)])
        found.append(sample.values(weights))
    return np.concatenate(found)


def counted(
    random: np.random.RandomState, units: int, pattern: np.ndarray | None, width: int
) -> np.ndarray:
    """One draw of so many units, as the number of times that each pattern came."""
    picked = random.randint(0, units, size=units, dtype=np.int32)
    if pattern is not None:
        picked = pattern[picked]
    return np.bincount(picked, minlength=width).astype(np.float64)


def together(
    samples: dict[str, Sample], random: np.random.RandomState, resamples: int
) -> dict[str, np.ndarray]:
    units = next(iter(samples.values())).units
    found: dict[str, list[np.ndarray]] = {name: [] for name in samples}
    for count in portions(resamples, units):
        weights = np.stack([counted(random, units, None, units) for _ in range(count)])
        for name, sample in samples.items():
            if sample.pattern is None:
                mine = weights
            else:
                width = len(sample.sizes)
                mine = np.stack(
                    [np.bincount(sample.pattern, weights=row, minlength=width) for row in weights]
                )
            found[name].append(sample.values(mine))
    return {name: np.concatenate(rows) for name, rows in found.items()}


def by_delong(
    positive: np.ndarray, scores: list[np.ndarray], random: np.random.RandomState, resamples: int
) -> Drawn:
    """Draws from the normal distribution of DeLong's covariance."""
    count = int(positive.sum())
    if min(count, len(positive) - count) < 2:
        nothing = np.full(len(scores), np.nan)
        return Drawn(nothing, np.full((resamples, len(scores)), np.nan), "delong")
    point, covariance = delong.areas(positive, scores)
    normal = random.standard_normal((resamples, len(scores)))
    return Drawn(point, point + normal @ delong.factor(covariance).T, "delong", covariance)


# What is told of them


def told(
    codes: list[str], drawn: Drawn, split: Split, seed: bytes, *, lower: bool
) -> dict[str, Any]:
    good = -drawn.values if lower else drawn.values
    places, undefined = placed(good), np.isnan(drawn.values).sum(axis=0)
    order = sorted(
        (n for n in range(len(codes)) if not np.isnan(drawn.point[n])),
        key=lambda n: (drawn.point[n] if lower else -drawn.point[n], codes[n]),
    )
    apart = {
        (one, other): difference(drawn, one, other)
        for one in range(len(codes))
        for other in range(one + 1, len(codes))
    }
    return {
        "split": split,
        "seed": seed.hex(),
        "method": drawn.method,
        "resamples": len(drawn.values),
        "confidence": written(CONFIDENCE),
        "entrants": [
            {
                "code": code,
                "value": figure(drawn.point[n]),
                **interval(drawn, n),
                "places": [written(share, DIGITS) for share in places[n].tolist()],
                "undefined": int(undefined[n]),
            }
            for n, code in enumerate(codes)
        ],
        "pairs": [
            {"first": codes[one], "second": codes[other], **found}
            for (one, other), found in apart.items()
        ],
        "groups": [
            [codes[n] for n in group]
            for group in runs(
                order,
                lambda one, other: apart[min(one, other), max(one, other)]["distinguishable"],
            )
        ],
    }


def figure(value: float) -> dict[str, str]:
    if np.isnan(value):
        return {"missing": "not_defined"}
    return {"value": written(float(value), DIGITS)}


def bounds(values: np.ndarray, point: float, spread: float | None) -> tuple[float, float] | Missing:
    """Percentiles of the draws, or where a variance is known those of the normal distribution."""
    if np.isnan(point):
        return Missing("not_defined")
    tail = (1 - CONFIDENCE) / 2
    if spread is not None:
        reach = NormalDist().inv_cdf(1 - tail) * max(spread, 0) ** 0.5
        return point - reach, point + reach
    kept = values[~np.isnan(values)]
    if len(kept) < (1 - UNDEFINED_MOST) * len(values):
        return Missing("too_few_draws")
    low, high = np.quantile(kept, [tail, 1 - tail])
    return float(low), float(high)


def interval(drawn: Drawn, entrant: int) -> dict[str, Any]:
    spread = None if drawn.covariance is None else float(drawn.covariance[entrant, entrant])
    found = bounds(drawn.values[:, entrant], drawn.point[entrant], spread)
    if isinstance(found, Missing):
        return {"low": {"missing": found.reason}, "high": {"missing": found.reason}}
    low, high = found
    if spread is not None:  # an area
        low, high = max(low, 0.0), min(high, 1.0)
    return {"low": figure(low), "high": figure(high)}


def difference(drawn: Drawn, one: int, other: int) -> dict[str, Any]:
    """Of the first less the second; distinguishable is None where nothing can be said."""
    spread = None
    if drawn.covariance is not None:
        both = drawn.covariance[[one, other]][:, [one, other]]
        spread = float(both[0, 0] + both[1, 1] - 2 * both[0, 1])
        if spread <= 1e-9 * float(both.max()):
            spread = 0.0
    found = bounds(
        drawn.values[:, one] - drawn.values[:, other],
        float(drawn.point[one] - drawn.point[other]),
        spread,
    )
    if isinstance(found, Missing):
        missing = {"missing": found.reason}
        return {"low": missing, "high": missing, "distinguishable": None}
    low, high = (0.0 if abs(bound) < CLOSE else bound for bound in found)
    return {
        "low": figure(low),
        "high": figure(high),
        "distinguishable": low > 0 or high < 0,
    }


def placed(good: np.ndarray) -> np.ndarray:
    """(entrants, places): shares of the draws; higher is better, NaN takes no place."""
    draws, entrants = good.shape
    least = CLOSE * np.abs(np.nan_to_num(good)).max(axis=1, initial=0)
    apart = good[:, None, :] - good[:, :, None]  # other less one
    with np.errstate(invalid="ignore"):
        better = (apart > least[:, None, None]).sum(axis=2)
        equal = (np.abs(apart) <= least[:, None, None]).sum(axis=2)
    found = np.zeros((entrants, entrants))
    for place in range(entrants):
        taken = (better <= place) & (place < better + equal)
        found[:, place] = (taken / np.maximum(equal, 1)).sum(axis=0) / draws
    return found


def runs(order: list[int], apart: Callable[[int, int], bool | None]) -> list[list[int]]:
    """Longest runs in which no two are distinguishable; nothing said counts as not apart."""
    found: list[list[int]] = []
    reached = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and not any(apart(order[end], one) for one in order[start:end]):
            end += 1
        if end > reached:
            found.append(order[start:end])
            reached = end
    return found
