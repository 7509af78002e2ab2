"""Reading declarations that an opening can never happen, and what still speaks against one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.bidding.challenges import holders
from marketplace.bidding.failed.barriers import Facts
from marketplace.bidding.failed.models import FailedOpening, FailureState
from marketplace.bidding.models import Opening
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.windows import window_end

# Where the frozen profile names no `opening_failure_wait`.
WAIT = timedelta(days=7)


def failures(actor: Actor, opening: Opening) -> list[FailedOpening]:
    """Newest first."""
    rows = FailedOpening.objects.visible_to(actor).filter(opening=opening)
    return list(rows.select_related("declared_by", "decided_by").order_by("-pk"))


def failure_of(opening: Opening) -> FailedOpening | None:
    """The one that two officers agreed on."""
    rows = opening.failures.filter(state=FailureState.CONFIRMED)
    return rows.select_related("declared_by", "decided_by").first()


def announced_holders(scenario: Scenario) -> list[User]:
    """In the order of the publication."""
    uids = [UUID(text) for text in holders(scenario)]
    found = {user.uid: user for user in User.objects.filter(uid__in=uids)}
    return [found[uid] for uid in uids if uid in found]


def waits_until(opening: Opening) -> datetime:
    """Before it nobody may give up: so long after the deadline, and after the request."""
    scenario = opening.scenario
    assert scenario.deadline_at is not None, "what is closed had a deadline"
    begin = max(scenario.deadline_at, opening.created_at)
    profile = scenario.profile
    if profile is not None and "opening_failure_wait" in profile.values:
        return window_end(profile, "opening_failure_wait", begin)
    return begin + WAIT


def facts(opening: Opening, *, cause: str, lost: Iterable[UUID], now: datetime) -> Facts:
    confirmed = opening.confirmations.values_list("user__uid", flat=True)
    return Facts(
        cause=cause,
        needed=opening.confirmations_needed,
        holders=frozenset(UUID(text) for text in holders(opening.scenario)),
        lost=frozenset(lost),
        confirmed=frozenset(confirmed),
        waits_until=waits_until(opening),
        opener_at=opening.openable_at,
        now=now,
    )
