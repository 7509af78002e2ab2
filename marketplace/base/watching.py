"""What a monitor makes of its questions, pure: which time counts as an outage, and what is known.

An outage is two failed questions in a row; it began at the first of them and ends at the first one
that is answered well. What the monitor did not ask about is no outage. No Django, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Piece:
    """Of an outage: [from, until)."""

    from_at: datetime
    until_at: datetime
    what: str


class Watch:
    """Takes answers in the order of time; keeps the pieces that are not in the database yet.

    gap: the most between two questions; after a longer one the monitor itself was away, and what
    failed before and after it is not one row. seen_ready: until the site was seen ready once,
    failures count for nothing: the address may be a wrong one.
    """

    def __init__(
        self, *, gap: timedelta, seen_ready: bool = False, pending: list[Piece] | None = None
    ) -> None:
        self.gap = gap
        self.seen_ready = seen_ready
        self.pending = list(pending or [])
        # How far the record is complete once everything pending is written.
        self.known_until: datetime | None = None
        self._last: datetime | None = None
        self._failures = 0
        self._since: datetime | None = None
        self._what = ""

    @property
    def going_on(self) -> bool:
        return self._failures >= 2

    def note(self, at: datetime, problem: str) -> None:
        """The question of this instant was answered well (no problem), or how it failed."""
        if self._last and not timedelta() < at - self._last <= self.gap:
            self._forget()
        self._last = at
        if problem:
            self._failed(at, problem)
            return
        if self._since and self.going_on:
            self._add(self._since, at)
        self._forget()
        self.seen_ready, self.known_until = True, at

    def _failed(self, at: datetime, problem: str) -> None:
        if not self.seen_ready:
            return
        self._failures += 1
        if self._since is None:
            self._since, self._what = at, problem
        if self.going_on:
            self._add(self._since, at)
            self._since = self.known_until = at

    def _add(self, start: datetime, end: datetime) -> None:
        if self.pending and self.pending[-1].until_at == start:
            self.pending[-1] = replace(self.pending[-1], until_at=end)
        else:
            self.pending.append(Piece(start, end, self._what))

    def _forget(self) -> None:
        self._failures, self._since, self._what = 0, None, ""

    def is_due(self, piece: timedelta) -> bool:
        """Whether to write: an outage has ended, or its piece is long enough."""
        if not self.pending:
            return False
        first = self.pending[0]
        return not self.going_on or first.until_at - first.from_at >= piece

    def written(self, pieces: list[Piece]) -> None:
        """These are in the database; what was added to one of them meanwhile stays."""
        for done in pieces:
            kept = self.pending[0]
            if kept.until_at == done.until_at:
                del self.pending[0]
            else:
                self.pending[0] = replace(kept, from_at=done.until_at)
