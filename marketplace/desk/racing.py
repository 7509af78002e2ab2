"""What a race asks of whom, as lines of a desk."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from django.urls import reverse

from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.desk.acts import LABELS
from marketplace.desk.tasks import LIMIT, Task, line
from marketplace.races.entry import queries
from marketplace.races.models import AgreementState, Race, RaceAgreement, RaceState
from marketplace.races.rules import (
    can_decline_agreement,
    can_publicise_shortlist,
    can_run_entry,
    side_of,
)
from marketplace.scenarios.models import AwardMode

PARTS = ("organisation", "domain")


def tasks(actor: Actor) -> list[Task]:
    """In a constant number of queries."""
    if actor.role == Role.OFFICER:
        return [*_lists(actor), *_office(actor)]
    if actor.role == Role.OWNER:
        return [*_lists(actor), *_agreements(actor)]
    return []


def _lists(actor: Actor) -> Iterator[Task]:
    rows = queries.unlisted()
    if actor.role == Role.OFFICER:
        rows, rule = rows.filter(award_mode=AwardMode.COLLECTIVE), "race_minutes"
    else:
        rows = rows.filter(award_mode=AwardMode.OWNER_CHOICE, organisation=actor.organisation)
        rule = "race_shortlist"
    for scenario in rows.select_related(*PARTS).order_by("pk")[:LIMIT]:
        yield line("shortlist", scenario, "race-entry", rule=rule)


def _office(actor: Actor) -> Iterator[Task]:
    now = clock.now()
    steps = [
        ("publicise_shortlist", queries.unpublicised().exclude(shortlisted_by=actor.user_id)),
        ("offer_agreements", queries.unoffered(now)),
        ("start_race", queries.to_start(now)),
    ]
    rules = {
        "publicise_shortlist": "race_notice",
        "offer_agreements": "race_offer",
        "start_race": "race_start",
    }
    for name, rows in steps:
        for race in rows.select_related("scenario__organisation").order_by("pk")[:LIMIT]:
            yield line(name, race.scenario, "race-entry", rule=rules[name])


def _agreements(actor: Actor) -> Iterator[Task]:
    for row in queries.waiting_agreements(actor, clock.now()).order_by("pk")[:LIMIT]:
        race = row.entrant.race
        task = Task(
            LABELS["accept_agreement"],
            race.scenario,
            reverse("race-agreement", args=[row.uid]),
            note=row.entrant.organisation.name,
        )
        yield replace(task, since_at=row.offered_at, due_at=race.agree_by)


def on_races(actor: Actor, races: Collection[Race], now: datetime) -> dict[int, list[str]]:
    """{race id: the moves of the API that this actor may make now}. races: with their notices."""
    mine = [race for race in races if can_run_entry(actor, race)]
    if not mine:
        return {}
    enough = queries.can_still_race(mine, now)
    startable = queries.to_start(now).filter(pk__in=[race.pk for race in mine])
    settled = set(startable.values_list("pk", flat=True))
    return {race.pk: _on_race(actor, race, now, enough, settled) for race in mine}


def _on_race(
    actor: Actor, race: Race, now: datetime, enough: set[int], settled: set[int]
) -> list[str]:
    notice = getattr(race, "notice", None)
    if race.state == RaceState.SHORTLISTED and notice is None:
        return ["publicise_shortlist"] if can_publicise_shortlist(actor, race) else []
    if race.state == RaceState.SHORTLISTED and notice is not None:
        return ["offer_agreements"] if now >= notice.ends_at else []
    if race.state != RaceState.AGREEING:
        return []
    if race.pk not in enough:
        return ["end_entry"]
    return ["start_race"] if race.pk in settled else []


def on_agreement(actor: Actor, row: RaceAgreement, accepted: set[str]) -> list[str]:
    race = row.entrant.race
    open_now = row.state == AgreementState.OFFERED and race.state == RaceState.AGREEING
    if not open_now or race.agree_by is None or clock.now() >= race.agree_by:
        return []
    side = side_of(actor, row)
    names = ["accept_agreement"] if side and side not in accepted else []
    return [*names, *(["decline_agreement"] if can_decline_agreement(actor, row) else [])]
