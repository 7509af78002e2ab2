"""What bids that were opened say of people: new members against the panel, challenged experts."""

from __future__ import annotations

from dataclasses import dataclass

from marketplace.base.actor import Actor
from marketplace.bidding.consortia.conflicts import conflicts_of_members, registered
from marketplace.bidding.consortia.models import ConsortiumChange, ConsortiumMember
from marketplace.bidding.consortia.queries import CHALLENGES
from marketplace.bidding.models import Bid, OpenedEnvelope
from marketplace.bidding.queries import standing_bids
from marketplace.committee.models import MemberState, PanelMember
from marketplace.experts import queries as experts
from marketplace.scenarios.models import Envelope, Scenario


def conflicts_of_change(change: ConsortiumChange) -> list[str]:
    """What speaks against the members that this change would bring in. For the office alone."""
    standing = ConsortiumMember.objects.filter(bid=change.bid, generation=change.replaces)
    known = set(standing.values_list("uscc", flat=True))
    fresh = [row for row in change.members if row["uscc"] not in known]
    told = conflicts_of_members(change.bid, fresh)
    seats = PanelMember.objects.filter(panel__scenario=change.bid.scenario)
    seats = seats.exclude(state=MemberState.RECUSED).select_related("user").order_by("pk")
    judges = [seat.user for seat in seats]
    # The names are told with the result.
    codes = {seat.user_id: seat.code for seat in seats}
    ties = experts.conflicts_of(judges, registered(fresh).values())
    for user in judges:
        told += [f"{codes[user.pk]}: {tie.sentence}" for tie in ties[user.pk] if tie.hard]
    return told


@dataclass(frozen=True)
class Challenge:
    """An expert whom a bidder challenged under seal, as it wrote it."""

    bid: Bid
    who: str
    reason: str


def challenges_of(scenario: Scenario) -> list[Challenge]:
    """Of every standing bid that was opened, by bid, in one query. Asks nobody's right: for the draw."""
    rows = OpenedEnvelope.objects.filter(
        sealed__version__bid__in=standing_bids(scenario),
        sealed__envelope=Envelope.BUSINESS,
        form__has_key=CHALLENGES,
    )
    opened = rows.select_related("sealed__version__bid__organisation")
    return [
        Challenge(row.sealed.version.bid, str(told["who"]), str(told["reason"]))
        for row in opened.order_by("sealed__version__bid_id")
        for told in (row.form or {})[CHALLENGES]
    ]


def challenges_shown(actor: Actor, scenario: Scenario) -> list[Challenge]:
    """To the office and nobody else."""
    return challenges_of(scenario) if actor.is_office else []
