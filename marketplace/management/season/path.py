"""The season's path: one demand, eight vendors, everything that can happen to a bid."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from marketplace.base import clock
from marketplace.bidding import actions as bidding
from marketplace.bidding.models import Bid, BidVersion, OpenedEnvelope, OpeningStage
from marketplace.committee.models import Ranking
from marketplace.files.storage import path_of
from marketplace.indicators.queries import open_demands
from marketplace.ledger.log import tiles
from marketplace.ledger.models import Receipt
from marketplace.ledger.receipts import document, public_key_text
from marketplace.ledger.verify import verify
from marketplace.management.season import offline
from marketplace.management.season.content import Content
from marketplace.management.season.people import People
from marketplace.management.season.play import Play, seconds_from_now, wait_until
from marketplace.management.season.proof import Proof
from marketplace.scenarios.demonstration.queries import demonstrators
from marketplace.scenarios.documents.queries import published_with
from marketplace.scenarios.models import State

CODE = "S09"
BIDDING_SECONDS = 6
HOLDERS = ["keyholder1", "keyholder2", "keyholder3"]
EXPERTS = ["e4", "e7", "e9"]
# vendor: what becomes of its bid
REVISED, SECOND = "v3", "v4"
INELIGIBLE, DAMAGED, WITHDRAWN, LATE = "v6", "v9", "v10", "v2"
RELATED = ("v1", "v8")


class Season(Play):
    """The play of one scenario, with vendors that the seeds do not give it."""

    def forms(self, vendor: str) -> dict[str, Any]:
        """The seed's own bid, or for an added vendor a cheaper or dearer copy of another's."""
        if any(bid["vendor"] == vendor for bid in self.content.bids[CODE]):
            return self.content.bid(CODE, vendor)
        return copy.deepcopy(self.content.bid(CODE, INELIGIBLE))

    def _vendor_of(self, bid: Bid) -> str:
        """Added vendors are scored as the one whose texts they copied."""
        vendor = super()._vendor_of(bid)
        known = {row["vendor"] for row in self.content.bids[CODE]}
        return vendor if vendor in known else INELIGIBLE

    def content_code(self, bid: Bid) -> str:
        """The seed's short name of the bidder."""
        return super()._vendor_of(bid)


def play_season(
    content: Content, people: People, proof: Proof, change_master: Callable[[], None]
) -> None:
    """Walk the whole path. What does not hold is counted by the proof, never raised.

    change_master: once, while the bids wait sealed.
    """
    play = Season(content, people, CODE)
    to_the_board(play, proof)
    bids(play, proof)
    sealed = tiles.newest()
    change_master()
    opening(play, proof)
    eligibility(play, proof)
    review(play, proof)
    award(play, proof)
    counting(play, proof)
    offline.seal(proof)
    assert sealed is not None, "the bids were sealed"
    offline.log_holds(sealed.size, bytes(sealed.root), proof)
    offline.receipts_hold(play, SECOND, proof)


def to_the_board(play: Season, proof: Proof) -> None:
    later = seconds_from_now(3600)
    with proof.step("the enterprise drafts and submits"):
        play.draft(profile="D", award_mode="owner_choice", deadline_at=later)
        play.submit()
    with proof.step("three experts demonstrate, the secretary concludes"):
        play.start_demonstration()
        play.conclude_demonstration()
    proof.expect(
        "who demonstrated and may not review", found=len(demonstrators(play.scenario)), expected=3
    )
    with proof.step("the five documents are filed and checked"):
        play.file_documents()
    there = sum(paper.there for paper in published_with(play.scenario))
    proof.expect("documents before publication", found=there, expected=5)
    with proof.step("another officer publishes"):
        deadline_at = seconds_from_now(BIDDING_SECONDS)
        play.publish(keyholders=HOLDERS, deadline_at=deadline_at)
    proof.expect("state", found=play.scenario.state, expected=State.PUBLISHED)
    proof.expect("envelope keys", found=play.scenario.envelope_keys.count(), expected=3)


def bids(play: Season, proof: Proof) -> None:
    with proof.step("seven vendors seal and submit"):
        for vendor in (REVISED, SECOND, INELIGIBLE, DAMAGED, WITHDRAWN, *RELATED):
            play.bid(vendor, play.forms(vendor))
    with proof.step(f"{REVISED} revises"):
        play.bid(REVISED, play.forms(REVISED))
    with proof.step(f"{WITHDRAWN} withdraws"):
        bid = play.bid_of(WITHDRAWN)
        bidding.withdraw_bid(actor=play.people.actor(WITHDRAWN), bid_uid=bid.uid)
    receipts = Receipt.objects.all()
    for receipt in receipts:
        verify(document(receipt), published_key=public_key_text())
    proof.expect("receipts that verify", found=receipts.count(), expected=9)
    offline.seal(proof)
    offline.receipts_hold(play, REVISED, proof)
    seen = Bid.objects.visible_to(play.officer).count()
    proof.expect("bids the office can see before the deadline", found=seen, expected=0)
    own = Bid.objects.visible_to(play.people.actor(REVISED)).count()
    proof.expect("bids a bidder can see", found=own, expected=1)
    with proof.step(f"bytes of {DAMAGED} are damaged on the disk"):
        damage(play.bid_of(DAMAGED))
    proof.expect_refusal(
        "a confirmation before the deadline",
        "deadline.not_reached",
        lambda: play.confirm(OpeningStage.FIRST, HOLDERS[0]),
    )
    deadline_at = play.scenario.deadline_at
    assert deadline_at is not None, "published scenarios have a deadline"
    wait_until("the deadline", lambda: clock.now() >= deadline_at)
    proof.expect_refusal(
        f"{LATE} comes late", "deadline.passed", lambda: play.bid(LATE, play.forms(LATE))
    )


