"""When bids are taken: computed from state and clock, so it holds although no worker runs."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.errors import DeadlinePassed, DomainError, StateConflict
from marketplace.bidding.models import AFTER_CLOSING
from marketplace.scenarios.models import Scenario, State


def require_before_deadline(scenario: Scenario, now: datetime) -> None:
    """Half-open: a bid received at the deadline itself is late."""
    taking = scenario.state == State.PUBLISHED and not scenario.suspended
    after = taking or scenario.state in AFTER_CLOSING
    if after and scenario.deadline_at is not None and now >= scenario.deadline_at:
        raise DeadlinePassed(
            _("The deadline has passed: bids were received before %(deadline)s (Beijing time)."),
            deadline=f"{scenario.deadline_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}",
        )


def require_open(scenario: Scenario, now: datetime) -> None:
    """Raise unless bids are taken at this moment. Nothing here depends on a worker."""
    require_before_deadline(scenario, now)
    require_taking(scenario)


def require_taking(scenario: Scenario) -> None:
    """Raise unless bids are taken here, whatever the clock says."""
    if scenario.state != State.PUBLISHED:
        raise StateConflict(_("This demand does not take bids now."), code="scenario.not_open")
    if scenario.suspended:
        raise StateConflict(
            _("This demand is suspended; bids are not taken until it goes on."),
            code="scenario.suspended",
        )
    if scenario.profile is None or not scenario.profile.takes_bids:
        raise StateConflict(
            _("Under this rule profile bids are handed in elsewhere, not on this platform."),
            code="scenario.takes_no_bids",
        )


def refusal_to_take_bids(scenario: Scenario, now: datetime) -> DomainError | None:
    """Why no bid is taken at this moment, for a page that shows it beforehand; None if one is."""
    try:
        require_open(scenario, now)
    except DomainError as error:
        return error
    return None
