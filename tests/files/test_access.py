"""The access log: cheap to write, impossible to rewrite, one root per day."""

import threading
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction

from marketplace.base.actor import VISITOR
from marketplace.base.clock import SHANGHAI
from marketplace.files import access
from marketplace.files.access import AccessDay, AccessRecord, record_access
from marketplace.ledger.models import Audience, Event
from tests.world import owner

NOON = datetime(2026, 11, 20, 12, tzinfo=SHANGHAI)


def read_at(clock, at, subject=None, actor=VISITOR):
    clock.freeze(at)
    record_access(actor=actor, subject_uid=subject or uuid4(), what="file.read")


def sealed_days():
    return list(AccessDay.objects.order_by("day").values_list("day", flat=True))


@pytest.mark.django_db
def test_one_insert_with_who_and_what(count_queries):
    actor, subject = owner(), uuid4()
    with count_queries() as queries:
        record_access(actor=actor, subject_uid=subject, what="file.read", detail="0-99")
    assert len(queries) == 1
    row = AccessRecord.objects.values().get()
    assert row.pop("at")
    assert row.pop("id")
    assert row == {
        "user_uid": actor.user_uid,
        "organisation_uid": actor.organisation_uid,
        "role": "owner",
        "subject_uid": subject,
        "what": "file.read",
        "detail": "0-99",
    }


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["", "read", "File.Read", "file.read now", "張三.read"])
def test_what_is_a_code(what):
    with pytest.raises(IntegrityError, match="access_names_its_kind"), transaction.atomic():
        record_access(actor=VISITOR, subject_uid=uuid4(), what=what)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [AccessRecord, AccessDay])
def test_history_is_not_rewritten(model, clock):
    read_at(clock, NOON)
    clock.move(timedelta(days=1))
    access.seal_days()
    for change in (model.objects.all().delete, lambda: model.objects.update(id=0)):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            change()


@pytest.mark.django_db
def test_nobody_dates_a_row_himself(clock):
    clock.freeze(NOON)
    AccessRecord.objects.create(
        at=NOON - timedelta(days=9), role="x", subject_uid=uuid4(), what="a.b"
    )
    assert AccessRecord.objects.get().at == NOON


@pytest.mark.django_db
def test_readers_find_their_rows_newest_first(clock):
    actor, one, other = owner(), uuid4(), uuid4()
    read_at(clock, NOON, one, actor)
    read_at(clock, NOON, other)
    read_at(clock, NOON, one)
    ids = list(AccessRecord.objects.order_by("id").values_list("id", flat=True))
    found = access.readings_of([one]).values_list("id", flat=True)
    assert list(found) == [ids[2], ids[0]]
    assert list(access.readings_by(actor.user_uid).values_list("id", flat=True)) == [ids[0]]


@pytest.mark.django_db
def test_a_day_is_sealed_once_and_only_after_its_end(clock):
    midnight = datetime(2026, 11, 21, tzinfo=SHANGHAI)
    read_at(clock, midnight - timedelta(microseconds=1))
    assert access.seal_days() == 0
    read_at(clock, midnight)
    assert (access.seal_days(), access.seal_days()) == (1, 0)
    assert sealed_days() == [NOON.date()]
    day = AccessDay.objects.get()
    assert day.records == 1
    event = Event.objects.get(kind="access_day.sealed")
    assert (event.audience, event.subjects) == (Audience.PUBLIC, [day.uid])
    assert event.data == {"day": "2026-11-20", "root": day.root}


@pytest.mark.django_db
def test_days_without_rows_are_passed_over_and_the_chain_goes_on(clock):
    for days in (0, 1, 5):
        read_at(clock, NOON + timedelta(days=days))
    clock.move(timedelta(days=30))
    assert access.seal_days() == 3
    roots = list(AccessDay.objects.order_by("day").values_list("root", flat=True))
    assert roots[1] == access.day_root(NOON.date() + timedelta(days=1), roots[0])[0]
    assert len(set(roots)) == 3
    assert access.broken_days() == []


def test_a_row_taken_away_or_slipped_in_is_found(committing_db, clock):
    for days in (0, 2):
        read_at(clock, NOON + timedelta(days=days))
    clock.move(timedelta(days=1))
    access.seal_days()
    slipped = NOON.date() + timedelta(days=1)
    # What only the owner of the tables could do, with the triggers off.
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE marketplace_accessrecord DISABLE TRIGGER USER")
        cursor.execute("UPDATE marketplace_accessrecord SET what = 'x.y' WHERE at < %s", [slipped])
        cursor.execute(
            "INSERT INTO marketplace_accessrecord (at, role, subject_uid, what, detail)"
            " VALUES (%s, 'x', gen_random_uuid(), 'x.y', '')",
            [NOON + timedelta(days=1)],
        )
    assert access.broken_days() == [NOON.date(), slipped]


def test_two_sweeps_seal_once(two_at_once, clock):
    read_at(clock, NOON)
    clock.move(timedelta(days=1))
    two_at_once(access.seal_days, access.seal_days)
    access.seal_days()
    assert sealed_days() == [NOON.date()]
    assert Event.objects.filter(kind="access_day.sealed").count() == 1


def test_a_reader_that_has_not_committed_holds_the_day_open(two_at_once, clock):
    clock.freeze(NOON)
    written, sealed = threading.Event(), threading.Event()

    def reader():
        with transaction.atomic():
            record_access(actor=VISITOR, subject_uid=uuid4(), what="file.read")
            written.set()
            sealed.wait(10)

    def sweep():
        written.wait(10)
        clock.freeze(NOON + timedelta(days=1))
        found = access.seal_days()
        sealed.set()
        return found

    assert two_at_once(reader, sweep) == [None, 0]
    assert access.seal_days() == 1
    assert AccessDay.objects.get().records == 1
