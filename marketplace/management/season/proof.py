"""Steps of the season, each shown with the events it left, and expectations that must hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from marketplace.base.errors import DomainError
from marketplace.ledger.models import Event


class Proof:
    """Prints what happens and counts what did not hold."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.began = time.monotonic()
        self.held = self.failed = 0
        self.seen = 0

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step of the path: its name, its time and the events that it appended."""
        yield
        events = Event.objects.filter(pk__gt=self.seen).order_by("pk").values_list("pk", "kind")
        kinds: dict[str, int] = {}
        for pk, kind in events:
            self.seen = pk
            kinds[kind] = kinds.get(kind, 0) + 1
        shown = ", ".join(f"{kind}×{n}" if n > 1 else kind for kind, n in kinds.items())
        self.say(f"{self.elapsed:6.1f} s  {name:44} {shown}")

    def expect(self, what: str, *, found: object, expected: object) -> None:
        if found == expected:
            self.held += 1
            self.say(f"          ✓ {what}: {found}")
        else:
            self.failed += 1
            self.say(f"          ✗ {what}: expected {expected}, found {found}")

    def expect_refusal(self, what: str, code: str, deed: Callable[[], object]) -> None:
        """The deed must be refused with this code."""
        try:
            deed()
        except DomainError as refusal:
            self.expect(what, found=refusal.code, expected=code)
        else:
            self.expect(what, found="not refused", expected=code)
