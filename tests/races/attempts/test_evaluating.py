"""From the queue to the score: once each, whoever is killed; and nothing of the truth is told."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from marketplace import tasks
from marketplace.base.actor import Role
from marketplace.files.models import Upload
from marketplace.ledger.models import Event
from marketplace.races.attempts import evaluating, process, turns
from marketplace.races.attempts.actions import cancel_attempt, choose_attempt
from marketplace.races.attempts.identity import read_identity, refuse_identity
from marketplace.races.attempts.models import Attempt, AttemptState, FullResult, Run
from marketplace.races.attempts.queries import counting, unsettled
from marketplace.races.models import Heat
from tests import world
from tests.conftest import filled_once, run_at_once
from tests.races import courses, factories
from tests.races.attempts.results import hand_in, racer


@pytest.fixture(scope="module", autouse=True)
def cold():
    yield
    process.cool()


@pytest.fixture(scope="module")
def filled(django_db_setup, django_db_blocker):
    """A race whose first heat is open over a fixed course; a second one leaves the choice."""

    def fill():
        for choice in ("last", "chosen"):
            plan = factories.content(factories.heat(choice=choice, attempts_day=9))
            courses.lay(factories.race(2, plan).heats.get(number=1))

    with django_db_blocker.unblock(), filled_once("attempts", fill) as name:
        yield name


@pytest.fixture
def heat(committing_db):
    return Heat.objects.filter(race__design__content__heats__0__choice="last").get(number=1)


@pytest.fixture
def choosing(committing_db):
    return Heat.objects.filter(race__design__content__heats__0__choice="chosen").get(number=1)


class Killed(BaseException):
    """As far as the database can tell, the process ended here."""


def again(attempt):
    attempt.refresh_from_db()
    return attempt


def work():
    return evaluating.evaluate_next(courses.identity())


def test_a_good_file_is_scored_and_its_exact_figures_are_hidden(heat, clock):
    actor = racer(heat.race)
    attempt = hand_in(actor, heat, courses.RESULT)
    assert work() is True
    assert work() is False
    assert (again(attempt).state, attempt.spent, attempt.lease) == ("scored", True, None)
    assert [line.code for line in attempt.lines.order_by("id")] == ["received", "started", "scored"]
    run = attempt.run
    assert (run.evaluator, run.version) == ("classification", "1")
    assert run.inputs == {
        "ids": heat.course.files.get(kind="ids").sha256,
        "truth": heat.course.truth_hash,
        "result": attempt.sha256,
    }
    shown = run.board
    assert list(shown) == ["classification.macro_f1"]
    value = Decimal(shown["classification.macro_f1"]["value"])
    assert value == value.quantize(Decimal("0.01"))
    whole = json.loads(bytes(run.full.whole))
    assert whole["details"]["confusion"] == [[26, 0], [3, 11]]
    # Nobody's before the heat has closed, then those who see the attempt.
    owner = world.member(heat.race.scenario.organisation)
    everybody = (actor, owner, world.officer(), world.person(Role.INSPECTOR), world.vendor())
    assert [FullResult.objects.visible_to(one).count() for one in everybody] == [0] * 5
    assert [Attempt.objects.visible_to(one).count() for one in everybody] == [1, 0, 0, 0, 0]
    Heat.objects.filter(pk=heat.pk).update(state="closed", closed_at=clock.now())
    assert [FullResult.objects.visible_to(one).count() for one in everybody] == [1, 1, 1, 0, 0]
    Heat.objects.filter(pk=heat.pk).update(publicised_at=clock.now())
    assert FullResult.objects.visible_to(world.vendor()).count() == 1
    assert list(Path(settings.EVALUATION_FOLDER).glob("*")) == []


def test_a_bad_file_is_told_where_it_is_wrong_and_has_cost_its_attempt(heat):
    attempt = hand_in(racer(heat.race), heat, courses.RESULT.replace(b"n5,normal", b"n5,maybe"))
    work()
    assert (again(attempt).state, attempt.spent) == ("refused", True)
    assert [(one["code"], one["row"], one["column"]) for one in attempt.faults] == [
        ("unknown_label", 7, "prediction")
    ]
    assert not Run.objects.filter(attempt=attempt).exists()


def test_turns_go_round(heat):
    first, second = racer(heat.race), racer(heat.race, "R2")
    mine = [hand_in(first, heat, courses.RESULT) for _ in range(2)]
    theirs = hand_in(second, heat, courses.RESULT)
    claimed = [turns.claim() for _ in range(3)]
    assert claimed == [mine[0], theirs, mine[1]]
    assert turns.claim() is None


@pytest.mark.parametrize("step", ["claimed", "fetched", "evaluated", "before_commit"])
def test_a_killed_worker_leaves_what_another_takes_up(heat, clock, monkeypatch, step):
    places = {
        "claimed": (evaluating, "_measured"),
        "fetched": (process, "measure"),
        "evaluated": (evaluating, "settle"),
        "before_commit": (evaluating, "told"),
    }

    def killed(*_args):
        raise Killed

    attempt = hand_in(racer(heat.race), heat, courses.RESULT)
    with monkeypatch.context() as patch:
        patch.setattr(*places[step], killed)
        with pytest.raises(Killed):
            work()
    assert again(attempt).state == "running"
    assert turns.take_back_due() == 0
    assert work() is False
    clock.move(turns.LEASE)
    assert turns.take_back_due() == 1
    assert again(attempt).state == "queued"
    clock.move(turns.PAUSE)
    assert work() is True
    assert (again(attempt).state, attempt.tries) == ("scored", 2)
    assert Run.objects.count() == Event.objects.filter(kind="attempt.scored").count() == 1


def test_our_faults_are_tried_again_and_cost_nothing(heat, clock, settings):
    attempt = hand_in(racer(heat.race), heat, courses.RESULT)
    process.cool()
    settings.EVALUATION_MEMORY_MIB = 64  # every evaluator dies of it
    for _ in range(turns.TRIES_MOST):
        assert work() is True
        clock.move(turns.PAUSE * turns.TRIES_MOST)
    assert (again(attempt).state, attempt.spent) == ("failed", False)
    codes = [line.code for line in attempt.lines.order_by("id")]
    assert codes == ["received", *["started", "again"] * 2, "started", "failed"]


def test_one_that_hangs_is_ended(heat, settings):
    attempt = hand_in(racer(heat.race), heat, courses.RESULT)
    settings.EVALUATION_SECONDS = 0
    process.cool()
    assert work() is True
    assert again(attempt).state == "queued"
    process.cool()


def test_bytes_that_storage_lost_are_our_fault(heat):
    attempt = hand_in(racer(heat.race), heat, courses.RESULT)
    Upload.objects.filter(pk=attempt.upload_id).update(stored_name=f"uploads/{uuid4()}")
    work()
    assert again(attempt).state == "queued"


def test_one_cancelled_meanwhile_is_dropped(heat, monkeypatch):
    actor = racer(heat.race)
    attempt = hand_in(actor, heat, courses.RESULT)
    measure = process.measure

    def slow(job, looking):
        answer = measure(job, looking)
        cancel_attempt(actor=actor, attempt_uid=attempt.uid)
        return answer

    monkeypatch.setattr(process, "measure", slow)
    assert work() is True
    assert (again(attempt).state, attempt.spent) == ("cancelled", True)
    assert not Run.objects.exists()


def test_two_workers_settle_once(heat, clock):
    """The lease of the first ran out while it worked; the second took over."""
    attempt = hand_in(racer(heat.race), heat, courses.RESULT)
    first = turns.claim()
    answer, inputs = evaluating._measured(first, courses.identity())
    clock.move(turns.LEASE)
    turns.take_back_due()
    clock.move(turns.PAUSE)
    second = turns.claim()
    done = run_at_once(
        *[
            lambda own=own: evaluating.settle(own, answer, inputs, clock.now())
            for own in (first, second)
        ]
    )
    assert isinstance(done[0], turns.LeaseLost)
    assert done[1] is None
    assert (again(attempt).state, Run.objects.count()) == ("scored", 1)


def test_the_last_moment_is_measured_after_the_end(heat, clock):
    attempt = hand_in(racer(heat.race), heat, courses.RESULT)
    clock.freeze(heat.ends_at)
    assert list(unsettled(heat)) == [attempt]
    work()
    assert counting(heat) == {attempt.entry_id: again(attempt)}
    assert not unsettled(heat).exists()


def test_of_two_choices_at_once_one_stands(choosing):
    actor = racer(choosing.race)
    attempts = [hand_in(actor, choosing, courses.RESULT) for _ in range(3)]
    while work():
        pass
    assert counting(choosing) == {attempts[2].entry_id: attempts[2]}
    done = run_at_once(
        *[lambda uid=one.uid: choose_attempt(actor=actor, attempt_uid=uid) for one in attempts[:2]]
    )
    assert all(isinstance(one, Attempt) for one in done)
    chosen = Attempt.objects.get(chosen=True)
    assert counting(choosing) == {chosen.entry_id: chosen}


def test_the_broker_forgot_and_the_sweep_does_not(heat, monkeypatch):
    sent = []
    monkeypatch.setattr(tasks.evaluate_next, "apply_async", lambda **_: sent.append(1))
    tasks.sweep_attempts()
    assert sent == []
    hand_in(racer(heat.race), heat, courses.RESULT)
    assert sent == [1]
    tasks.sweep_attempts()
    assert sent == [1, 1]


def test_the_task_twice_gives_one_run(heat, settings):
    settings.EVALUATION_IDENTITY_FILE = str(courses.identity_file())
    attempt = hand_in(racer(heat.race), heat, courses.RESULT)
    tasks.evaluate_next()
    tasks.evaluate_next()
    assert (again(attempt).state, Run.objects.count()) == ("scored", 1)


def test_the_identity_is_the_evaluations_alone(settings, tmp_path):
    with pytest.raises(ImproperlyConfigured):
        read_identity()
    refuse_identity()
    settings.EVALUATION_IDENTITY_FILE = str(courses.identity_file())
    assert read_identity() == courses.identity()
    with pytest.raises(ImproperlyConfigured):
        refuse_identity()
    settings.EVALUATION_RECIPIENT = "age1another"
    with pytest.raises(ImproperlyConfigured):
        read_identity()


def test_the_child_is_told_nothing_that_leads_anywhere():
    child = process.Child()
    try:
        text = Path(f"/proc/{child.process.pid}/environ").read_text()
        assert sorted(line.partition("=")[0] for line in text.split("\0") if line) == [
            "LANG",
            "PATH",
            "PYTHONHASHSEED",
        ]
    finally:
        child.end()


def test_states_are_what_the_moves_say():
    assert Attempt.MOVES[AttemptState.QUEUED] == {AttemptState.RUNNING, AttemptState.CANCELLED}
    assert timedelta(seconds=turns.KEEP_EVERY_SECONDS) * 3 < turns.LEASE
