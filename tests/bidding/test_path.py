"""The way of a bid from sealing to the price, once and whole."""

from decimal import Decimal

from marketplace.bidding.actions import (
    check_condition,
    conclude_eligibility,
    start_eligibility,
)
from marketplace.bidding.models import Bid, BidState, OpenedEnvelope, OpenedFile, OpeningStage
from marketplace.bidding.opener import open_confirmed
from marketplace.ledger.models import Event
from tests import world
from tests.bidding import bids


def test_from_sealing_to_the_price(db, clock):
    scenario = world.published_scenario()
    version = bids.bid(scenario, files={"business": [("证照.pdf", b"%PDF-1.7 licence")]})
    bid = version.bid
    assert (version.number, bid.state, bid.versions_count) == (1, BidState.SUBMITTED, 1)

    bids.open_first(scenario, clock)
    bid.refresh_from_db()
    assert (bid.state, bid.blind_code, scenario.state) == (BidState.OPENED, "B01", "opened")
    assert OpenedFile.objects.get().name == "证照.pdf"
    forms = dict(OpenedEnvelope.objects.values_list("sealed__envelope", "form"))
    assert set(forms) == {"business", "technical"}
    assert forms["technical"]["commitments"] == {"M1": "99.2"}

    secretary = world.secretary()
    start_eligibility(actor=secretary, scenario_uid=scenario.uid)
    for code in ("Q1", "Q2"):
        check_condition(actor=secretary, bid_uid=bid.uid, condition_code=code, verdict="pass")
    conclude_eligibility(actor=secretary, scenario_uid=scenario.uid)
    bid.refresh_from_db()
    scenario.refresh_from_db()
    assert (bid.state, scenario.state) == (BidState.ELIGIBLE, "review")

    bids.request_prices(scenario, secretary)
    bids.confirm(scenario, OpeningStage.PRICE)
    assert open_confirmed(bids.identity()) == 1
    assert Bid.objects.get().price_cny == Decimal("900000.00")
    events = Event.objects.exclude(kind="key.published").order_by("pk")
    kinds = list(events.values_list("kind", flat=True))
    assert kinds == [
        "bid.submitted",
        "scenario.published",
        "scenario.closed",
        "opening.requested",
        "confirmation.given",
        "confirmation.given",
        "opening.confirmed",
        "bid.opened",
        "opening.finished",
        "eligibility.started",
        "condition.checked",
        "condition.checked",
        "bid.qualified",
        "eligibility.concluded",
        "panel.technical_locked",
        "opening.requested",
        "confirmation.given",
        "confirmation.given",
        "opening.confirmed",
        "bid.opened",
        "opening.finished",
    ]
