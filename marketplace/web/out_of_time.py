"""Pages whose step is not possible now say why, since when, and what can be done instead."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from marketplace.base.errors import DeadlinePassed, StateConflict, Text
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario, State
from marketplace.scenarios.queries import has_closed


class NotNow(StateConflict):
    """A refusal with its place on the page: since when, and what remains."""

    def __init__(
        self, message: Text, remedy: Text, *, since: datetime | None = None, code: str = ""
    ) -> None:
        super().__init__(message, code=code or self.code)
        self.since, self.remedy = since, remedy


def publication(scenario: Scenario) -> NotNow | None:
    """Why this demand cannot be published now; None when it can."""
    if scenario.state == State.DEMONSTRATED:
        return None
    if scenario.state in {State.REJECTED, State.WITHDRAWN}:
        return NotNow(
            _("This demand is over; it cannot be published."),
            _("Its owner may post it anew as a demand of its own."),
            since=scenario.ended_at,
        )
    if scenario.state in BEFORE_PUBLICATION:
        return NotNow(
            _("Only a demonstrated demand is published, and this one is not demonstrated yet."),
            _("Conclude the demonstration at the gate; then it can be published."),
        )
    return NotNow(
        _("This demand is on the board already."),
        _("Its text is frozen. Who needs it no more withdraws it while it is open for bids."),
        since=scenario.published_at,
    )


def withdrawal(scenario: Scenario, now: datetime) -> NotNow | None:
    """Why this demand cannot be withdrawn now; None when it can."""
    if scenario.state == State.PUBLISHED and not has_closed(scenario, now):
        return None
    if scenario.state in BEFORE_PUBLICATION:
        return NotNow(
            _(
                "A demand can be withdrawn only while it is open for bids; this one is not on the board."
            ),
            _("A draft is deleted on its own page; what is filed, the office may return."),
        )
    if scenario.state == State.WITHDRAWN:
        return NotNow(
            _("This demand is withdrawn already."),
            _("It stays visible with its reason. What is still needed is posted as a new demand."),
            since=scenario.ended_at,
        )
    return NotNow(
        _("The deadline has passed: the demand can no longer be withdrawn."),
        _("The bids are opened and reviewed. If none fits, the choice may end without an award."),
        since=scenario.deadline_at,
        code=DeadlinePassed.code,
    )
