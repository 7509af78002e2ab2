"""What the evaluation's worker does: fetch, unseal, measure in a child, settle exactly once.

Files lie in a private folder that is gone afterwards. What goes wrong is told by a word, never by
what an evaluator said: that could tell of the truth.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import ROUND_HALF_UP, Decimal
from json import loads
from typing import Any

import structlog
from django.db import transaction

from marketplace.base import clock
from marketplace.base.actor import SYSTEM
from marketplace.base.states import move
from marketplace.races.attempts import process, turns
from marketplace.races.attempts.actions import note, told
from marketplace.races.attempts.models import Attempt, AttemptState, FullResult, LineCode, Run
from marketplace.races.course.models import Course, CourseKind, CourseState
from marketplace.races.course.unsealing import (
    File,
    NotOurFile,
    fetch,
    file_of,
    job_of,
    private_folder,
    truth_hash,
    unsealed,
    unwrapped,
)
from marketplace.races.plans import Plan, metrics_of, plan_of

log = structlog.get_logger()


class NoTruth(Exception):
    """There is no fixed course to measure by."""


def evaluate_next(identity: str) -> bool:
    """Claim one attempt and measure it. Returns whether there was one.

    Whatever fails here is our fault and told as such; the vendor's faults are an answer.
    """
    attempt = turns.claim()
    if attempt is None:
        return False
    began = time.monotonic()
    started_at = clock.now()
    try:
        answer, inputs = _measured(attempt, identity)
        settle(attempt, answer, inputs, started_at)
    except turns.LeaseLost:
        log.info("attempt.lease_lost", attempt=str(attempt.uid))
        return True
    except Exception as error:
        # What an evaluator said is in none of these: it could tell of the truth.
        reason = getattr(error, "reason", type(error).__name__)
        log.exception("attempt.interrupted", attempt=str(attempt.uid), reason=reason)
        with suppress(turns.LeaseLost):
            turns.interrupted(attempt.pk, attempt.lease)
        return True
    log.info("attempt.settled", attempt=str(attempt.uid), seconds=time.monotonic() - began)
    return True


def _measured(attempt: Attempt, identity: str) -> tuple[process.Answer, dict[str, str]]:
    """The child's answer, and what it was computed from."""
    heat = attempt.entry.heat
    plan = plan_of(heat)
    course = Course.objects.filter(heat=heat, state=CourseState.FIXED).first()
    if course is None or course.salt is None:
        raise NoTruth
    keeping = lease_keeper(attempt)
    with private_folder() as folder:
        ids, truth = (
            fetch(file_of(course, kind), folder / kind, keeping)
            for kind in (CourseKind.IDS, CourseKind.TRUTH)
        )
        upload = attempt.upload
        result = fetch(
            File(upload.stored_name, upload.sha256, upload.length), folder / "result", keeping
        )
        clear, clear_sha256 = unsealed(truth, folder / "clear", identity)
        salt = unwrapped(bytes(course.salt), identity)
        if truth_hash(salt, clear_sha256) != course.truth_hash:
            raise NotOurFile
        answer = process.measure(job_of(plan, salt, ids, clear, result), keeping)
        if "refused" in answer and answer["refused"]["of"] != "result":
            raise NoTruth
    inputs = {
        "ids": file_of(course, CourseKind.IDS).sha256,
        "truth": course.truth_hash,
        "result": attempt.sha256,
    }
    return answer, inputs


def lease_keeper(attempt: Attempt) -> Callable[[str], None]:
    """Called often; asks the database at each step and every few seconds."""
    asked = time.monotonic()

    def keeping(step: str = "") -> None:
        nonlocal asked
        if step or time.monotonic() - asked >= turns.KEEP_EVERY_SECONDS:
            turns.keep(attempt, step)
            asked = time.monotonic()

    return keeping


@transaction.atomic
def settle(
    attempt: Attempt, answer: process.Answer, inputs: dict[str, str], started_at: Any
) -> None:
    """The figures and the move in one transaction, once. Raises LeaseLost, KeyError on nonsense."""
    attempt = turns.held(attempt.pk, attempt.lease)
    now = clock.now()
    attempt.lease = attempt.leased_until = None
    attempt.step, attempt.settled_at = "", now
    settled: tuple[str, ...] = ("lease", "leased_until", "step", "settled_at")
    if "refused" in answer:
        attempt.faults = answer["refused"]["faults"]
        attempt.more_faults = answer["refused"]["more"]
        left = move(attempt, AttemptState.REFUSED, also=(*settled, "faults", "more_faults"))
        note(attempt, LineCode.REFUSED)
        told(SYSTEM, attempt, "attempt.refused", left)
        return
    scored = answer["scored"]
    plan = plan_of(attempt.entry.heat)
    run = Run.objects.create(
        attempt=attempt,
        evaluator=plan["evaluator"],
        version=scored["version"],
        inputs=inputs,
        environment=scored["environment"],
        board=board(scored["public"], plan),
        started_at=started_at,
        finished_at=now,
    )
    whole = scored["whole"].encode()
    FullResult.objects.create(
        run=run,
        public=None if scored["public"] is None else scored["public"].encode(),
        private=scored["private"].encode(),
        whole=whole,
        sha256=hashlib.sha256(whole).hexdigest(),
    )
    left = move(attempt, AttemptState.SCORED, also=settled)
    note(attempt, LineCode.SCORED)
    told(SYSTEM, attempt, "attempt.scored", left)


def board(public: str | None, plan: Plan) -> dict[str, Any]:
    """What is shown meanwhile: the design's own metrics of the public split, rounded by it."""
    if public is None:
        return {}
    found = loads(public)["metrics"]
    step = Decimal(1).scaleb(-(2 if plan["rounding"] is None else plan["rounding"]))
    shown: dict[str, Any] = {}
    for metric in metrics_of(plan):
        figure = found[metric.partition(".")[2]]
        if "value" in figure:
            rounded = Decimal(figure["value"]).quantize(step, ROUND_HALF_UP)
            # Never minus zero.
            figure = {"value": f"{rounded or abs(rounded):f}"}
        shown[metric] = figure
    return shown
