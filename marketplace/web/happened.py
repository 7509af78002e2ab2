"""What happened to a demand, in plain words: one sentence for each kind of public event."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.ledger.log.queries import promised_by, sealed
from marketplace.ledger.models import Event
from marketplace.scenarios.actions.extension import Cause
from marketplace.scenarios.models import State
from marketplace.web.words import instant_text

# Every public kind that can have a demand for its subject; a test holds this against the actions.
SENTENCES: dict[str, str | Promise] = {
    "scenario.published": gettext_lazy("The demand was published; bids are taken until %(until)s."),
    "scenario.withdrawn": gettext_lazy("The owner withdrew the demand; no bid is ever opened."),
    "scenario.closed": gettext_lazy("The deadline passed; no bid is taken any more."),
    "scenario.deadline_extended": gettext_lazy(
        "This platform was away too long before the deadline, so the published rule moved it for"
        " everybody; bids are taken until %(until)s."
    ),
    "scenario.suspended": gettext_lazy("The office suspended the demand; no bid is taken."),
    "scenario.resumed": gettext_lazy("The demand goes on; bids are taken again."),
    "scenario.amended": gettext_lazy("The demand was amended; the change is numbered and shown."),
    "question.answered": gettext_lazy("Questions were answered, to everybody."),
    "scenario.failed": gettext_lazy("The demand failed: there will be no award."),
    "opening.finished": gettext_lazy("The bids were opened, after the key holders had confirmed."),
    "opening.failed": gettext_lazy(
        "Two officers found that the bids can never be opened: keys are lost. No bidder is at fault."
    ),
    "draw.committed": gettext_lazy(
        "The list from which the panel is drawn was fixed, under codes; nobody can change it."
    ),
    "draw.drawn": gettext_lazy("The panel was drawn by lot. Its names are told with the result."),
    "draw.voided": gettext_lazy(
        "A drawing of the panel was void: what had been deposited did not match. Another follows."
    ),
    "panel.technical_locked": gettext_lazy("All blind scores are locked; names are read only now."),
    "review.finished": gettext_lazy("The review ended; its report is fixed."),
    "race.shortlist_publicised": gettext_lazy(
        "The shortlist of the race was publicised, until %(until)s."
    ),
    "race.started": gettext_lazy("The race agreements are signed; the first heat is open."),
    "race.voided": gettext_lazy("Fewer than two vendors entered: the race is void."),
    "race.designed": gettext_lazy("The design of the race was frozen, and its hash kept."),
    "course.fixed": gettext_lazy(
        "The course of a heat was fixed: its inputs and its sealed truth by their hashes."
    ),
    "heat.opened": gettext_lazy("A heat of the race began; results are handed in."),
    "heat.closed": gettext_lazy("A heat of the race ended; nothing more is handed in."),
    "award.publicised": gettext_lazy("The result was publicised, until %(until)s."),
    "award.confirmed": gettext_lazy("The award was confirmed."),
    "award.refused": gettext_lazy("The winner refused the award."),
}
# Why a deadline moved, where it was not an outage.
MOVED: dict[str, str | Promise] = {
    Cause.QUESTION: gettext_lazy(
        "An answer to a question was late, so the published rule moved the deadline for everybody;"
        " bids are taken until %(until)s."
    ),
    Cause.AMENDMENT: gettext_lazy(
        "The demand was amended, and the deadline moved for everybody; bids are taken until"
        " %(until)s."
    ),
    Cause.SUSPENSION: gettext_lazy(
        "The demand goes on, and the deadline moved by the time for which it was suspended; bids"
        " are taken until %(until)s."
    ),
}
UNTIL = {
    "scenario.published": "deadline_at",
    "scenario.deadline_extended": "deadline_at",
    "award.publicised": "ends_at",
    "race.shortlist_publicised": "ends_at",
}


def sentence(event: Event) -> str:
    """An honest one for a kind that has no words yet."""
    words = SENTENCES.get(event.kind)
    if event.kind == "scenario.deadline_extended":
        words = MOVED.get(event.data.get("cause", ""), words)
    if words is None:
        return _("An event of the kind “%(kind)s”, for which this page has no words.") % {
            "kind": event.kind
        }
    told = event.data.get(UNTIL.get(event.kind, ""), "")
    return str(words) % {"until": instant_text(datetime.fromisoformat(told)) if told else "—"}


def extension(events: list[Event]) -> dict[str, Any] | None:
    """What moved the deadline last, for the demand's page; None where nothing did."""
    moved = [event for event in events if event.kind == "scenario.deadline_extended"]
    if not moved:
        return None
    told = moved[-1].data
    return {
        "at": moved[-1].at,
        "cause": told.get("cause", Cause.OUTAGE.value),
        "minutes": told.get("seconds", 0) // 60,
        "before": datetime.fromisoformat(told["before"]),
        "until": datetime.fromisoformat(told["deadline_at"]),
        "reopened": moved[-1].from_state == State.CLOSED,
    }


def lines(events: list[Event]) -> list[dict[str, Any]]:
    """For a page: each with its time, and its entry in the log or when it will have one."""
    entries = sealed(event.pk for event in events)
    told = []
    for event in events:
        index = entries.get(event.pk)
        told.append(
            {
                "at": event.at,
                "text": sentence(event),
                "index": index,
                "proof_url": reverse("log-proof", args=[index]) if index is not None else "",
                "promised_by": promised_by(event.at),
            }
        )
    return told
