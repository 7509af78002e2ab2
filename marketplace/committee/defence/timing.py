"""The windows of the named stage, by the frozen profile; our own where it names none."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketplace.scenarios.reference import RuleProfile
from marketplace.scenarios.windows import window_end

ANSWER, NOTICE = "panel_question_answer", "defence_notice_min"
OTHERWISE = {ANSWER: timedelta(days=1), NOTICE: timedelta(days=1)}


def end(profile: RuleProfile, name: str, from_at: datetime) -> datetime:
    if name in profile.values:
        return window_end(profile, name, from_at)
    return from_at + OTHERWISE[name]
