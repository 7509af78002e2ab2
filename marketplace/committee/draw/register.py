"""The register that invitations carry: bidders and their partners among vendors who did not bid."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from marketplace.accounts.models import Organisation
from marketplace.accounts.queries import related_organisations
from marketplace.bidding.consortia.queries import taking_part
from marketplace.bidding.queries import standing_bids
from marketplace.committee.draw import numbers
from marketplace.committee.draw.models import RegisterEntry
from marketplace.committee.queries import rules_of
from marketplace.scenarios.models import Scenario

# For each concerned line so many decoys at least, so that a guess stays a guess.
DECOYS_EACH = 2


class Line(NamedTuple):
    uscc: str
    name: str
    organisation: Organisation | None
    concerned: bool


def fill(scenario: Scenario) -> None:
    """Write the register once; every round and every invitation shows the same lines.

    Different ones could be held against each other, and would tell the bidders. Who joined a
    consortium since the first round is kept out by the automatic check, not by this list.
    """
    if RegisterEntry.objects.filter(scenario=scenario).exists():
        return
    lines = {line.uscc: line for line in concerned(scenario)}
    vendors = Organisation.objects.filter(is_vendor=True, is_office=False)
    vendors = vendors.exclude(verified_at=None).exclude(pk=scenario.organisation_id)
    others = [row for row in vendors.order_by("pk") if row.uscc not in lines]
    wanted = max(numbers.decoys_min(rules_of(scenario)), DECOYS_EACH * len(lines))
    chance = secrets.SystemRandom()
    near = related(lines)
    for row in chance.sample(others, min(wanted, len(others))):
        # Under the same control as a bidder: a tick there excludes as well.
        lines[row.uscc] = Line(row.uscc, row.name, row, row.pk in near)
    shuffled = list(lines.values())
    chance.shuffle(shuffled)
    RegisterEntry.objects.bulk_create(
        RegisterEntry(
            scenario=scenario,
            position=position,
            organisation=line.organisation,
            name=line.name,
            uscc=line.uscc,
            concerned=line.concerned,
        )
        for position, line in enumerate(shuffled)
    )


def concerned(scenario: Scenario) -> list[Line]:
    bids = standing_bids(scenario).select_related("organisation")
    named = {bid.organisation.uscc: bid.organisation.name for bid in bids}
    for members in taking_part(bids).values():
        named |= {uscc: named.get(uscc, name) for uscc, name in members.items()}
    known = {row.uscc: row for row in Organisation.objects.filter(uscc__in=named)}
    return [
        Line(uscc, known[uscc].name if uscc in known else name, known.get(uscc), True)
        for uscc, name in named.items()
    ]


def related(lines: dict[str, Line]) -> set[int]:
    found: set[int] = set()
    for line in lines.values():
        if line.organisation is not None:
            found |= related_organisations(line.organisation)
    return found
