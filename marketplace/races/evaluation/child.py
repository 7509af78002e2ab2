"""The process in which a file is measured: `python -m marketplace.races.evaluation.child`.

It is given limits of memory and time as arguments, one job as a line of JSON on stdin, and paths of
files; no database, no network address, no key. It answers in lines of JSON on a descriptor of its
own, so that whatever an evaluator prints is read by nobody. It ends with its parent.

Job: {"evaluator", "settings", "public_percent", "salt": hex, "ids": path, "truth": path,
"result": path or null}; null checks the truth alone.
Answers: {"step": "reading" | "measuring"} on the way, and at last one of
{"checked": {"ids": 1000}},
{"refused": {"of": "ids" | "truth" | "result", "faults": [...], "more": false}},
{"scored": {"version", "environment", "public", "private", "whole"}}, outcomes as JSON text and
public null where the design shows nothing.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

LOOK_SECONDS = 1.0
# Beyond what is measured: a child that was forgotten ends by itself.
SPARE_SECONDS = 30


def main(arguments: list[str]) -> None:
    memory, seconds = int(arguments[0]), int(arguments[1])
    # Before anything is printed by anybody.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    _warm()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    tell(answers, {"ready": True})
    line = sys.stdin.readline()
    if not line:
        return
    cpu = seconds * (os.cpu_count() or 1) + SPARE_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    tell(answers, work(json.loads(line), answers))


def _warm() -> None:
    """What takes long to import is there before the job comes."""
    from marketplace.races.evaluation import evaluators, reading, truth  # noqa: F401, PLC0415


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


def tell(answers: IO[str], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def work(job: dict[str, Any], answers: IO[str]) -> dict[str, Any]:
    """The result is read before the truth: what a file is refused for cannot depend on it."""
    from marketplace.races.evaluation.environment import environment  # noqa: PLC0415
    from marketplace.races.evaluation.evaluators import evaluate, evaluator  # noqa: PLC0415
    from marketplace.races.evaluation.faults import Refused  # noqa: PLC0415
    from marketplace.races.evaluation.reading import read_ids, read_result  # noqa: PLC0415
    from marketplace.races.evaluation.truth import read_truth  # noqa: PLC0415

    chosen, settings = evaluator(job["evaluator"]), job["settings"]
    of = "ids"
    try:
        ids = read_ids(Path(job["ids"]), settings)
        result = None
        if job["result"] is not None:
            of = "result"
            tell(answers, {"step": "reading"})
            result = read_result(Path(job["result"]), chosen, settings, ids)
        of = "truth"
        truth = read_truth(
            Path(job["truth"]),
            chosen,
            settings,
            ids,
            salt=bytes.fromhex(job["salt"]),
            public_percent=job["public_percent"],
        )
    except Refused as refusal:
        faults = [fault.plain() for fault in refusal.faults]
        return {"refused": {"of": of, "faults": faults, "more": refusal.more}}
    if result is None:
        return {"checked": {"ids": len(ids)}}
    tell(answers, {"step": "measuring"})

    def measured(split: Any) -> str:
        return evaluate(job["evaluator"], truth, result, settings, split).bytes().decode()

    return {
        "scored": {
            "version": chosen.version,
            "environment": environment(),
            "public": measured("public") if job["public_percent"] else None,
            "private": measured("private"),
            "whole": measured("all"),
        }
    }


if __name__ == "__main__":
    main(sys.argv[1:])
