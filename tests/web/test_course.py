"""The steps of a demand: each with its own date, or none."""

from datetime import UTC, datetime

import pytest

from marketplace.ledger.models import Event
from marketplace.scenarios.models import Scenario, State
from marketplace.web.course import steps

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
HISTORY = [
    Event(kind="opening.finished", at=datetime(2026, 11, 2, tzinfo=UTC)),
    Event(kind="review.finished", at=datetime(2026, 11, 3, tzinfo=UTC)),
    Event(kind="award.publicised", at=datetime(2026, 11, 4, tzinfo=UTC)),
]


@pytest.mark.parametrize(
    ("state", "publicity_day"),
    [(State.PUBLICITY, 4), (State.DECISION, None), (State.REVIEW, None), (State.AWARDED, 4)],
)
def test_a_step_that_stands_ahead_again_has_no_date(state, publicity_day):
    scenario = Scenario(
        state=state,
        published_at=datetime(2026, 10, 1, tzinfo=UTC),
        deadline_at=datetime(2026, 11, 1, tzinfo=UTC),
    )
    publicity = steps(scenario, HISTORY, NOW)[4]
    found = publicity.get("at")
    assert (found.day if found else None) == publicity_day
