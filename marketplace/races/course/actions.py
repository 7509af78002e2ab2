"""Preparing the course of a heat: its files, and fixing it once they are right."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict, Text, TooLarge
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.files.actions import claim_upload, release_upload
from marketplace.files.limits import LIMITS, Purpose
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.races.attempts.waking import wake_later
from marketplace.races.course.models import Course, CourseFile, CourseKind, CourseState
from marketplace.races.models import Heat, HeatState, Race
from marketplace.races.plans import is_measured, plan_of
from marketplace.races.rules import can_prepare_course

INPUTS_MOST = LIMITS[Purpose.COURSE].count_most
PURPOSES = {
    CourseKind.IDS: Purpose.COURSE,
    CourseKind.INPUT: Purpose.COURSE,
    CourseKind.TRUTH: Purpose.TRUTH,
}


class CourseStands(StateConflict):
    code = "course.stands"
    message = _("The heat has begun; its course stands.")


class CourseChecked(StateConflict):
    code = "course.checking"
    message = _("The files are being checked; wait for the outcome.")


@transaction.atomic
def add_course_file(*, actor: Actor, heat_uid: UUID, kind: str, upload_uid: UUID) -> CourseFile:
    """A stored upload becomes part of the course; the list of ids and the truth replace the former.

    Raises NotFound, CourseStands, CourseChecked, TooLarge, and what `claim_upload` raises.
    """
    if kind not in CourseKind.values:
        raise Invalid(errors={"kind": [_("Choose one of the values offered.")]})
    course = _opened(actor, heat_uid)
    wanted = CourseKind(kind)
    now = clock.now()
    present = course.files.filter(removed_at=None, kind=wanted)
    if wanted == CourseKind.INPUT:
        if present.count() >= INPUTS_MOST:
            raise TooLarge(
                _("At most %(most)s files belong here."),
                code="limit.file_count",
                most=INPUTS_MOST,
            )
    else:
        for former in present:
            _remove(former)
    row = CourseFile(course=course, kind=wanted, added_by=actor.person, added_at=now)
    upload = claim_upload(
        actor=actor, upload_uid=upload_uid, purpose=PURPOSES[wanted], subject_uid=row.uid
    )
    row.upload, row.name, row.sha256, row.size = upload, upload.name, upload.sha256, upload.length
    row.save()
    _changed(course)
    ledger.append(
        "course_file.added",
        actor=actor,
        subjects=[course.heat.race.uid, course.heat.uid, row.uid],
        inputs={"sha256": row.sha256, "kind": row.kind},
    )
    return row


@transaction.atomic
def remove_course_file(*, actor: Actor, file_uid: UUID) -> None:
    """Take a file out before the heat opens; its bytes go. Raises NotFound, CourseStands."""
    found = CourseFile.objects.visible_to(actor).present().filter(uid=file_uid).first()
    if found is None:
        raise NotFound
    course = _opened(actor, found.course.heat.uid)
    row = lock(CourseFile, pk=found.pk)
    if row.removed_at is not None:
        raise NotFound
    _remove(row)
    _changed(course)
    ledger.append(
        "course_file.removed",
        actor=actor,
        subjects=[course.heat.race.uid, course.heat.uid, row.uid],
    )


@transaction.atomic
def fix_course(*, actor: Actor, heat_uid: UUID) -> Course:
    """Have the files checked by the evaluation, which then publishes their hashes.

    A heat without an evaluator has nothing to check. Raises Invalid where the list of ids or the
    truth is missing, and what `add_course_file` raises.
    """
    course = _opened(actor, heat_uid)
    kinds = set(course.files.filter(removed_at=None).values_list("kind", flat=True))
    if not is_measured(plan_of(course.heat)):
        fixed(course, actor)
        return course
    errors: dict[str, list[Text]] = {}
    if CourseKind.IDS not in kinds:
        errors["ids"] = [_("Add the list of ids: a table with the one column id.")]
    if CourseKind.TRUTH not in kinds:
        errors["truth"] = [_("Add the truth, sealed to the evaluation.")]
    if errors:
        raise Invalid(errors=errors)
    move(course, CourseState.CHECKING)
    wake_later()
    return course


def _opened(actor: Actor, heat_uid: UUID) -> Course:
    """The course of a heat that has not begun, locked and changeable; made where there is none."""
    seen = Heat.objects.visible_to(actor).filter(uid=heat_uid).first()
    if seen is None:
        raise NotFound
    race = lock_shared(Race, pk=seen.race_id)
    heat = lock_shared(Heat, pk=seen.pk)
    require(can_prepare_course, actor, race)
    if heat.state != HeatState.PLANNED:
        raise CourseStands
    Course.objects.get_or_create(heat=heat)
    course = lock(Course, heat=heat)
    if course.state == CourseState.CHECKING:
        raise CourseChecked
    return course


def _remove(row: CourseFile) -> None:
    row.removed_at = clock.now()
    row.save(update_fields=["removed_at"])
    release_upload(upload_uid=row.upload.uid)


def _changed(course: Course) -> None:
    """Another set of files is another course: what was fixed or found is so no more."""
    course.revision += 1
    course.faults, course.truth_hash, course.ids_count = [], "", None
    course.salt = course.fixed_at = None
    also = ("revision", "faults", "truth_hash", "ids_count", "salt", "fixed_at")
    if course.state == CourseState.DRAFT:
        course.save(update_fields=also)
    else:
        move(course, CourseState.DRAFT, also=also)


def fixed(course: Course, actor: Actor) -> None:
    """Of a locked course: what it is made of becomes public by its hashes, nothing else of it."""
    course.fixed_at = clock.now()
    left = move(
        course,
        CourseState.FIXED,
        also=("fixed_at", "salt", "truth_hash", "ids_count", "faults"),
    )
    rows = course.files.filter(removed_at=None).order_by("kind", "pk")
    race = course.heat.race
    sealed = next((row.sha256 for row in rows if row.kind == CourseKind.TRUTH), None)
    truth = {"sealed_sha256": sealed, "salted_sha256": course.truth_hash} if sealed else None
    ledger.append(
        "course.fixed",
        actor=actor,
        subjects=[course.uid, course.heat.uid, race.uid, race.scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=course.state,
        data={
            "ref": race.scenario.ref,
            "heat": course.heat.number,
            "revision": course.revision,
            "inputs": [
                {"kind": row.kind, "sha256": row.sha256, "size": row.size}
                for row in rows
                if row.kind != CourseKind.TRUTH
            ],
            "truth": truth,
        },
    )
