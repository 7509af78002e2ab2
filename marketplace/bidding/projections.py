"""What closing a scenario means for its bids, and what its opening for bids again."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from marketplace.base import clock
from marketplace.base.locks import lock
from marketplace.base.models import OutboxJob
from marketplace.base.queue import enqueue, handles
from marketplace.base.states import move
from marketplace.bidding.actions import fail_thin_listing, request_first_opening
from marketplace.bidding.models import OpenedEnvelope, Opening, OpeningState
from marketplace.ledger.actions import project
from marketplace.ledger.models import Event
from marketplace.scenarios.extensions import BARRED, failing_awaits_record
from marketplace.scenarios.models import Scenario, State

FAIL_THIN = "fail_thin_listing"
FAIL_AGAIN = timedelta(seconds=30)


@project("scenario.closed")
def ask_for_opening(event: Event) -> None:
    """Runs inside the closing, so the bids that stand now are the bids that stand."""
    scenario = Scenario.objects.select_related("profile").get(uid=event.subjects[-1])
    if scenario.profile is None or not scenario.profile.takes_bids:
        return
    if request_first_opening(scenario=scenario) is None:
        enqueue(FAIL_THIN, scenario_uid=str(scenario.uid))


@project("scenario.deadline_extended")
def void_opening(event: Event) -> None:
    """What the closing asked for is asked for anew by the next one.

    Confirmations name the deadline and are void with it; what bears some is kept as their history.
    """
    asked = Opening.objects.filter(scenario__uid=event.subjects[-1])
    for row in asked.filter(state__in=[OpeningState.WAITING, OpeningState.CONFIRMED]):
        opening = lock(Opening, pk=row.pk)
        if opening.confirmations.exists() or opening.failures.exists():
            move(opening, OpeningState.SUPERSEDED)
        else:
            opening.delete()


def opening_begun(scenario: Scenario) -> bool:
    """From the first envelope on that the opener takes up there is no way back to bidding.

    Asked with the demand locked FOR UPDATE; the opener notes its beginning with the demand locked
    FOR SHARE, so one of the two comes first.
    """
    begun = Opening.objects.filter(scenario=scenario).exclude(begun_at=None)
    opened = OpenedEnvelope.objects.filter(sealed__version__bid__scenario=scenario)
    return begun.exists() or opened.exists()


BARRED.append(opening_begun)


@handles(FAIL_THIN)
def fail_one(*, scenario_uid: str, **_: object) -> None:
    scenario, now = Scenario.objects.get(uid=UUID(scenario_uid)), clock.now()
    if scenario.state == State.CLOSED and failing_awaits_record(scenario, now):
        OutboxJob.objects.create(
            kind=FAIL_THIN, payload={"scenario_uid": scenario_uid}, due_at=now + FAIL_AGAIN
        )
        return
    fail_thin_listing(scenario_uid=UUID(scenario_uid))
