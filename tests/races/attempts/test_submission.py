"""Who hands in what and when, and how often."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import Error, transaction

from marketplace.base.errors import NotAllowed, NotFound, StateConflict
from marketplace.ledger.models import Event
from marketplace.races.attempts.actions import (
    DayQuotaSpent,
    HeatNotOpen,
    HeatOver,
    NotRunning,
    QuotaSpent,
    cancel_attempt,
    choose_attempt,
    submit_attempt,
)
from marketplace.races.attempts.models import Attempt, AttemptState
from marketplace.races.attempts.queries import Quota, queue_places, quota_left
from marketplace.races.models import Heat
from marketplace.races.plans import plan_of
from tests import world
from tests.conftest import run_at_once
from tests.races import factories
from tests.races.attempts.results import hand_in, racer, result


@pytest.fixture
def race(db):
    return factories.race()


@pytest.fixture
def heat(race):
    return race.heats.get(number=1)


def test_what_a_file_leaves_behind(race, heat):
    actor = racer(race)
    attempt = hand_in(actor, heat)
    assert (attempt.number, attempt.state, attempt.spent) == (1, AttemptState.QUEUED, True)
    assert attempt.upload.subject_uid == attempt.uid
    assert [line.code for line in attempt.lines.all()] == ["received"]
    event = Event.objects.get(kind="attempt.submitted")
    assert (event.audience, event.data) == ("parties", {})
    assert event.subjects == [race.scenario.uid, race.uid, attempt.uid]
    assert hand_in(actor, heat).number == 2


def test_only_the_entrant_itself(race, heat):
    viewer = world.member(racer(race).organisation, "viewer")
    upload = result(racer(race))
    with pytest.raises(NotAllowed):
        submit_attempt(actor=viewer, heat_uid=heat.uid, upload_uid=upload.uid)
    for stranger in (world.vendor(), world.officer(), world.member(race.scenario.organisation)):
        with pytest.raises((NotFound, NotAllowed)):
            submit_attempt(actor=stranger, heat_uid=heat.uid, upload_uid=upload.uid)
    # Somebody else's file is not there.
    with pytest.raises(NotFound):
        submit_attempt(actor=racer(race, "R2"), heat_uid=heat.uid, upload_uid=upload.uid)
    with pytest.raises(NotFound):
        submit_attempt(actor=racer(race), heat_uid=uuid4(), upload_uid=upload.uid)


def test_each_side_of_the_instants(race, heat, clock):
    actor = racer(race)
    upload = result(actor)
    moments = {heat.starts_at - timedelta(microseconds=1): HeatNotOpen, heat.ends_at: HeatOver}
    for at, refusal in moments.items():
        clock.freeze(at)
        upload.expires_at = at + timedelta(days=1)
        upload.save()
        with pytest.raises(refusal):
            submit_attempt(actor=actor, heat_uid=heat.uid, upload_uid=upload.uid)
    clock.freeze(heat.ends_at - timedelta(microseconds=1))
    assert submit_attempt(actor=actor, heat_uid=heat.uid, upload_uid=upload.uid).number == 1


def test_states_in_which_nothing_is_received(race, heat):
    actor = racer(race)
    upload = result(actor)
    planned = race.heats.get(number=2)
    with pytest.raises(NotFound):  # no entry in it yet
        submit_attempt(actor=actor, heat_uid=planned.uid, upload_uid=upload.uid)
    race.entrants.filter(code="R1").update(state="left")
    with pytest.raises(NotRunning):
        submit_attempt(actor=actor, heat_uid=heat.uid, upload_uid=upload.uid)
    Heat.objects.filter(pk=heat.pk).update(state="closed")
    with pytest.raises(HeatOver):
        submit_attempt(actor=actor, heat_uid=heat.uid, upload_uid=upload.uid)


def test_quota_of_a_day_and_in_all(race, heat, clock):
    actor = racer(race)
    for _ in range(3):
        hand_in(actor, heat)
    with pytest.raises(DayQuotaSpent):
        hand_in(actor, heat)
    clock.move(timedelta(days=1))
    entry = heat.entries.get(entrant__code="R1")
    day = clock.now().date()
    assert quota_left(entry, plan_of(heat), day).today == 3
    assert quota_left(entry, plan_of(heat), day).total == 17
    spent = plan_of(heat) | {"attempts_total": 3}
    assert quota_left(entry, spent, day) == Quota(3, 0)
    assert Quota(3, 0).left == 0
    assert hand_in(racer(race, "R2"), heat).number == 1  # each has its own


def test_the_total_is_refused_by_its_own_name(race, heat, clock):
    actor = racer(race)
    entry = heat.entries.get(entrant__code="R1")
    for number in range(1, 21):
        Attempt.objects.create(
            **made(actor, entry, heat), number=number, upload=result(actor), spent=True
        )
    with pytest.raises(QuotaSpent) as refusal:
        hand_in(actor, heat)
    assert refusal.value.code == "attempt.quota"


def made(actor, entry, heat):
    day = (heat.starts_at - timedelta(days=3)).date()
    return {
        "entry": entry,
        "organisation": actor.organisation,
        "user": actor.user,
        "received_at": heat.starts_at,
        "received_date": day,
        "due_at": heat.starts_at,
        "size": 1,
    }


def test_a_queued_one_taken_back_costs_nothing(race, heat):
    actor = racer(race)
    attempt = hand_in(actor, heat)
    with pytest.raises(NotFound):
        cancel_attempt(actor=racer(race, "R2"), attempt_uid=attempt.uid)
    with pytest.raises(NotAllowed):
        viewer = world.member(actor.organisation, "viewer")
        cancel_attempt(actor=viewer, attempt_uid=attempt.uid)
    left = cancel_attempt(actor=actor, attempt_uid=attempt.uid)
    assert (left.state, left.spent) == (AttemptState.CANCELLED, False)
    with pytest.raises(StateConflict):
        cancel_attempt(actor=actor, attempt_uid=attempt.uid)
    running = hand_in(actor, heat)
    run(running)
    left = cancel_attempt(actor=actor, attempt_uid=running.uid)
    assert (left.state, left.spent, left.lease) == (AttemptState.CANCELLED, True, None)


def run(attempt):
    Attempt.objects.filter(pk=attempt.pk).update(
        state="running", lease=uuid4(), leased_until=attempt.received_at
    )


def test_the_last_one_counts_where_the_design_says_so(race, heat):
    actor = racer(race)
    attempt = hand_in(actor, heat)
    with pytest.raises(StateConflict) as refusal:
        choose_attempt(actor=actor, attempt_uid=attempt.uid)
    assert refusal.value.code == "attempt.last_counts"


def test_places_go_round(race, heat):
    first, second = racer(race), racer(race, "R2")
    mine = [hand_in(first, heat) for _ in range(2)]
    theirs = [hand_in(second, heat) for _ in range(2)]
    places = queue_places([*mine, *theirs])
    assert [places[one.pk] for one in (*mine, *theirs)] == [1, 3, 2, 4]


def test_the_database_refuses_what_never_happens(race, heat):
    attempt = hand_in(racer(race), heat)
    for changed in ({"number": 9}, {"state": "running"}, {"state": "scored"}, {"chosen": True}):
        with pytest.raises(Error), transaction.atomic():
            Attempt.objects.filter(pk=attempt.pk).update(**changed)
    with pytest.raises(Error), transaction.atomic():
        attempt.delete()


def test_twenty_at_the_edge_of_the_quota(committing_db):
    race = factories.race()
    heat, actor = race.heats.get(number=1), racer(race)
    uploads = [result(actor) for _ in range(20)]
    done = run_at_once(
        *[
            lambda upload=upload: submit_attempt(
                actor=actor, heat_uid=heat.uid, upload_uid=upload.uid
            )
            for upload in uploads
        ]
    )
    assert sorted(one.number for one in done if isinstance(one, Attempt)) == [1, 2, 3]
    assert sum(isinstance(one, DayQuotaSpent) for one in done) == 17
