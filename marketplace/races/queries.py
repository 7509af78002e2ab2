"""What a race means for the rooms above: whose award waits for it, who is left to be awarded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from marketplace.base.actor import Actor
from marketplace.base.errors import StateConflict
from marketplace.bidding.models import Bid, BidState
from marketplace.committee.models import Ranking
from marketplace.races.design.queries import frozen_content
from marketplace.races.models import (
    Entrant,
    EntrantState,
    Race,
    RaceDesign,
    RaceState,
    VoidReason,
)
from marketplace.races.numbers import ENTRANTS_MIN
from marketplace.scenarios.models import OrganisingMode, Scenario, State

RUNNING = [RaceState.SHORTLISTED, RaceState.AGREEING, RaceState.RACING]


def awaiting_race(rows: QuerySet[Scenario]) -> QuerySet[Scenario]:
    """Those among demands to be decided whose race runs, or could still be entered."""
    candidates = (
        Bid.objects.filter(scenario=OuterRef("pk"), state=BidState.CANDIDATE)
        .order_by()
        .values("scenario")
        .annotate(n=Count("pk"))
        .filter(n__gte=ENTRANTS_MIN)
    )
    any_race = Race.objects.filter(scenario=OuterRef("pk"))
    running = Exists(any_race.filter(state__in=RUNNING))
    enterable = ~Exists(any_race) & Exists(candidates)
    designed = Exists(RaceDesign.objects.frozen().filter(scenario=OuterRef("pk")))
    return rows.filter(
        designed, running | enterable, organising_mode=OrganisingMode.RACE, state=State.DECISION
    )


def require_award_may_be_decided(scenario: Scenario) -> None:
    """Raise StateConflict while the race is to decide who is awarded, and where nobody passed it.

    A demand that is no race, one whose design was never frozen, and one with fewer than two
    candidates or entrants are decided as any other. The demand is locked.
    """
    race = Race.objects.filter(scenario=scenario).first()
    if race is not None and race.void_reason not in {"", VoidReason.TOO_FEW}:
        raise StateConflict(_("The race is void: no award follows from it."), code="race.void")
    if awaiting_race(Scenario.objects.filter(pk=scenario.pk)).exists():
        raise StateConflict(
            _("The race decides first: who wins it is awarded."), code="race.not_over"
        )


def require_nothing_runs(scenario: Scenario) -> None:
    """Raise StateConflict while vendors are entered: nobody ends the demand under a running race."""
    if Race.objects.filter(scenario=scenario, state__in=RUNNING).exists():
        raise StateConflict(
            _("A race of this demand runs; it is decided or void before the demand ends."),
            code="race.not_over",
        )


def finalists(scenario: Scenario) -> list[int] | None:
    """The bids that a decided race leaves, winner first, then reserves; None without such a race."""
    race = Race.objects.filter(scenario=scenario, state=RaceState.DECIDED).first()
    if race is None:
        return None
    rows = race.entrants.filter(state__in=[EntrantState.WINNER, EntrantState.RESERVE])
    order = {str(EntrantState.WINNER): 0, str(EntrantState.RESERVE): 1}
    found = rows.values_list("state", "place", "bid_id")
    return [bid for _state, _place, bid in sorted(found, key=lambda row: (order[row[0]], row[1]))]


def shortlistable(scenario: Scenario) -> list[Ranking]:
    """The report's candidates, best first."""
    rows = Ranking.objects.filter(report__scenario=scenario, bid__state=BidState.CANDIDATE)
    return list(
        rows.exclude(place=None).select_related("bid__organisation").order_by("place", "pk")
    )


def places(design: RaceDesign) -> int:
    """How many may enter."""
    return int(frozen_content(design)["entrants"])


def races_of(actor: Actor) -> QuerySet[Race]:
    rows = Race.objects.visible_to(actor)
    return rows.select_related("scenario__organisation", "scenario__profile", "design", "notice")


def knows_name(actor: Actor, race: Race, entrant: Entrant) -> bool:
    """Whose code it is: its own people always, everybody by the design's rule or after the race.

    Office, owner and tester meet codes while it runs; who is entered the notice has told them.
    """
    if actor.organisation_id is not None and actor.organisation_id == entrant.organisation_id:
        return True
    if race.started_at is not None and race.ended_at is not None:
        return True
    return frozen_content(race.design)["names"] == "names"


def entrants_shown(actor: Actor, race: Race) -> list[dict[str, Any]]:
    """In the order of their codes, each with its name only where this reader may know it."""
    rows = Entrant.objects.visible_to(actor).filter(race=race).select_related("organisation")
    return [
        {
            "entrant": row,
            "code": row.code,
            "mine": actor.organisation_id is not None
            and actor.organisation_id == row.organisation_id,
            "organisation": row.organisation if knows_name(actor, race, row) else None,
        }
        for row in rows.order_by("code")
    ]


def ranked_entrants(race: Race) -> Iterable[Entrant]:
    rows = race.entrants.select_related("organisation", "bid")
    return rows.order_by(F("place").asc(), "pk")


def still_in(race: Race) -> QuerySet[Entrant]:
    """Shortlisted and not gone since."""
    return race.entrants.filter(~Q(state=EntrantState.LEFT))
