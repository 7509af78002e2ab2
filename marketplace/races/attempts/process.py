"""The child process that measures: kept warm, given one job, killed when it breaks its limits."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings

PROGRAM = ("-m", "marketplace.races.evaluation.child")
# How often whoever waits looks up: at its lease, at the time that is left.
LOOK_SECONDS = 1.0
WARM_SECONDS = 60
ANSWER_MOST = 64 * 1024 * 1024


class EvaluatorFailed(Exception):
    """The child ended without an answer, took too long or said nonsense: our fault, not the file's.

    reason: "crashed" or "time". Nothing of what it printed is kept: it could tell of the truth.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


Answer = dict[str, Any]


class Child:
    """A process that has imported what it needs and waits for its one job."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-W", "ignore", *PROGRAM),
                str(settings.EVALUATION_MEMORY_MIB * 1024 * 1024),
                str(settings.EVALUATION_SECONDS),
            ],
            cwd=settings.BASE_DIR,
            # Its whole environment: nothing in it leads to the database, the queue or a store.
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.owner = os.getpid()
        self.rest = b""

    def usable(self) -> bool:
        """Not one that died while it waited, nor one of the process that we were forked from."""
        return self.owner == os.getpid() and self.process.poll() is None

    def run(self, job: dict[str, Any], looking: Callable[[str], None]) -> Answer:
        """Its answer. `looking` is called with each step, and every second with none ("").

        Whatever `looking` raises ends the child. Raises EvaluatorFailed.
        """
        try:
            self._read_until(lambda answer: "ready" in answer, WARM_SECONDS, looking)
            assert self.process.stdin is not None
            try:
                self.process.stdin.write(json.dumps(job).encode() + b"\n")
                self.process.stdin.flush()
            except OSError as error:
                raise EvaluatorFailed("crashed") from error
            return self._read_until(
                lambda answer: "step" not in answer, settings.EVALUATION_SECONDS, looking
            )
        finally:
            self.end()

    def _read_until(
        self, wanted: Callable[[Answer], bool], seconds: float, looking: Callable[[str], None]
    ) -> Answer:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        ends_at = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while True:
                line, found, rest = self.rest.partition(b"\n")
                if found:
                    self.rest = rest
                    answer = read_answer(line)
                    if wanted(answer):
                        return answer
                    looking(str(answer.get("step", "")))
                    continue
                if time.monotonic() >= ends_at:
                    raise EvaluatorFailed("time")
                if not selector.select(min(LOOK_SECONDS, max(0.0, ends_at - time.monotonic()))):
                    looking("")
                    continue
                piece = os.read(descriptor, 1024 * 1024)
                self.rest += piece
                if not piece or len(self.rest) > ANSWER_MOST:
                    raise EvaluatorFailed("crashed")

    def end(self) -> None:
        """With all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def read_answer(line: bytes) -> Answer:
    try:
        answer = json.loads(line)
    except ValueError as error:
        raise EvaluatorFailed("crashed") from error
    if not isinstance(answer, dict):
        raise EvaluatorFailed("crashed")
    return answer


waiting: list[Child] = []


def warm() -> None:
    """One child is ready before it is needed."""
    if not waiting or not waiting[0].usable():
        waiting[:] = [Child()]


def measure(job: dict[str, Any], looking: Callable[[str], None]) -> Answer:
    """One job in a child of its own. Raises EvaluatorFailed, and what `looking` raises."""
    warm()
    return waiting.pop().run(job, looking)


def cool() -> None:
    """End the one that waits."""
    while waiting:
        child = waiting.pop()
        if child.owner == os.getpid():
            child.end()
