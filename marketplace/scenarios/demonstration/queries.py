"""Rounds of demonstration: who may be asked, who was, what may be concluded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count as Count_
from django.db.models import Q

from marketplace.accounts.models import User
from marketplace.base import clock
from marketplace.base.canonical import plain
from marketplace.experts import queries as experts
from marketplace.experts.queries import Conflict
from marketplace.scenarios.demonstration.conclusion import Count, admissible, counted
from marketplace.scenarios.demonstration.models import (
    Demonstration,
    DemonstrationOpinion,
    DemonstrationSeat,
    SeatState,
)
from marketplace.scenarios.demonstration.numbers import OPINION_DAYS, experts_least
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.queries import stored_content
from marketplace.scenarios.windows import due_by


@dataclass(frozen=True)
class Candidate:
    """Somebody of the pool, with what ties him to the demand's owner and whether he sits already."""

    user: User
    ties: list[Conflict]
    seated: bool

    @property
    def barred(self) -> bool:
        return self.seated or any(tie.hard for tie in self.ties)


def candidates(scenario: Scenario, users: list[User] | None = None) -> list[Candidate]:
    """Everybody of the pool (or these). The number of queries does not grow with them."""
    users = experts.pool() if users is None else users
    ties = experts.conflicts_of(users, [scenario.organisation])
    seats = DemonstrationSeat.objects.filter(
        demonstration__scenario=scenario, demonstration__concluded_at=None
    )
    seated = set(seats.values_list("user_id", flat=True))
    return [Candidate(user, ties[user.pk], user.pk in seated) for user in users]


def open_round(scenario: Scenario) -> Demonstration | None:
    return scenario.demonstrations.filter(concluded_at=None).first()


def rounds(scenario: Scenario) -> list[Demonstration]:
    """Oldest first, with their seats and people."""
    rows = scenario.demonstrations.order_by("number")
    return list(rows.prefetch_related("seats__user").select_related("concluded_by"))


def demonstrators(scenario: Scenario) -> set[int]:
    """Ids of who gave an opinion on this demand, or on another round of its listing.

    Whoever demonstrated a demand does not review its bids: for the committee's room.
    """
    root = scenario.root_id or scenario.pk
    seats = DemonstrationSeat.objects.filter(state=SeatState.OPINED)
    own = seats.filter(demonstration__scenario_id=scenario.pk)
    others = seats.filter(demonstration__scenario__root_id=root)
    first = seats.filter(demonstration__scenario_id=root)
    return set((own | others | first).values_list("user_id", flat=True))


def opinions_of(demonstration: Demonstration) -> list[DemonstrationOpinion]:
    rows = DemonstrationOpinion.objects.filter(seat__demonstration=demonstration)
    return list(rows.select_related("seat__user").order_by("seat_id"))


@dataclass(frozen=True)
class Standing:
    """How a round stands. why_not: what keeps it from being concluded now; else empty."""

    waited: int
    count: Count
    outcomes: set[str]
    enough: bool

    @property
    def concludable(self) -> bool:
        return self.enough


def standing(demonstration: Demonstration, now: datetime) -> Standing:
    """It is concluded once nobody is waited for, or the time is over, with enough opinions."""
    rows = [row.plain for row in opinions_of(demonstration)]
    waited = demonstration.seats.filter(state=SeatState.INVITED).count()
    least = experts_least(demonstration.scenario.profile)
    enough = len(rows) >= least and (waited == 0 or now >= demonstration.due_at)
    return Standing(waited, counted(rows), admissible(rows) if enough else set(), enough)


def snapshot(scenario: Scenario) -> dict[str, Any]:
    """The demand as its owner typed it, as JSON keeps it."""
    content = stored_content(scenario)
    body: dict[str, Any] = plain({"values": content.values, "rows": content.rows})
    return body


def text_before(scenario: Scenario, demonstration: Demonstration) -> dict[str, Any] | None:
    """What the round before this one was asked about, to show what changed since."""
    rows = scenario.demonstrations.filter(number__lt=demonstration.number)
    return rows.order_by("-number").values_list("body", flat=True).first()


def time_for_opinions(scenario: Scenario) -> datetime:
    """Until when experts are asked to answer where nobody says otherwise."""
    return due_by(scenario.profile, "opinion_max", OPINION_DAYS, clock.now())


def open_rounds(now: datetime) -> dict[int, bool]:
    """{demand's id: whether its open round may be concluded now}. One query."""
    waited = Q(seats__state=SeatState.INVITED)
    rows = Demonstration.objects.filter(concluded_at=None).annotate(
        waited=Count_("seats", filter=waited),
        opined=Count_("seats", filter=Q(seats__state=SeatState.OPINED)),
    )
    return {
        row.scenario_id: row.opined >= experts_least(row.scenario.profile)
        and (row.waited == 0 or now >= row.due_at)
        for row in rows.select_related("scenario__profile")
    }
