"""Measuring result files: against polars reading them, and against the plain loop.

    python -m bench scoring [--results 10000000] [--rounds 5]
    python -m bench bootstrap [--rounds 5]

`scoring`: a CSV of id and score is read strictly and measured by all metrics of two labels; the
other side is `polars.read_csv` of the same file. Each in a process of its own, by turns; the truth
is at hand, as it is in a worker that has measured before. Peaks are those of the processes.

`bootstrap`: F1 of 10 entrants, 1,000 draws of 100,000 rows, with places and pairs; the other side
is scikit-learn's f1_score on drawn rows, some draws of it, scaled.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SETTINGS = {
    "ids": "integer",
    "labels": ["benign", "phishing"],
    "positive": "phishing",
    "scores": "probability",
    "threshold": "0.5",
    "false_positive_bound": "0.01",
}
SIDES = ("ours", "polars", "shuffled", "shuffled-polars")


def scoring(given: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        made(Path(folder), given.results)
        size = (Path(folder) / "result.csv").stat().st_size / 1e6
        print(f"{given.results} rows, {size:.0f} MB of CSV")
        taken: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        for number in range(given.rounds):
            for side, rows in taken.items():
                rows.append(aside(folder, side))
            tell = "  ".join(
                f"{side} {rows[-1]['seconds']:.2f} s {rows[-1]['peak_mb']:.0f} MB"
                for side, rows in taken.items()
            )
            print(f"  round {number + 1}: {tell}")
    reached = ratio(taken, "ours", "polars")
    ratio(taken, "shuffled", "shuffled-polars")
    return 0 if reached else 1


def ratio(taken: dict[str, list[dict[str, Any]]], ours: str, theirs: str) -> bool:
    pairs = list(zip(taken[ours], taken[theirs], strict=True))
    seconds, cpu, peak = (
        statistics.median(one[name] / other[name] for one, other in pairs)
        for name in ("seconds", "cpu", "peak_mb")
    )
    print(
        f"{ours} against polars reading: time {seconds:.2f} (floor 2, goal 1.3),"
        f" processor time {cpu:.2f}, peak memory {peak:.2f} (at most 1.2)"
    )
    return seconds <= 2 and peak <= 1.2


def made(folder: Path, rows: int) -> None:
    import numpy as np
    import polars as pl

    random = np.random.default_rng(1)
    truth = (random.random(rows) < 0.1).astype(np.int16)
    scores = np.clip(random.normal(0.35 + 0.25 * truth, 0.15), 0, 1).round(6)
    frame = pl.DataFrame({"id": np.arange(rows), "score": scores})
    frame.write_csv(folder / "result.csv")
    frame.head(1000).write_csv(folder / "small.csv")
    frame.sample(fraction=1, shuffle=True, seed=2).write_csv(folder / "shuffled.csv")
    np.save(folder / "truth.npy", truth)


def aside(folder: str, side: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.evaluate", folder, side],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def one_side(folder: Path, side: str) -> None:
    """Once, in a process of its own, so that its peak is its own."""
    import numpy as np
    import polars as pl

    from marketplace.races.evaluation import evaluators, reading
    from marketplace.races.evaluation.ids import Ids
    from marketplace.races.evaluation.table import Table
    from marketplace.races.evaluation.truth import Truth

    def ours(name: str, labels: Any) -> None:
        ids, seen = Ids(pl.Series("id", np.arange(len(labels)))), np.ones(len(labels), bool)
        truth = Truth(ids, Table(ids, {"label": labels}, seen), ~seen)
        clock.append((time.perf_counter(), time.process_time()))
        result = reading.read_result(folder / name, chosen, SETTINGS, ids)
        assert evaluators.evaluate("classification", truth, result, SETTINGS).bytes()

    def polars(name: str, _labels: Any) -> None:
        clock.append((time.perf_counter(), time.process_time()))
        assert pl.read_csv(folder / name).height

    clock: list[tuple[float, float]] = []
    chosen = evaluators.evaluator("classification")
    labels = np.load(folder / "truth.npy")
    name = "shuffled.csv" if side.startswith("shuffled") else "result.csv"
    run = polars if side.endswith("polars") else ours
    run("small.csv", labels[:1000])  # everything is imported, as in a worker that has worked before
    run(name, labels)
    began, spent = clock[-1]
    seconds, cpu = time.perf_counter() - began, time.process_time() - spent
    # Not getrusage: its peak begins with that of the process that started this one.
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line
    )
    peak = int(line.split()[1]) / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": peak}))


def bootstrap(given: argparse.Namespace) -> int:
    import numpy as np
    import polars as pl
    from sklearn.metrics import f1_score

    from marketplace.races.evaluation import bootstrap as drawing
    from marketplace.races.evaluation.ids import Ids
    from marketplace.races.evaluation.table import Table
    from marketplace.races.evaluation.truth import Truth

    rows, entrants, draws = 100_000, 10, 1_000
    random = np.random.default_rng(3)
    actual = (random.random(rows) < 0.1).astype(np.int16)
    guesses = [
        (np.clip(random.normal(0.35 + 0.25 * actual, 0.15), 0, 1) >= 0.5).astype(np.int16)
        for _ in range(entrants)
    ]
    scores = [np.clip(random.normal(0.35 + 0.25 * actual, 0.15), 0, 1) for _ in range(entrants)]
    ids, seen = Ids(pl.Series("id", np.arange(rows))), np.ones(rows, bool)
    truth = Truth(ids, Table(ids, {"label": actual}, seen), ~seen)
    tables = {
        f"R{n}": Table(ids, {"prediction": guess, "score": score}, seen)
        for n, (guess, score) in enumerate(zip(guesses, scores, strict=True), 1)
    }
    settings = {**SETTINGS, "threshold": None}
    seed, found = drawing.seed_from(b"bench"), []

    def ours(metric: str) -> float:
        began = time.perf_counter()
        drawing.as_bytes(drawing.compare(metric, truth, tables, settings, seed=seed, split="all"))
        return time.perf_counter() - began

    def theirs() -> float:
        began = time.perf_counter()
        for number in range(10):
            picked = random.integers(0, rows, rows)
            f1_score(actual[picked], guesses[number % entrants][picked])
        return (time.perf_counter() - began) / 10 * draws * entrants

    ours("classification.f1")
    for number in range(given.rounds):
        mine, loop = ours("classification.f1"), theirs()
        found.append(loop / mine)
        print(
            f"  round {number + 1}: {mine:.3f} s against {loop:.1f} s (scaled)  {loop / mine:.0f}×"
        )
    median = statistics.median(found)
    print(f"F1: {median:.0f}× (floor 200, goal 500)")
    for name in ("macro_f1", "roc_auc", "pr_auc", "detection_rate", "log_loss"):
        print(f"  {name}: {ours(f'classification.{name}'):.2f} s")
    return 0 if median >= 200 else 1


if __name__ == "__main__":
    one_side(Path(sys.argv[1]), sys.argv[2])
