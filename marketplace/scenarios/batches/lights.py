"""The colour of a task, by rule and never typed. Pure.

- green: done, or more days left than the warning, and not behind;
- amber: due within the warning, or behind: less done than half of the time that has passed says;
- red: the due day is over and it is not done.
"""

from __future__ import annotations

from datetime import date

GREEN, AMBER, RED = "green", "amber", "red"
WARN_DAYS = 3


def light(*, today: date, begun: date, due: date, progress: int) -> str:
    """progress: percent from 0 to 100; 100 is done. due: the last day on which it is in time."""
    if progress >= 100:
        return GREEN
    if today > due:
        return RED
    if (due - today).days < WARN_DAYS:
        return AMBER
    whole, passed = (due - begun).days, (today - begun).days
    behind = whole > 0 and progress * whole * 2 < passed * 100
    return AMBER if behind else GREEN
