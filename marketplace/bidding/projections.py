"""What closing a scenario means for its bids."""

from __future__ import annotations

from uuid import UUID

from marketplace.base.queue import enqueue, handles
from marketplace.bidding.actions import fail_thin_listing, request_first_opening
from marketplace.ledger.actions import project
from marketplace.ledger.models import Event
from marketplace.scenarios.models import Scenario

FAIL_THIN = "fail_thin_listing"


@project("scenario.closed")
def ask_for_opening(event: Event) -> None:
    """Runs inside the closing, so the bids that stand now are the bids that stand."""
    scenario = Scenario.objects.select_related("profile").get(uid=event.subjects[-1])
    if scenario.profile is None or not scenario.profile.takes_bids:
        return
    if request_first_opening(scenario=scenario) is None:
        enqueue(FAIL_THIN, scenario_uid=str(scenario.uid))


@handles(FAIL_THIN)
def fail_one(*, scenario_uid: str, **_: object) -> None:
    fail_thin_listing(scenario_uid=UUID(scenario_uid))
