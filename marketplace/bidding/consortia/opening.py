"""What the end of the first stage finds about those who bid together."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marketplace.base.actor import OPENER
from marketplace.bidding.actions.eligibility import void_bid, void_words
from marketplace.bidding.consortia.models import ConsortiumMember
from marketplace.bidding.consortia.queries import business_forms
from marketplace.bidding.models import Bid, BidState
from marketplace.bidding.queries import bids_with_shared_members, standing_bids
from marketplace.scenarios.models import Scenario


def settle_consortia(scenario: Scenario) -> None:
    """Write down who bids together; void every opened bid of whoever takes part in two.

    scenario: locked by the caller. A bid that could not be opened took part as well (L2 §37): what
    is known of it counts, itself it is out already.
    """
    bids = list(standing_bids(scenario).select_related("organisation").order_by("pk"))
    forms = business_forms(bids)
    ConsortiumMember.objects.bulk_create(
        row for bid in bids for row in rows_of(bid, forms.get(bid.pk, {}))
    )
    shared = bids_with_shared_members(scenario)
    opened = Bid.objects.filter(pk__in=shared, state=BidState.OPENED).order_by("pk")
    for bid in opened.select_for_update(of=("self",)):
        void_bid(actor=OPENER, scenario=scenario, bid=bid, reason=void_words(shared[bid.pk]))


def rows_of(bid: Bid, form: dict[str, Any]) -> list[ConsortiumMember]:
    """The lead first; nothing for who bids alone."""
    members = form.get("consortium") or []
    if not members:
        return []
    lead = {
        "name": bid.organisation.name,
        "uscc": bid.organisation.uscc,
        "work": form["lead_work"],
        "share_percent": form["lead_share_percent"],
    }
    return generation(bid, 0, [lead, *members])


def generation(bid: Bid, number: int, members: list[dict[str, Any]]) -> list[ConsortiumMember]:
    return [
        ConsortiumMember(
            bid=bid,
            generation=number,
            lead=place == 0,
            name=row["name"],
            uscc=row["uscc"],
            work=row["work"],
            share_percent=Decimal(row["share_percent"]),
        )
        for place, row in enumerate(members)
    ]
