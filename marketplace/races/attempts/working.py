"""One piece of work for the evaluation: a course to be checked, else the next attempt."""

from __future__ import annotations

from marketplace.races.attempts import evaluating, turns
from marketplace.races.course import checking
from marketplace.races.course.models import Course, CourseState


def work_once(identity: str) -> bool:
    """Returns whether there was something to do."""
    return checking.check_next(identity) or evaluating.evaluate_next(identity)


def waits() -> bool:
    return Course.objects.filter(state=CourseState.CHECKING).exists() or turns.waits()