def damage(bid: Bid) -> None:
    """Flip one byte of the newest technical envelope, as a failing disk would."""
    version = BidVersion.objects.filter(bid=bid).order_by("-number")[0]
    path = path_of(version.envelopes.get(envelope="technical").stored_name)
    body = bytearray(path.read_bytes())
    body[-100] ^= 1
    path.write_bytes(bytes(body))


def opening(play: Season, proof: Proof) -> None:
    with proof.step("the clock closes it"):
        play.wait_for_deadline()
    proof.expect("state", found=play.scenario.state, expected=State.CLOSED)
    with proof.step("one key holder confirms twice"):
        play.confirm(OpeningStage.FIRST, HOLDERS[0], HOLDERS[0])
    proof.expect("opened by one person", found=OpenedEnvelope.objects.count(), expected=0)
    with proof.step("a second one confirms; the opener opens"):
        play.confirm(OpeningStage.FIRST, HOLDERS[1])
        play.wait_for_opening()
    states = {vendor: play.bid_of(vendor).state for vendor in (REVISED, DAMAGED, WITHDRAWN)}
    proof.expect(
        "what came of them",
        found=states,
        expected={REVISED: "opened", DAMAGED: "unopened", WITHDRAWN: "withdrawn"},
    )
    fault = OpenedEnvelope.objects.filter(sealed__version__bid=play.bid_of(DAMAGED))
    outcomes = fault.values_list("sealed__envelope", "outcome")
    proof.expect(
        "whose fault",
        found=dict(outcomes)["technical"],
        expected="platform_fault",
    )
    numbers = OpenedEnvelope.objects.filter(sealed__version__bid=play.bid_of(REVISED))
    opened = set(numbers.values_list("sealed__version__number", flat=True))
    proof.expect("version opened of the revised bid", found=opened, expected={2})
    proof.expect("prices read so far", found=prices(play), expected=0)


def prices(play: Season) -> int:
    return Bid.objects.filter(scenario__uid=play.uid, price_cny__isnull=False).count()


def eligibility(play: Season, proof: Proof) -> None:
    with proof.step("the secretary checks each condition"):
        play.start_eligibility()
        for vendor in (REVISED, SECOND, *RELATED):
            play.check(vendor)
        play.check(INELIGIBLE, failing="Q3", reason="所附业绩不能核实。")
        play.conclude_eligibility()
    states = {
        vendor: play.bid_of(vendor).state for vendor in (REVISED, SECOND, INELIGIBLE, *RELATED)
    }
    proof.expect(
        "after the check",
        found=states,
        expected={
            REVISED: "eligible",
            SECOND: "eligible",
            INELIGIBLE: "ineligible",
            RELATED[0]: "void",
            RELATED[1]: "void",
        },
    )


def review(play: Season, proof: Proof) -> None:
    with proof.step("a panel of three declares and begins"):
        play.appoint(EXPERTS)
    with proof.step("blind sheets, then named ones, locked"):
        play.score("technical", EXPERTS)
        play.score("named", EXPERTS)
    proof.expect("prices read before the price opening", found=prices(play), expected=0)
    with proof.step("two key holders confirm the prices"):
        play.confirm(OpeningStage.PRICE, *HOLDERS[1:])
        play.wait_for_prices()
    proof.expect("prices read", found=prices(play), expected=2)
    with proof.step("the report is made"):
        play.finish_review()
    ranking = Ranking.objects.filter(report__scenario__uid=play.uid).order_by("place")
    order = [play.content_code(row.bid) for row in ranking]
    proof.expect("ranking", found=order, expected=[REVISED, SECOND])


def award(play: Season, proof: Proof) -> None:
    with proof.step("the owner chooses the first"):
        play.decide(REVISED)
    with proof.step("the office publicises"):
        play.publicise()
    with proof.step("the window ends and the office confirms"):
        play.confirm_award()
    proof.expect("state", found=play.scenario.state, expected=State.AWARDED)
    states = {vendor: play.bid_of(vendor).state for vendor in (REVISED, SECOND)}
    proof.expect("result", found=states, expected={REVISED: "won", SECOND: "lost"})


def counting(play: Season, proof: Proof) -> None:
    _indicator, count = open_demands()
    proof.expect("open demands, broadly", found=len(count.broad.together), expected=1)
    proof.expect("open demands, strictly", found=len(count.strict.together), expected=1)
    proof.expect("of them in the plan period", found=len(count.broad.in_period), expected=0)
