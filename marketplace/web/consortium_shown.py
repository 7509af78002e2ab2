"""What a bid's page shows of its consortium."""

from __future__ import annotations

from typing import Any

from marketplace.base.actor import Actor
from marketplace.bidding.consortia.actions import CHANGE_BIDS, CHANGE_STATES
from marketplace.bidding.consortia.models import ChangeState
from marketplace.bidding.consortia.queries import changes_of, members_of
from marketplace.bidding.models import Bid
from marketplace.bidding.rules import can_decide_consortium_change, can_request_consortium_change
from marketplace.committee.queries import conflicts_of_change
from marketplace.web.forms.consortia import ChangeForm, DecideForm


def consortium_of(actor: Actor, bid: Bid, typed: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the bid's page shows of it; typed: a form that was refused, by its name."""
    members = members_of(actor, bid)
    if not members:
        return {}
    changes = changes_of(actor, bid)
    waiting = next((row for row in changes if row.state == ChangeState.REQUESTED), None)
    scenario = bid.scenario
    open_now = (
        scenario.state in CHANGE_STATES and bid.state in CHANGE_BIDS and not scenario.suspended
    )
    shown: dict[str, Any] = {"members": members, "changes": changes} | (typed or {})
    if open_now and waiting is None and can_request_consortium_change(actor, bid):
        most = scenario.consortium_members_max
        shown.setdefault("ask", ChangeForm(members=members, most=most))
    if open_now and waiting is not None and can_decide_consortium_change(actor, bid):
        shown.setdefault("decide", DecideForm(initial={"change": waiting.uid}))
        shown["conflicts"] = conflicts_of_change(waiting)
    return shown
