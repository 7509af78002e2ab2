"""The course of a heat: prepared by its owner, checked by the evaluation, open to nobody else."""

import pyrage
import pytest
from django.db import Error, transaction

from marketplace.base.errors import Invalid, NotAllowed, NotFound, TooEarly
from marketplace.files.serving import readable
from marketplace.ledger.models import Audience, Event
from marketplace.races.attempts import process
from marketplace.races.course.actions import (
    CourseChecked,
    CourseStands,
    add_course_file,
    fix_course,
    remove_course_file,
)
from marketplace.races.course.checking import check_next
from marketplace.races.course.models import Course, CourseFile, CourseState
from marketplace.races.course.unsealing import truth_hash
from marketplace.races.heats import CourseMissing, close_heat, open_heat, sweep
from marketplace.races.models import Heat
from tests import world
from tests.races import courses, factories
from tests.races.attempts.results import racer

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def cold():
    yield
    process.cool()


@pytest.fixture
def heat():
    row = factories.race().heats.get(number=1)
    Heat.objects.filter(pk=row.pk).update(state="planned")
    row.refresh_from_db()
    return row


def test_fixed_it_is_public_by_its_hashes_and_the_heat_opens(heat):
    actor = courses.preparer(heat)
    with pytest.raises(CourseMissing):
        open_heat(heat_uid=heat.uid)
    with pytest.raises(Invalid) as refusal:
        fix_course(actor=actor, heat_uid=heat.uid)
    assert sorted(refusal.value.errors) == ["ids", "truth"]
    ids = courses.add(actor, heat, "ids", courses.IDS)
    former = courses.add(actor, heat, "truth", courses.sealed(b"nonsense"))
    truth = courses.add(actor, heat, "truth", courses.sealed(courses.TRUTH))
    former.refresh_from_db()
    assert former.removed_at is not None
    fix_course(actor=actor, heat_uid=heat.uid)
    with pytest.raises(CourseChecked):
        courses.add(actor, heat, "ids", courses.IDS)
    assert check_next(courses.identity())
    assert not check_next(courses.identity())
    course = Course.objects.get(heat=heat)
    assert (course.state, course.ids_count) == (CourseState.FIXED, 40)
    event = Event.objects.get(kind="course.fixed")
    assert event.audience == Audience.PUBLIC
    assert event.data["truth"] == {
        "sealed_sha256": truth.sha256,
        "salted_sha256": course.truth_hash,
    }
    assert [one["sha256"] for one in event.data["inputs"]] == [ids.sha256]
    assert course.truth_hash != truth_hash(bytes(32), "00" * 32)
    assert sweep() == {"opened": 1, "closed": 0}
    with pytest.raises(CourseStands):
        courses.add(actor, heat, "ids", courses.IDS)
    with pytest.raises(Error), transaction.atomic():
        Course.objects.update(ids_count=1)
    with pytest.raises(TooEarly):
        close_heat(heat_uid=heat.uid)


def test_what_cannot_be_used_is_told_to_its_owner(heat):
    actor = courses.preparer(heat)
    courses.add(actor, heat, "ids", courses.IDS)
    courses.add(actor, heat, "truth", courses.sealed(courses.TRUTH.replace(b"n7,", b"x7,")))
    fix_course(actor=actor, heat_uid=heat.uid)
    check_next(courses.identity())
    course = Course.objects.get(heat=heat)
    assert course.state == CourseState.REFUSED
    assert [(one["of"], one["code"], one["row"]) for one in course.faults] == [
        ("truth", "unknown_id", 9)
    ]
    # Sealed to somebody else: nothing of it can be read.
    courses.add(actor, heat, "truth", courses.sealed(courses.TRUTH, other_recipient()))
    fix_course(actor=actor, heat_uid=heat.uid)
    check_next(courses.identity())
    course.refresh_from_db()
    assert [one["code"] for one in course.faults] == ["not_sealed_to_us"]


def other_recipient():

    return str(pyrage.x25519.Identity.generate().to_public())


def test_a_truth_in_clear_is_not_taken(heat):
    with pytest.raises(Invalid) as refusal:
        courses.add(courses.preparer(heat), heat, "truth", courses.TRUTH)
    assert refusal.value.code == "upload.not_age"


def test_only_the_owner_prepares(heat):
    for stranger in (racer(heat.race), world.officer(), world.owner()):
        with pytest.raises((NotAllowed, NotFound)):
            fix_course(actor=stranger, heat_uid=heat.uid)
    row = courses.add(courses.preparer(heat), heat, "input", b"a")
    with pytest.raises(NotFound):
        remove_course_file(actor=world.owner(), file_uid=row.uid)
    remove_course_file(actor=courses.preparer(heat), file_uid=row.uid)
    with pytest.raises(NotFound):
        remove_course_file(actor=courses.preparer(heat), file_uid=row.uid)
    with pytest.raises(Invalid):
        add_course_file(
            actor=courses.preparer(heat), heat_uid=heat.uid, kind="other", upload_uid=row.uid
        )


def test_who_reads_which_file(heat):
    course = courses.lay(heat)
    runner, owner = racer(heat.race), courses.preparer(heat)
    readers = (runner, owner, world.officer(), world.vendor())
    rows = {row.kind: row.upload for row in CourseFile.objects.filter(course=course)}

    def may(kind):
        return [readable(actor, rows[kind]) is not None for actor in readers]

    assert may("ids") == [False, True, True, False]
    Heat.objects.filter(pk=heat.pk).update(state="open")
    assert may("ids") == [True, True, True, False]
    assert may("truth") == [False] * 4
    heat.race.entrants.update(state="left")
    assert may("ids") == [False, True, True, False]


def test_a_course_that_came_late_takes_nothing_of_the_heat(heat, clock):
    length = heat.ends_at - heat.starts_at
    clock.freeze(heat.starts_at + length / 2)
    courses.lay(heat)
    assert sweep()["opened"] == 1
    heat.refresh_from_db()
    assert (heat.starts_at, heat.ends_at - heat.starts_at) == (clock.now(), length)
    clock.freeze(heat.ends_at)
    assert sweep() == {"opened": 0, "closed": 1}
    heat.refresh_from_db()
    assert (heat.state, heat.closed_at) == ("closed", heat.ends_at)
