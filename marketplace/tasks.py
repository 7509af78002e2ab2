"""The catalogue of Celery tasks: each loads and calls. All may run twice."""

from typing import Any

from celery import shared_task
from celery.signals import task_success, worker_init, worker_process_init
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from kombu.exceptions import OperationalError as BrokerUnreachable

from marketplace.base import clock, counting, heartbeat, queue
from marketplace.bidding import actions as bidding
from marketplace.committee.draw import invitations
from marketplace.committee.signing import actions as signing
from marketplace.files import access
from marketplace.files import sweeps as file_sweeps
from marketplace.ledger.log import checking, sequencer, stamping, watch
from marketplace.notices import actions as notices
from marketplace.notices import pruning, reminders
from marketplace.races import heats
from marketplace.races.attempts import process, turns, waking, working
from marketplace.races.attempts.identity import read_identity, refuse_identity
from marketplace.scenarios import sweeps as scenario_sweeps
from marketplace.scenarios.saved import looking

EVALUATION = "evaluation"
AGAIN = {"autoretry_for": (OperationalError,), "retry_backoff": True, "max_retries": 5}


@shared_task(**AGAIN)
def deliver_outbox(**_: object) -> None:
    queue.deliver_due()


@shared_task(**AGAIN)
def seal_log(**_: object) -> None:
    sequencer.seal_due()


@shared_task(**AGAIN)
def stamp_log(**_: object) -> None:
    stamping.promise_due()


@shared_task(**AGAIN)
def watch_log(**_: object) -> None:
    watch.look()


@shared_task(**AGAIN)
def check_log(**_: object) -> None:
    checking.run()


@shared_task(**AGAIN)
def sweep_deadlines(**_: object) -> None:
    scenario_sweeps.extend_due()
    scenario_sweeps.hold_due()
    scenario_sweeps.close_due()


@shared_task(**AGAIN)
def sweep_heats(**_: object) -> None:
    heats.sweep()


@shared_task(**AGAIN)
def sweep_attempts(**_: object) -> None:
    """Whatever the broker forgot: an evaluation worker is told again while something waits."""
    turns.take_back_due()
    if working.waits():
        wake_evaluation()


@shared_task(**AGAIN)
def evaluate_next(**_: object) -> None:
    """On the queue `evaluation`, whose worker alone has the identity. One attempt, then the next."""
    working.work_once(read_identity())
    process.warm()
    if working.waits():
        wake_evaluation()


@shared_task(**AGAIN)
def sweep_invitations(**_: object) -> None:
    invitations.expire_due()


@shared_task(**AGAIN)
def sweep_signings(**_: object) -> None:
    signing.count_silence()


@shared_task(**AGAIN)
def discard_stale_packages(**_: object) -> None:
    bidding.discard_stale_packages()


@shared_task(**AGAIN)
def seal_access_days(**_: object) -> None:
    access.seal_days()


@shared_task(**AGAIN)
def forget_counts(**_: object) -> None:
    counting.forget_expired()


@shared_task(**AGAIN)
def sweep_uploads(**_: object) -> None:
    file_sweeps.sweep()


@shared_task(**AGAIN)
def promise_digests(**_: object) -> None:
    notices.promise_digests()


@shared_task(**AGAIN)
def send_reminders(**_: object) -> None:
    reminders.send_due()


@shared_task(**AGAIN)
def promise_searches(**_: object) -> None:
    looking.promise_searches()


@shared_task(**AGAIN)
def prune(**_: object) -> None:
    pruning.prune()


def nudge_worker() -> None:
    """Tell a worker that the outbox has work. Without Redis the next sweep finds it."""
    try:
        deliver_outbox.apply_async(retry=False)
    except (BrokerUnreachable, ConnectionError, OSError):
        queue.log.warning("outbox.nudge_failed")


def wake_evaluation() -> None:
    """Without Redis the next sweep does it."""
    try:
        evaluate_next.apply_async(retry=False)
    except (BrokerUnreachable, ConnectionError, OSError):
        queue.log.warning("evaluation.wake_failed")


@worker_init.connect
def know_your_place(sender: Any, **_: object) -> None:
    """The key to the truth is the evaluation's: no other worker starts with it, nor it without."""
    evaluates = set(sender.app.amqp.queues.consume_from) == {EVALUATION}
    try:
        if evaluates:
            read_identity()
        else:
            refuse_identity()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error


@worker_process_init.connect
def be_warm(**_: object) -> None:
    if settings.EVALUATION_IDENTITY_FILE:
        process.warm()


@worker_init.connect
def refuse_another_clock(**_: object) -> None:
    """Celery logs what a receiver raises and goes on; only an exit stops the worker."""
    try:
        clock.verify_clock_at_start()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error


@task_success.connect
def leave_a_sign(sender: Any, **_: object) -> None:
    """What beat sends and a worker runs is seen to run: health and metrics read it."""
    heartbeat.beat(heartbeat.task(sender.name))


queue.NUDGES.append(nudge_worker)
waking.WAKERS.append(wake_evaluation)
