"""A deadline that moves: by outages of the platform, and for the other causes that rules name.

Nobody picks a deadline; it moves later only, by a leaf that everybody can read.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction

from marketplace.base import clock
from marketplace.base.actor import SYSTEM, Actor
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions.found import profile_label
from marketplace.scenarios.disclosure.mask import speaking
from marketplace.scenarios.extensions import due_extension
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.rules import can_extend_deadline


class Cause(StrEnum):
    """Why a deadline moved, as the public leaf says it; without one it was an outage."""

    OUTAGE = "outage"
    QUESTION = "question"
    AMENDMENT = "amendment"
    SUSPENSION = "suspension"


@transaction.atomic
def extend_deadline(*, scenario_uid: UUID, actor: Actor = SYSTEM) -> bool:
    """Move the deadline if the recorded outages ask for it. Returns whether it moved now.

    Locks the row FOR UPDATE, so it waits for every bid and every confirmation that is being
    written. Twice is once: the new deadline has a window of its own.
    """
    scenario = lock(Scenario, uid=scenario_uid)
    require(can_extend_deadline, actor, scenario)
    return extended(scenario, actor=actor, now=clock.now())


def extended(scenario: Scenario, *, actor: Actor, now: datetime) -> bool:
    """The same for a demand that the caller has locked FOR UPDATE.

    A closed one takes bids again; what its closing asked for is undone by those who hear of it.
    """
    due = due_extension(scenario, now)
    if due is None:
        return False
    told = {
        "outages": [{"from_at": start, "until_at": end} for start, end in due.spans],
        "seconds": int(due.total.total_seconds()),
    }
    postpone(scenario, actor=actor, to=due.deadline_at, cause=Cause.OUTAGE, told=told)
    return True


def postpone(
    scenario: Scenario,
    *,
    actor: Actor,
    to: datetime,
    cause: str,
    told: dict[str, Any] | None = None,
) -> None:
    """Announce a later deadline inside the caller's action, which has locked the row FOR UPDATE.

    to: in whole milliseconds, as the log tells it.

    The one way in which a deadline moves, whatever its cause: everybody who replays the log, the
    opener above all, reads the same kind of leaf.
    """
    before, left = scenario.deadline_at, scenario.state
    scenario.deadline_at = to
    assert before is not None, "what is posted has a deadline"
    assert to > before, "which moves only later"
    scenario.closed_at = None
    if left == State.CLOSED:
        move(scenario, State.PUBLISHED, also=("deadline_at", "closed_at"))
    else:
        scenario.save(update_fields=["deadline_at"])
    ledger.append(
        "scenario.deadline_extended",
        actor=speaking(actor, scenario),
        subjects=[scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=scenario.state,
        profile_version=profile_label(scenario),
        data={
            "ref": scenario.ref,
            "deadline_at": scenario.deadline_at,
            "before": before,
            "cause": str(cause),
            **(told or {}),
        },
    )
