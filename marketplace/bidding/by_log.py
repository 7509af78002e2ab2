"""What the opener asks of the log alone: deadline, closing and confirmations."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from django.conf import settings

from marketplace.base import clock
from marketplace.base.assertions import NotConfirmed
from marketplace.bidding.confirmations import challenge, holder_of
from marketplace.bidding.models import Opening, OpeningStage
from marketplace.bidding.replay import Announced, Replay
from marketplace.scenarios.models import EnvelopeKey


class Refused(Exception):
    """The opener does not open: what the database says does not hold when looked at closely."""


def verify_by_log(opening: Opening, replay: Replay) -> int:
    """Deadline, closing and confirmations once more, by the log alone. Raises Refused.

    Returns the size of the log that covers the closing, and with it every bid that was in time.
    """
    scenario = opening.scenario
    told = replay.announced(scenario.uid)
    require_course(opening, told)
    if told.closing_size is None:
        raise Refused("closing_not_in_log")
    if host_time() < told.deadline_at:
        raise Refused("deadline_in_log_not_reached")
    if opening.stage == OpeningStage.PRICE and not told.technical_locked:
        raise Refused("technical_not_locked_in_log")
    keys = EnvelopeKey.objects.filter(scenario=scenario).values_list("envelope", "recipient")
    if dict(keys) != told.recipients:
        raise Refused("recipients_differ_from_log")
    said = set()
    for given in opening.confirmations.exclude(assertion=None):
        size, assertion = given.tree_size or 0, given.assertion or {}
        if not told.closing_size <= size <= replay.size:
            continue
        asked = challenge(
            scenario_uid=scenario.uid,
            stage=opening.stage,
            deadline_at=max(told.deadlines),
            tree_size=size,
        )
        with suppress(NotConfirmed):
            said.add(holder_of(assertion, told.keys, challenge=asked))
    if told.confirmations < 1 or len(said) < told.confirmations:
        raise Refused("assertions")
    return told.closing_size


def require_course(opening: Opening, told: Announced) -> None:
    """Nothing that the log says of the demand's course stands against this opening."""
    if told.contradictions:
        raise Refused(f"contradicted_in_log: {' '.join(told.contradictions)}")
    if opening.stage in told.given_up:
        raise Refused("given_up_in_log")
    if told.suspended:
        raise Refused("suspended_in_log")


def host_time() -> datetime:
    """The own clock of this machine: the database's may have been set by whoever owns it."""
    return clock.now() if settings.CLOCK_MAY_BE_REPLACED else datetime.now(UTC)
