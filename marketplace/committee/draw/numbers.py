"""The numbers of a rule profile that concern the draw, and what stands where it says nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketplace.scenarios.reference import RuleProfile
from marketplace.scenarios.windows import window_end

CHECKPOINT_WAIT = timedelta(minutes=30)
INVITATION_ANSWER = timedelta(days=1)
DECOYS_MIN = 6
# For each seat so many are put in order behind it.
RESERVE_PER_SEAT = 3
SEATS_MOST = 15
STRATA_MOST = 10


def until(profile: RuleProfile, name: str, otherwise: timedelta, from_at: datetime) -> datetime:
    """The end of the profile's window, or of our own length where it names none."""
    return window_end(profile, name, from_at) if name in profile.values else from_at + otherwise


def checkpoint_until(profile: RuleProfile, committed_at: datetime) -> datetime:
    """From then on the published fallback stands for a checkpoint that did not come."""
    return until(profile, "draw_checkpoint_wait", CHECKPOINT_WAIT, committed_at)


def answer_until(profile: RuleProfile, invited_at: datetime) -> datetime:
    return until(profile, "invitation_answer", INVITATION_ANSWER, invited_at)


def decoys_min(profile: RuleProfile) -> int:
    return profile.count("decoys_min") if "decoys_min" in profile.values else DECOYS_MIN


def reserve(profile: RuleProfile, seats: int) -> int:
    known = "draw_reserve" in profile.values
    return seats * (profile.count("draw_reserve") if known else RESERVE_PER_SEAT)
