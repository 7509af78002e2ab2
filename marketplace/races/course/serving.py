"""Whose files of a race may be read: inputs by who runs, results by who sees the attempt."""

from __future__ import annotations

from marketplace.base.actor import Actor
from marketplace.files.limits import Purpose
from marketplace.files.models import Upload
from marketplace.files.serving import Readable, reads
from marketplace.races.attempts.models import Attempt
from marketplace.races.course.models import CourseFile


@reads(Purpose.COURSE)
def read_input(actor: Actor, upload: Upload) -> Readable | None:
    rows = CourseFile.objects.readable_by(actor)
    row = rows.filter(upload=upload).select_related("course__heat__race__scenario").first()
    if row is None:
        return None
    return Readable(row.course.heat.race.scenario.uid, restricted=True)


@reads(Purpose.TRUTH)
def read_truth(_actor: Actor, _upload: Upload) -> Readable | None:
    """Nobody, not even sealed: its owner has it, and the evaluation reads the storage."""
    return None


@reads(Purpose.RESULT)
def read_result(actor: Actor, upload: Upload) -> Readable | None:
    row = Attempt.objects.visible_to(actor).filter(upload=upload).first()
    return Readable(row.uid, restricted=False) if row else None
