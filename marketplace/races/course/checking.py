"""What the evaluation does with a course before it is fixed: reads it as an attempt would be."""

from __future__ import annotations

import secrets
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from marketplace.base import sealing
from marketplace.base.actor import SYSTEM
from marketplace.base.locks import lock, lock_shared
from marketplace.base.states import move
from marketplace.ledger import actions as ledger
from marketplace.races.attempts import process
from marketplace.races.course.actions import fixed
from marketplace.races.course.models import Course, CourseKind, CourseState
from marketplace.races.course.unsealing import (
    fetch,
    file_of,
    job_of,
    private_folder,
    truth_hash,
    unsealed,
)
from marketplace.races.models import Heat
from marketplace.races.plans import plan_of

log = structlog.get_logger()


def check_next(identity: str) -> bool:
    """Check one course that waits for it. Returns whether there was one.

    Two workers may check the same at once: the first to finish settles it. A course that breaks
    its evaluator is refused, for it would break it at every attempt.
    """
    course = Course.objects.filter(state=CourseState.CHECKING).order_by("pk").first()
    if course is None:
        return False
    salt = secrets.token_bytes(32)
    try:
        answer, clear_sha256 = examined(course, salt, identity)
    except sealing.Unreadable:
        answer, clear_sha256 = refusal(CourseKind.TRUTH, "not_sealed_to_us"), ""
    except process.EvaluatorFailed as error:
        answer, clear_sha256 = refusal(CourseKind.TRUTH, f"evaluator_{error.reason}"), ""
    settle(course, answer, salt, clear_sha256)
    return True


def refusal(of: str, code: str) -> process.Answer:
    fault: dict[str, Any] = {"code": code, "row": None, "column": None, "params": {}}
    return {"refused": {"of": of, "faults": [fault], "more": False}}


def examined(course: Course, salt: bytes, identity: str) -> tuple[process.Answer, str]:
    def keeping(_step: str) -> None:
        return

    with private_folder() as folder:
        ids = fetch(file_of(course, CourseKind.IDS), folder / "ids", keeping)
        sealed = fetch(file_of(course, CourseKind.TRUTH), folder / "truth", keeping)
        clear, clear_sha256 = unsealed(sealed, folder / "clear", identity)
        job = job_of(plan_of(course.heat), salt, ids, clear, None)
        return process.measure(job, keeping), clear_sha256


@transaction.atomic
def settle(course: Course, answer: dict[str, Any], salt: bytes, clear_sha256: str) -> None:
    """Unless the files were changed, or another worker was first."""
    heat = lock_shared(Heat, pk=course.heat_id)
    row = lock(Course, pk=course.pk)
    if row.state != CourseState.CHECKING or row.revision != course.revision:
        return
    row.heat = heat
    if "checked" in answer:
        row.salt = sealing.wrap_identity(salt.hex(), settings.EVALUATION_RECIPIENT)
        row.truth_hash = truth_hash(salt, clear_sha256)
        row.ids_count = answer["checked"]["ids"]
        row.faults = []
        fixed(row, SYSTEM)
        return
    told = answer["refused"]
    row.faults = [{**fault, "of": told["of"]} for fault in told["faults"]]
    left = move(row, CourseState.REFUSED, also=("faults",))
    race = heat.race
    ledger.append(
        "course.refused",
        actor=SYSTEM,
        subjects=[race.scenario.uid, race.uid, row.uid],
        from_state=left,
        to_state=row.state,
    )
