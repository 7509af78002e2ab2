"""How many experts demonstrate, and how long they have: the profile's values, or these (待核)."""

from __future__ import annotations

from marketplace.scenarios.reference import RuleProfile

EXPERTS_LEAST = 3
EXPERTS_MOST = 5
# Days that the experts have where the profile names no window `opinion_max`.
OPINION_DAYS = 3


def experts_least(profile: RuleProfile | None) -> int:
    return _count(profile, "demonstration_experts_min", EXPERTS_LEAST)


def experts_most(profile: RuleProfile | None) -> int:
    return _count(profile, "demonstration_experts_max", EXPERTS_MOST)


def _count(profile: RuleProfile | None, name: str, otherwise: int) -> int:
    if profile is None or name not in profile.values:
        return otherwise
    return profile.count(name)
