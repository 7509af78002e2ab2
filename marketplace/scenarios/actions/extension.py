"""A deadline that outages have moved. No action of a person leads here."""

from __future__ import annotations

from datetime import datetime
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
from marketplace.scenarios.extensions import due_extension
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.rules import can_extend_deadline


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
    before, left = scenario.deadline_at, scenario.state
    scenario.deadline_at, scenario.closed_at = due.deadline_at, None
    if left == State.CLOSED:
        move(scenario, State.PUBLISHED, also=("deadline_at", "closed_at"))
    else:
        scenario.save(update_fields=["deadline_at"])
    ledger.append(
        "scenario.deadline_extended",
        actor=actor,
        subjects=[scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=scenario.state,
        profile_version=profile_label(scenario),
        data={
            "ref": scenario.ref,
            "deadline_at": due.deadline_at,
            "before": before,
            "outages": [{"from_at": start, "until_at": end} for start, end in due.spans],
            "seconds": int(due.total.total_seconds()),
        },
    )
    return True
