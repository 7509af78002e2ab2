"""A fixed course for a heat, made by the actions and checked by the evaluation."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pyrage
from django.conf import settings

from marketplace.base.actor import Actor
from marketplace.files import actions as files
from marketplace.files.limits import Purpose
from marketplace.races.course.actions import add_course_file, fix_course
from marketplace.races.course.checking import check_next
from marketplace.races.course.models import Course
from marketplace.races.models import Heat
from tests import world

IDS = b"id\n" + b"".join(b"n%d\n" % number for number in range(40))
LABELS = [b"attack" if number % 3 == 0 else b"normal" for number in range(40)]
TRUTH = b"id,label\n" + b"".join(b"n%d,%s\n" % pair for pair in enumerate(LABELS))
# Right but for the first eight.
RESULT = b"id,prediction\n" + b"".join(
    b"n%d,%s\n" % (number, b"normal" if number < 8 else label)
    for number, label in enumerate(LABELS)
)


def identity_file() -> Path:
    return Path(settings.EVALUATION_FOLDER).parent / "identity.txt"


@cache
def _read(path: Path) -> str:
    return path.read_text().strip()


def identity() -> str:
    return _read(identity_file())


def sealed(body: bytes, recipient: str = "") -> bytes:
    key = pyrage.x25519.Recipient.from_str(recipient or settings.EVALUATION_RECIPIENT)
    return pyrage.encrypt(body, [key])


def preparer(heat: Heat) -> Actor:
    return world.member(heat.race.scenario.organisation)


def add(actor: Actor, heat: Heat, kind: str, body: bytes):
    purpose = Purpose.TRUTH if kind == "truth" else Purpose.COURSE
    upload = files.store_small(actor=actor, purpose=purpose, name=f"{kind}.csv", body=body)
    return add_course_file(actor=actor, heat_uid=heat.uid, kind=kind, upload_uid=upload.uid)


def lay(heat: Heat, *, ids: bytes = IDS, truth: bytes = TRUTH) -> Course:
    """Planned again for the time of it, whatever the heat's state is."""
    state = heat.state
    Heat.objects.filter(pk=heat.pk).update(state="planned")
    actor = preparer(heat)
    add(actor, heat, "ids", ids)
    add(actor, heat, "truth", sealed(truth))
    fix_course(actor=actor, heat_uid=heat.uid)
    assert check_next(identity())
    Heat.objects.filter(pk=heat.pk).update(state=state)
    course = Course.objects.get(heat=heat)
    assert (course.state, course.faults) == ("fixed", [])
    return course
