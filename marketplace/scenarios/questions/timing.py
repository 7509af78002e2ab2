"""Until when one may ask, when an answer is due, and how long an owed one holds the deadline."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketplace.base.clock import SHANGHAI, day_starts_at
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.reference import RuleProfile
from marketplace.scenarios.windows import (
    later_deadline,
    whole_milliseconds,
    window_end,
    window_start,
)

LEAD, ANSWER, HOLD = "objection_to_documents_lead", "question_answer", "question_holds_deadline"


def asked_until(scenario: Scenario) -> datetime | None:
    """Half-open: a question at this instant is late. None where none are taken at all."""
    profile, deadline = scenario.profile, scenario.deadline_at
    if profile is None or deadline is None or LEAD not in profile.values:
        return None
    return window_start(profile, LEAD, deadline)


def answer_due(profile: RuleProfile, asked_at: datetime) -> datetime:
    """The end of the profile's window. From then on the office may answer too."""
    return window_end(profile, ANSWER, asked_at)


def holds(profile: RuleProfile | None) -> bool:
    return profile is not None and HOLD in profile.values and profile.says(HOLD)


def held_deadline(profile: RuleProfile, deadline: datetime, at: datetime) -> datetime:
    """The deadline that leaves bidders, after an answer of this instant, what they are owed.

    That is as long as a question of the last day, answered on its last day, would have left them:
    the lead less the time for an answer. A deadline far enough away stays. Days are counted from
    that of `at`, and the time of day stays; seconds are followed by the time for an answer, so
    that a deadline in a demo does not move with every sweep.
    """
    gap = max(0, profile.count(LEAD) - profile.count(ANSWER))
    if profile.unit(LEAD) == "second":
        if deadline >= at + timedelta(seconds=gap):
            return deadline
        return whole_milliseconds(at + timedelta(seconds=gap + profile.count(ANSWER)))
    day = at.astimezone(SHANGHAI).date() + timedelta(days=gap)
    return later_deadline(deadline, day_starts_at(day))
