"""What the platform knows against a member that was not there when the bid was opened."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from marketplace.accounts.models import Membership, Organisation
from marketplace.accounts.queries import related_organisations
from marketplace.bidding.models import Bid
from marketplace.bidding.queries import parties_of


def conflicts_of_members(bid: Bid, members: list[dict[str, Any]]) -> list[str]:
    """A sentence for each tie of these members to other bids, the owner or the office."""
    others = [one for one in parties_of(bid.scenario, related=False) if one.bid.pk != bid.pk]
    known = registered(members)
    told = []
    for member in members:
        names = {"member": member["name"]}
        told += [
            _("“%(member)s” takes part in the bid of “%(other)s” as well.")
            % (names | {"other": other.bid.organisation.name})
            for other in others
            if member["uscc"] in other.members
        ]
        organisation = known.get(member["uscc"])
        if organisation is None:
            continue
        related = related_organisations(organisation)
        told += [
            _("“%(member)s” is under the same control as a party to the bid of “%(other)s”.")
            % (names | {"other": other.bid.organisation.name})
            for other in others
            if related & other.organisations
        ]
        if bid.scenario.organisation_id in related | {organisation.pk}:
            told.append(_("“%(member)s” is the demand owner, or under the same control.") % names)
        if tied_to_office(organisation, related):
            told.append(_("“%(member)s” is tied to the office that runs the procedure.") % names)
    return told


def registered(members: list[dict[str, Any]]) -> dict[str, Organisation]:
    """{USCC: organisation} of those that the platform knows."""
    rows = Organisation.objects.filter(uscc__in=[row["uscc"] for row in members])
    return {row.uscc: row for row in rows}


def tied_to_office(organisation: Organisation, related: set[int]) -> bool:
    """The office itself, one under its control, or one for which people of the office act."""
    offices = Organisation.objects.filter(is_office=True)
    if offices.filter(pk__in=related | {organisation.pk}).exists():
        return True
    staff = Membership.objects.filter(organisation__in=offices).values("user")
    return Membership.objects.filter(organisation=organisation, user__in=staff).exists()
