"""Reading attempts: one's own, the quota that is left, the place in the queue, which one counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db.models import QuerySet

from marketplace.base.actor import Actor
from marketplace.races.attempts.models import (
    WAITING,
    Attempt,
    AttemptState,
    EvaluationTurn,
)
from marketplace.races.models import Heat, HeatEntry, Race
from marketplace.races.plans import Plan, is_measured, plan_of

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Quota:
    """Attempts that may still be handed in today, and in all."""

    today: int
    total: int

    @property
    def left(self) -> int:
        return min(self.today, self.total)


def quota_left(entry: HeatEntry, plan: Plan, day: date) -> Quota:
    """day: in Shanghai. Exact where the caller holds the entry's lock."""
    spent = Attempt.objects.filter(entry=entry).spending()
    total = spent.count()
    today = spent.filter(received_date=day).count() if total else 0
    return Quota(plan["attempts_day"] - today, plan["attempts_total"] - total)


def own_entries(actor: Actor, race: Race) -> QuerySet[HeatEntry]:
    """The heats of a race in which the actor's organisation runs and hands in files."""
    rows = HeatEntry.objects.filter(
        heat__race=race, entrant__organisation=actor.organisation_id
    ).select_related("heat__race__design", "entrant")
    measured = [row.pk for row in rows if is_measured(plan_of(row.heat))]
    return rows.filter(pk__in=measured).order_by("heat__number")


def attempts_of(actor: Actor, entry: HeatEntry) -> QuerySet[Attempt]:
    """Newest first, with their runs."""
    rows = Attempt.objects.visible_to(actor).filter(entry=entry)
    return rows.select_related("run", "user").order_by("-number")


def queue_places(attempts: list[Attempt]) -> dict[int, int]:
    """{pk: place} of the queued ones among these; 1 is served next.

    The vendor served longest ago comes first, each with one file at a time: so a vendor's k-th
    waits for k files of those before it and for k - 1 of those behind it, if they have as many.
    """
    if not any(one.state == AttemptState.QUEUED for one in attempts):
        return {}
    queued = Attempt.objects.filter(state=AttemptState.QUEUED).order_by("due_at", "pk")
    lines: dict[int, list[int]] = {}
    for organisation, pk in queued.values_list("organisation", "pk"):
        lines.setdefault(organisation, []).append(pk)
    served = dict(EvaluationTurn.objects.values_list("organisation", "served_at"))
    turns = {
        organisation: (organisation in served, served.get(organisation, NEVER), number)
        for number, organisation in enumerate(lines)
    }
    places: dict[int, int] = {}
    for one in attempts:
        line = lines.get(one.organisation_id, [])
        if one.pk not in line:
            continue
        mine, own = line.index(one.pk) + 1, turns[one.organisation_id]
        others = sum(
            min(len(theirs), mine if turns[other] < own else mine - 1)
            for other, theirs in lines.items()
            if other != one.organisation_id
        )
        places[one.pk] = mine + others
    return places


def unsettled(heat: Heat) -> QuerySet[Attempt]:
    """Those that were handed in in time and are not measured yet."""
    return Attempt.objects.filter(entry__heat=heat, state__in=WAITING)


def counting(heat: Heat) -> dict[int, Attempt]:
    """{HeatEntry pk: the attempt that counts}, by the design: the last scored, or the chosen one.

    Where nothing was chosen the last scored one counts. Not a question of visibility: upper code
    says what of it may be shown.
    """
    rows = Attempt.objects.filter(entry__heat=heat, state=AttemptState.SCORED)
    found = {row.entry_id: row for row in rows.select_related("run").order_by("number")}
    if plan_of(heat)["choice"] == "chosen":
        found |= {row.entry_id: row for row in rows.select_related("run").filter(chosen=True)}
    return found
