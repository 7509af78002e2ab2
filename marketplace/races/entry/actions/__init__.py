"""From the committee's report to the first heat."""

from marketplace.races.entry.actions.agreements import (
    accept_agreement,
    decline_agreement,
    offer_agreements,
)
from marketplace.races.entry.actions.shortlist import publicise_shortlist, shortlist
from marketplace.races.entry.actions.start import START_GUARDS, end_entry, start_race

__all__ = [
    "START_GUARDS",
    "accept_agreement",
    "decline_agreement",
    "end_entry",
    "offer_agreements",
    "publicise_shortlist",
    "shortlist",
    "start_race",
]
