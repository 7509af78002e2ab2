"""Reading an entry: the notice, the agreements, and what waits for whom."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from marketplace.base.actor import Actor
from marketplace.races.models import (
    AgreementAcceptance,
    AgreementSide,
    AgreementState,
    Entrant,
    Race,
    RaceAgreement,
    RaceState,
    ShortlistNotice,
)
from marketplace.races.numbers import ENTRANTS_MIN
from marketplace.races.queries import awaiting_race
from marketplace.scenarios.models import Scenario


def read(row: ShortlistNotice | RaceAgreement) -> dict[str, Any]:
    """What a frozen text says."""
    found: dict[str, Any] = json.loads(bytes(row.body))
    return found


def unlisted() -> QuerySet[Scenario]:
    """Demands whose shortlist is to be made."""
    rows = awaiting_race(Scenario.objects.filter(suspended=False))
    return rows.filter(race__isnull=True)


def unpublicised() -> QuerySet[Race]:
    rows = Race.objects.filter(state=RaceState.SHORTLISTED, notice__isnull=True)
    return rows.filter(scenario__suspended=False)


def unoffered(now: datetime) -> QuerySet[Race]:
    """The window of their notice is over, and nothing is offered yet."""
    rows = Race.objects.filter(state=RaceState.SHORTLISTED, notice__ends_at__lte=now)
    return rows.filter(scenario__suspended=False)


def to_start(now: datetime) -> QuerySet[Race]:
    """At their agreements, with nothing more to wait for: to be started, or ended with too few."""
    waiting = Entrant.objects.filter(race=OuterRef("pk"), state="shortlisted", agreed_at=None)
    rows = Race.objects.filter(state=RaceState.AGREEING, scenario__suspended=False)
    return rows.filter(Q(agree_by__lte=now) | ~Exists(waiting))


def unaccepted(side: str, now: datetime) -> QuerySet[RaceAgreement]:
    """Offered, in time, and not accepted by this side."""
    accepted = AgreementAcceptance.objects.filter(agreement=OuterRef("pk"), side=side)
    rows = RaceAgreement.objects.filter(
        state=AgreementState.OFFERED,
        entrant__race__state=RaceState.AGREEING,
        entrant__race__agree_by__gt=now,
        entrant__race__scenario__suspended=False,
    )
    return rows.exclude(Exists(accepted))


def waiting_agreements(actor: Actor, now: datetime) -> QuerySet[RaceAgreement]:
    """Those that wait for this actor's organisation."""
    if actor.organisation_id is None:
        return RaceAgreement.objects.none()
    vendor = unaccepted(AgreementSide.VENDOR, now).filter(
        entrant__organisation=actor.organisation_id
    )
    owner = unaccepted(AgreementSide.OWNER, now).filter(
        entrant__race__scenario__organisation=actor.organisation_id
    )
    rows = RaceAgreement.objects.filter(
        Q(pk__in=vendor.values("pk")) | Q(pk__in=owner.values("pk"))
    )
    return rows.select_related("entrant__race__scenario__organisation", "entrant__organisation")


def of_race(actor: Actor, race: Race) -> list[dict[str, Any]]:
    """Every agreement that this actor sees, in the ranking's order, with who has accepted."""
    rows = RaceAgreement.objects.visible_to(actor).filter(entrant__race=race)
    rows = rows.select_related("entrant__organisation").prefetch_related("acceptances")
    return [
        {
            "row": row,
            "sides": {acceptance.side: acceptance for acceptance in row.acceptances.all()},
        }
        for row in rows.order_by("entrant__place", "version")
    ]


def can_still_race(races: Collection[Race], now: datetime) -> set[int]:
    """Those of which two or more are left: agreed, or in time to agree."""
    left = Entrant.objects.filter(race__in=[race.pk for race in races]).exclude(state="left")
    left = left.filter(Q(agreed_at__isnull=False) | Q(race__agree_by__gt=now))
    counted = left.order_by().values("race").annotate(n=Count("pk"))
    return set(counted.filter(n__gte=ENTRANTS_MIN).values_list("race", flat=True))
