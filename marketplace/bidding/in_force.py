"""What a demand asked of a bid when it was received: the version that was in force then.

A change leaves bids that are in as they are: each is held, at its opening, to the demand that it
answered.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from marketplace.accounts.models import Organisation
from marketplace.bidding.forms_schema import Demands, demands_of
from marketplace.bidding.models import Bid, BidVersion
from marketplace.scenarios.models import Scenario


def demands_then(scenario: Scenario, organisation: Organisation, at: datetime) -> Demands:
    """As `demands_of` at that instant. One more query, two where it was amended since."""
    demands = demands_of(scenario, organisation)
    rows = scenario.publications.order_by("version")
    if not rows.filter(published_at__gt=at).exists():
        return demands
    body = rows.filter(published_at__lte=at).values_list("body", flat=True).last()
    if body is None:
        return demands
    said = json.loads(bytes(body))
    allowed, most = said["consortium_allowed"], said["consortium_members_max"]
    return replace(
        demands,
        conditions=[row["code"] for row in said["parts"]["conditions"]],
        metrics=[row["code"] for row in said["parts"]["metrics"]],
        budget_cny=Decimal(said["budget_cny"]),
        consortium_max=most if allowed else 1,
    )


def demands_of_bid(scenario: Scenario, bid: Bid) -> Demands:
    """By the version of the bid that is to be opened: the newest."""
    rows = BidVersion.objects.filter(bid=bid).order_by("number")
    at = rows.values_list("received_at", flat=True).last()
    if at is None:
        return demands_of(scenario, bid.organisation)
    return demands_then(scenario, bid.organisation, at)
