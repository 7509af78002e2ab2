"""From a result handed in to its score shown, and a thousand of them at once.

    python -m bench attempts [--rounds 20] [--attempts 1000]

A real Celery worker on the queue `evaluation`, as docs/operations.md has it, one process, with a
small classification (40 rows), so that next to nothing of the time is arithmetic. First one attempt
at a time with the worker idle: the clock runs from the answer of `submit_attempt` until the row says
that it is scored, asked every 5 ms. Then a thousand attempts of five entrants are queued before the
worker starts; each must be scored once.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from bench.installation import Installation, installation, setup_django
from config.runtime.environment import evaluation_identity_file
from config.runtime.process import ROOT

GOAL_SECONDS = 1.0
PATIENCE_SECONDS = 3_600


def everything(given: argparse.Namespace) -> int:
    with installation() as made:
        setup_django(made)
        heat, actors = raced(given.attempts + 100)
        with worker(made):
            single(heat, actors[0])  # warm up
            taken = [single(heat, actors[0]) for _ in range(max(given.rounds, 20))]
        print(
            f"one at a time: median {median(taken):.3f} s, longest {max(taken):.3f} s", flush=True
        )
        before, many = scored(), given.attempts
        for number in range(many):
            hand_in(heat, actors[number % len(actors)])
        began = time.perf_counter()
        with worker(made):
            await_scored(before + many)
        took = time.perf_counter() - began
        once = scored() == runs() == before + many
        print(f"{many} at once: {many / took:.1f} a second, all scored once: {once}")
    return 0 if once and median(taken) < GOAL_SECONDS else 1


def raced(most: int) -> tuple[Any, list[Any]]:
    from tests.races import courses, factories
    from tests.races.attempts.results import racer

    plan = factories.content(factories.heat(attempts_day=most, attempts_total=most))
    race = factories.race(5, plan)
    heat = race.heats.get(number=1)
    courses.lay(heat)
    return heat, [racer(race, f"R{number}") for number in range(1, 6)]


def hand_in(heat: Any, actor: Any) -> Any:
    from tests.races import courses
    from tests.races.attempts import results

    return results.hand_in(actor, heat, courses.RESULT)


def single(heat: Any, actor: Any) -> float:
    from marketplace.races.attempts.models import Attempt

    time.sleep(0.5)  # the next child becomes warm while the worker is idle
    attempt = hand_in(heat, actor)
    began = time.perf_counter()
    while not Attempt.objects.filter(pk=attempt.pk, state="scored").exists():
        if time.perf_counter() - began > PATIENCE_SECONDS:
            raise TimeoutError
        time.sleep(0.005)
    return time.perf_counter() - began


def await_scored(wanted: int) -> None:
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while scored() < wanted and time.monotonic() < ends_at:
        time.sleep(0.2)


def scored() -> int:
    from marketplace.races.attempts.models import Attempt

    return Attempt.objects.filter(state="scored").count()


def runs() -> int:
    from marketplace.races.attempts.models import Run

    return Run.objects.count()


@contextmanager
def worker(made: Installation) -> Iterator[None]:
    log = made.folder / "evaluation.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "-A", "config", "worker"),
                *("--queues", "evaluation", "--concurrency", "1", "-l", "INFO"),
            ],
            cwd=ROOT,
            env=made.env | {"EVALUATION_IDENTITY_FILE": str(evaluation_identity_file(made.folder))},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        ends_at = time.monotonic() + 60
        while b" ready." not in log.read_bytes().rpartition(b"celery@")[2]:
            if process.poll() is not None or time.monotonic() > ends_at:
                raise RuntimeError(log.read_text()[-2000:])
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)
