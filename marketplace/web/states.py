"""How a state looks: its word, its tone and its drawing. Colour never stands alone."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# Paths in a 16 by 16 box, drawn as 1.5 px strokes.
ICONS = {
    "dot": "M8 6.2a1.8 1.8 0 1 0 0 3.6a1.8 1.8 0 1 0 0-3.6",
    "draft": "M3 13l.6-2.8L10.8 3l2.2 2.2l-7.2 7.2z",
    "wait": "M8 2.2a5.8 5.8 0 1 0 0 11.6a5.8 5.8 0 1 0 0-11.6M8 4.8V8l2.2 1.6",
    "open": "M2.5 8h9M8 4.2L11.8 8L8 11.8M13.8 3.5v9",
    "lock": "M4 7.2h8v6H4zM5.6 7.2V5a2.4 2.4 0 0 1 4.8 0v2.2",
    "unlock": "M4 7.2h8v6H4zM5.6 7.2V5a2.4 2.4 0 0 1 4.6-.9",
    "eye": "M1.8 8S4 3.8 8 3.8S14.2 8 14.2 8S12 12.2 8 12.2S1.8 8 1.8 8M8 6.6"
    "a1.4 1.4 0 1 0 0 2.8a1.4 1.4 0 1 0 0-2.8",
    "check": "M2.8 8.6l3.2 3.2l7-7.4",
    "cross": "M4 4l8 8M12 4l-8 8",
    "back": "M6 4L2.5 7.5L6 11M2.5 7.5h7a3.5 3.5 0 0 1 0 7H8",
    "star": "M8 2l1.8 3.9l4.2.5l-3.1 2.9l.8 4.2L8 11.4l-3.7 2.1l.8-4.2L2 6.4l4.2-.5z",
    "warn": "M8 2.4L14.2 13H1.8zM8 6.4v3.2M8 11.2v.3",
    "info": "M8 2.2a5.8 5.8 0 1 0 0 11.6a5.8 5.8 0 1 0 0-11.6M8 7.4v3.4M8 5v.3",
    "file": "M4 1.8h5l3.2 3.2v9.2H4zM8.8 2v3.2H12",
    "down": "M8 2.5v8M4.5 7.2L8 10.7l3.5-3.5M3 13.5h10",
    "org": "M2.5 13.5h11M4 13.5v-11h5v11M9 6h3v7.5M6 5h1M6 7.5h1M6 10h1",
    "person": "M8 2.4a2.6 2.6 0 1 0 0 5.2a2.6 2.6 0 1 0 0-5.2M3 13.8c0-2.8 2.2-4.4 5-4.4s5 1.6 5 4.4",
    "search": "M7 2.6a4.4 4.4 0 1 0 0 8.8a4.4 4.4 0 1 0 0-8.8M10.2 10.2l3.4 3.4",
    "filter": "M2.2 3.2h11.6L9.4 8.4v4.4l-2.8 1V8.4z",
    "seal": "M8 1.8l5 1.8v4c0 3.2-2 5.4-5 6.6c-3-1.2-5-3.4-5-6.6v-4zM5.6 8l1.8 1.8l3.2-3.4",
    "plus": "M8 3v10M3 8h10",
    "bell": "M3.2 11.4h9.6c-1-1-1.3-2-1.3-4.2a3.5 3.5 0 0 0-7 0c0 2.2-.3 3.2-1.3 4.2M6.8 13.6h2.4",
}


class Badge(NamedTuple):
    label: str | Promise
    tone: str  # neutral, info, good, warn, bad
    icon: str


# A code that several rooms use has one look; its word comes from the row where one is given.
STATES = {
    # scenarios
    "draft": Badge(_("Draft"), "neutral", "draft"),
    "submitted": Badge(_("Submitted"), "info", "wait"),
    "demonstrating": Badge(_("In demonstration"), "info", "eye"),
    "returned": Badge(_("Returned"), "warn", "back"),
    "rejected": Badge(_("Rejected"), "bad", "cross"),
    "demonstrated": Badge(_("Demonstrated"), "info", "check"),
    "published": Badge(_("Open for bids"), "good", "open"),
    "closed": Badge(_("Closed"), "warn", "lock"),
    "opened": Badge(_("Opened"), "info", "unlock"),
    "eligibility": Badge(_("Eligibility check"), "info", "eye"),
    "review": Badge(_("In review"), "info", "eye"),
    "decision": Badge(_("To be decided"), "info", "wait"),
    "publicity": Badge(_("In publicity"), "info", "wait"),
    "awarded": Badge(_("Awarded"), "good", "star"),
    "implementing": Badge(_("Implementing"), "info", "wait"),
    "accepted": Badge(_("Accepted"), "good", "check"),
    "withdrawn": Badge(_("Withdrawn by the owner"), "neutral", "back"),
    "failed": Badge(_("Failed listing"), "bad", "cross"),
    "terminated": Badge(_("Terminated"), "bad", "cross"),
    "suspended": Badge(_("Suspended"), "warn", "warn"),
    # bids and openings
    "unopened": Badge(_("Could not be opened"), "bad", "warn"),
    "eligible": Badge(_("Eligible"), "good", "check"),
    "ineligible": Badge(_("Not eligible"), "bad", "cross"),
    "candidate": Badge(_("Candidate"), "info", "star"),
    "won": Badge(_("Awarded"), "good", "star"),
    "lost": Badge(_("Not awarded"), "neutral", "dot"),
    "void": Badge(_("Void"), "neutral", "cross"),
    "waiting": Badge(_("Waiting for confirmations"), "warn", "wait"),
    "superseded": Badge(_("Void: the deadline moved"), "neutral", "back"),
    "impossible": Badge(_("Can never happen"), "bad", "cross"),
    "finished": Badge(_("Finished"), "good", "check"),
    # panels, members, sheets
    "appointed": Badge(_("Appointed"), "info", "person"),
    "technical": Badge(_("Scoring blind"), "info", "eye"),
    "named": Badge(_("Scoring by name"), "info", "person"),
    "price": Badge(_("Waiting for the prices"), "info", "wait"),
    "signing": Badge(_("Report being signed"), "info", "wait"),
    "reported": Badge(_("Reported"), "good", "file"),
    "signed": Badge(_("Signed"), "good", "check"),
    "dissented": Badge(_("Dissented in writing"), "warn", "warn"),
    "silent": Badge(_("Said nothing in time: counts as consent"), "neutral", "dot"),
    "invited": Badge(_("To declare"), "warn", "wait"),
    "declared": Badge(_("Declared free of interests"), "good", "check"),
    "recused": Badge(_("Recused"), "neutral", "back"),
    "open": Badge(_("Open"), "info", "dot"),
    "locked": Badge(_("Locked"), "good", "lock"),
    # decisions
    "proposed": Badge(_("Proposed"), "info", "wait"),
    "publicised": Badge(_("In publicity"), "info", "wait"),
    "confirmed": Badge(_("Confirmed"), "good", "check"),
    "refused": Badge(_("Refused by the winner"), "bad", "cross"),
    "annulled": Badge(_("Annulled after a challenge"), "bad", "cross"),
    # races
    "shortlisted": Badge(_("Shortlisted"), "info", "star"),
    "agreeing": Badge(_("Race agreements"), "info", "wait"),
    "racing": Badge(_("Racing"), "good", "open"),
    "decided": Badge(pgettext_lazy("race", "Decided"), "good", "star"),
    "advanced": Badge(_("Advanced"), "good", "check"),
    "eliminated": Badge(_("Eliminated"), "neutral", "cross"),
    "left": Badge(_("Left"), "neutral", "back"),
    "disqualified": Badge(_("Disqualified"), "bad", "cross"),
    "winner": Badge(_("Winner"), "good", "star"),
    "reserve": Badge(_("Reserve"), "info", "person"),
    "offered": Badge(pgettext_lazy("agreement", "Offered"), "warn", "wait"),
    "agreed": Badge(pgettext_lazy("agreement", "Accepted by both"), "good", "check"),
    "declined": Badge(pgettext_lazy("agreement", "Declined"), "neutral", "back"),
    "lapsed": Badge(pgettext_lazy("agreement", "Lapsed"), "neutral", "cross"),
    # tasks
    "green": Badge(_("On course"), "good", "check"),
    "amber": Badge(_("Needs attention"), "warn", "warn"),
    "red": Badge(_("Overdue"), "bad", "cross"),
    # documents of the gate
    "there": Badge(_("There"), "good", "check"),
    "outdated": Badge(_("Speaks of an older text or sum"), "warn", "back"),
    "missing": Badge(_("Missing"), "neutral", "dot"),
    # attempts, courses, heats
    "queued": Badge(_("Queued"), "info", "wait"),
    "running": Badge(_("Being measured"), "info", "wait"),
    "scored": Badge(_("Scored"), "good", "check"),
    "cancelled": Badge(_("Cancelled"), "neutral", "back"),
    "checking": Badge(_("Being checked"), "info", "wait"),
    "fixed": Badge(_("Fixed"), "good", "lock"),
    "planned": Badge(_("Planned"), "neutral", "dot"),
    "measuring": Badge(_("Being measured"), "info", "eye"),
    # checks
    "pending": Badge(_("Pending"), "neutral", "wait"),
    "passed": Badge(_("Passed"), "good", "check"),
    "verified": Badge(_("Verified"), "good", "check"),
}


def badge_for(code: str) -> Badge:
    """The look of a state code; an unknown one is shown as it is, in a neutral tone."""
    return STATES.get(code) or Badge(code, "neutral", "dot")


# What can still be done after a refusal, by its code, where the page knows nothing better.
REMEDIES: dict[str, str | Promise] = {
    "state.conflict": _("Reload the page to see where the matter stands now."),
    "state.stale": _("Copy what you typed, reload the page, and enter it again where it fits."),
    "deadline.passed": _("What you handed in before the deadline stays valid and unchanged."),
    "deadline.not_reached": _("Come back when the time has come; the page shows the hour."),
    "not_allowed": _("Switch to the organisation you want to act for, or ask its owner."),
    "pledge.missing": _("Sign your pledges, then do this again; nothing you typed is lost."),
    "limit.rate": _("Wait a minute, then try again; nothing you typed is lost."),
}
