"""What happens in the rooms above, in one line each, and who was told."""

from __future__ import annotations

from marketplace.base import queue
from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Event
from marketplace.notices.models import Notice
from marketplace.scenarios.models import Scenario


def happen(kind: str, scenario: Scenario) -> Event:
    return ledger.append(kind, actor=SYSTEM, subjects=[scenario.uid])


def deliver() -> None:
    """All that waits, and what that makes wait."""
    while queue.deliver_due():
        pass


def told(kind: str) -> set[int]:
    return set(Notice.objects.filter(kind=kind).values_list("user_id", flat=True))


def ids(*actors) -> set[int]:
    return {actor.user.pk for actor in actors}
