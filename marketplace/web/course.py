"""Where a scenario stands on its way, as the steps that everybody reads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.ledger.models import Event
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario, State
from marketplace.scenarios.queries import has_closed

STEPS: tuple[str | Promise, ...] = (
    gettext_lazy("Publication"),
    gettext_lazy("Deadline"),
    gettext_lazy("Opening"),
    gettext_lazy("Review"),
    gettext_lazy("Publicity"),
    gettext_lazy("Award"),
    gettext_lazy("Implementation"),
    gettext_lazy("Acceptance"),
)
# The step that is going on in each state.
PRESENT = {
    State.PUBLISHED: 1,
    State.CLOSED: 2,
    State.OPENED: 3,
    State.ELIGIBILITY: 3,
    State.REVIEW: 3,
    State.DECISION: 4,
    State.PUBLICITY: 4,
    State.AWARDED: 5,
    State.IMPLEMENTING: 6,
    State.ACCEPTED: 8,
}
ENDED = {State.WITHDRAWN, State.FAILED, State.TERMINATED}
# The public event that dates a step.
DATED_BY = {
    2: ("opening.finished",),
    3: ("review.finished",),
    4: ("award.publicised",),
    5: ("award.confirmed",),
    7: ("scenario.accepted",),
}


def shown_state(scenario: Scenario, now: datetime) -> str:
    """The state by the clock: closed from the deadline on, whatever the sweep has recorded."""
    if scenario.state == State.PUBLISHED and has_closed(scenario, now):
        return State.CLOSED.value
    return scenario.state


def steps(scenario: Scenario, history: Iterable[Event], now: datetime) -> list[dict[str, Any]]:
    """The eight steps for the stepper: done, now, next or failed, each with its date if it has one."""
    events = {event.kind: event for event in history}
    state = State(shown_state(scenario, now))
    if state in BEFORE_PUBLICATION:
        return [{"label": label, "state": "next"} for label in STEPS]
    ended = state in ENDED
    present = _step_of_end(scenario, events) if ended else PRESENT[state]
    told = []
    for place, label in enumerate(STEPS):
        step: dict[str, Any] = {"label": label, "state": _standing(place, present, ended=ended)}
        # A step that stands ahead again, after a winner's refusal, has lost its date.
        if place < 2 or place < present or (place == present and state != State.DECISION):
            step |= _dated(place, scenario, events)
        if place == present:
            step |= _now(scenario, state)
        told.append(step)
    return told


def _standing(place: int, present: int, *, ended: bool) -> str:
    if place < present:
        return "done"
    if place > present:
        return "next"
    return "failed" if ended else "now"


def _step_of_end(scenario: Scenario, events: dict[str, Event]) -> int:
    event = events.get(f"scenario.{scenario.state}")
    left = event.from_state if event else State.PUBLISHED
    return PRESENT.get(State(left or State.PUBLISHED), 1)


def _dated(place: int, scenario: Scenario, events: dict[str, Event]) -> dict[str, Any]:
    if place < 2:
        return {"at": scenario.published_at if place == 0 else scenario.deadline_at}
    dated = [events[kind].at for kind in DATED_BY.get(place, ()) if kind in events]
    return {"at": dated[0]} if dated else {}


def _now(scenario: Scenario, state: State) -> dict[str, Any]:
    if state in ENDED:
        return {"at": scenario.ended_at, "note": state.label}
    notes = {
        State.CLOSED: _("waits for the key holders"),
        State.OPENED: _("before the eligibility check"),
        State.ELIGIBILITY: _("eligibility check"),
        State.DECISION: _("being decided"),
    }
    return {"note": notes[state]} if state in notes else {}
