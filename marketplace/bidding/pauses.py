"""How long the opener rests between tries of what fails, each time twice as long."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

FIRST_SECONDS = 1.0
MOST_SECONDS = 300.0


class Pauses:
    """What failed, how often, and when it is tried again. Kept in memory: a restart tries at once.

    now: seconds that never go back; the wall clock is none of its business.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._resting: dict[Hashable, tuple[float, float]] = {}  # {key: (pause, until)}

    def rests(self, key: Hashable) -> bool:
        return key in self._resting and self._now() < self._resting[key][1]

    def failed(self, key: Hashable) -> bool:
        """Note one more failure. Returns whether it is the first in a row."""
        first = key not in self._resting
        pause = FIRST_SECONDS if first else min(self._resting[key][0] * 2, MOST_SECONDS)
        self._resting[key] = (pause, self._now() + pause)
        return first

    def went_well(self, key: Hashable) -> None:
        self._resting.pop(key, None)
