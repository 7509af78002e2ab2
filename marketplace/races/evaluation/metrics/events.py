"""Alarms against events that last from a start to an end, within streams, in seconds.

An alarm finds an event where start <= time <= end + `tolerance_seconds`. The alarms of a stream are
taken in order of time, each for the first event by start and end that it finds and that is not
detected yet. An alarm that finds none but detected ones is a repetition: ignored, or with
`repeats` "false" a false alarm. An alarm that finds no event is a false alarm.

precision: detected events / (detected events + false alarms); recall: detected events / events;
F1 from both; false_alarms: false alarms per observed hour. A detected event's delay is its alarm's
time - start; delay_p50 and delay_p95 are over the detected events, interpolated as numpy does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from marketplace.races.evaluation.faults import Fault, Refused
from marketplace.races.evaluation.figures import Figure, Missing, ratio, total
from marketplace.races.evaluation.kinds import Settings
from marketplace.races.evaluation.samples import (
    Sample,
    by_sums,
    by_weights,
    nonzero,
    weighted_quantile,
)
from marketplace.races.evaluation.table import Table
from marketplace.races.evaluation.truth import Truth

SHARES = {"delay_p50": 0.5, "delay_p95": 0.95}
HOUR = 3600


def check_truth(table: Table, _settings: Settings) -> None:
    """Raises Refused: half an event, one that ends before it starts, a stream of two lengths."""
    start, end = table.columns["start"], table.columns["end"]
    observed = table.columns["observed_seconds"]
    assert table.places is not None
    lengths = np.full(len(table.seen), np.nan)
    lengths[table.places[::-1]] = observed[::-1]
    for code, wrong in (
        ("half_an_event", np.isnan(start) != np.isnan(end)),
        ("ends_before_it_starts", end < start),
        ("ends_after_the_stream", end > observed),
        ("two_lengths", observed != lengths[table.places]),
    ):
        if wrong.any():
            raise Refused([Fault(code, int(np.flatnonzero(wrong)[0]) + 2)])


@dataclass(frozen=True)
class Found:
    """Of each stream, in the order of the ids: counts; and each detected event's delay."""

    events: np.ndarray
    detected: np.ndarray
    false: np.ndarray
    observed: np.ndarray
    delays: np.ndarray
    owners: np.ndarray


def matched(truth: Truth, result: Table, rows: np.ndarray | None, settings: Settings) -> Found:
    count, table = len(truth.ids), truth.table
    kept = table.seen if rows is None else rows
    streams = np.flatnonzero(kept)
    tolerance = float(settings.get("tolerance_seconds", "0"))
    repeats = settings.get("repeats", "ignored") == "false"
    real = ~np.isnan(table.columns["start"])
    assert table.places is not None
    assert result.places is not None
    events = grouped(
        table.places[real], count, table.columns["start"][real], table.columns["end"][real]
    )
    alarms = grouped(result.places, count, result.columns["time"])
    observed = np.zeros(count)
    observed[table.places] = table.columns["observed_seconds"]
    detected, false = np.zeros(count, np.int64), np.zeros(count, np.int64)
    delays: list[float] = []
    owners: list[int] = []
    for number, stream in enumerate(streams.tolist()):
        found, wrong, again = walk(events[stream], alarms[stream], tolerance)
        detected[stream], false[stream] = len(found), wrong + (again if repeats else 0)
        delays += found
        owners += [number] * len(found)
    return Found(
        events=np.array([len(events[stream]) for stream in streams], np.int64),
        detected=detected[kept],
        false=false[kept],
        observed=observed[kept],
        delays=np.array(delays),
        owners=np.array(owners, np.int64),
    )


def grouped(places: np.ndarray, count: int, *columns: np.ndarray) -> list[list[tuple[float, ...]]]:
    """The rows of each place, sorted."""
    found: list[list[tuple[float, ...]]] = [[] for _ in range(count)]
    for place, *row in zip(places.tolist(), *(column.tolist() for column in columns), strict=True):
        found[place].append(tuple(row))
    for rows in found:
        rows.sort()
    return found


def walk(
    events: list[tuple[float, ...]], alarms: list[tuple[float, ...]], tolerance: float
) -> tuple[list[float], int, int]:
    """(delays of the detected events, false alarms, repetitions) of one stream."""
    delays: list[float] = []
    false = again = upcoming = 0
    waiting: list[tuple[float, ...]] = []
    done: list[tuple[float, ...]] = []
    for (time,) in alarms:
        while upcoming < len(events) and events[upcoming][0] <= time:
            waiting.append(events[upcoming])
            upcoming += 1
        waiting = [event for event in waiting if time <= event[1] + tolerance]
        done = [event for event in done if time <= event[1] + tolerance]
        if waiting:
            event = waiting.pop(0)
            done.append(event)
            delays.append(time - event[0])
        elif done:
            again += 1
        else:
            false += 1
    return delays, false, again


def measure(
    truth: Truth, result: Table, rows: np.ndarray | None, settings: Settings
) -> tuple[dict[str, Figure], dict[str, Any]]:
    found = matched(truth, result, rows, settings)
    events, detected = int(found.events.sum()), int(found.detected.sum())
    false, observed = int(found.false.sum()), total(found.observed)
    figures: dict[str, Figure] = {
        "precision": ratio(detected, detected + false, "nothing_predicted"),
        "recall": ratio(detected, events, "no_positives"),
        "f1": ratio(2 * detected, detected + false + events if events else 0, "no_positives"),
        "false_alarms": ratio(false * HOUR, observed, "no_observed_time"),
    }
    for name, share in SHARES.items():
        figures[name] = (
            float(np.quantile(found.delays, share)) if detected else Missing("nothing_detected")
        )
    details = {
        "streams": len(found.events),
        "events": events,
        "detected": detected,
        "false_alarms": false,
        "observed_seconds": observed,
    }
    return figures, details


def sample(
    metric: str,
    truth: Truth,
    results: list[Table],
    rows: np.ndarray | None,
    settings: Settings,
) -> Sample:
    found = [matched(truth, result, rows, settings) for result in results]
    if metric in SHARES:
        return by_weights(
            [weighted_quantile(one.delays, one.owners, SHARES[metric]) for one in found],
            len(found[0].events),
        )

    def value(sums: np.ndarray) -> np.ndarray:
        events, detected, false, observed = sums.T
        if metric == "precision":
            return detected / nonzero(detected + false)
        if metric == "recall":
            return detected / nonzero(events)
        if metric == "f1":
            return 2 * detected / (detected + false + nonzero(events))
        return false * HOUR / nonzero(observed)

    return by_sums(
        [np.stack((one.events, one.detected, one.false, one.observed), axis=1) for one in found],
        value,
    )
