"""The start of the first heat, or the end of an entry that came to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, StateConflict, TooEarly
from marketplace.base.locks import lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.actions.eligibility import require_running
from marketplace.committee.queries import rules_of
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.races.design.queries import frozen_content
from marketplace.races.entry.actions.shortlist import find_race
from marketplace.races.models import (
    AgreementState,
    Entrant,
    EntrantState,
    Heat,
    HeatEntry,
    HeatState,
    Race,
    RaceAgreement,
    RaceState,
    VoidReason,
)
from marketplace.races.numbers import ENTRANTS_MIN, heat_until
from marketplace.races.plans import is_measured
from marketplace.races.queries import still_in
from marketplace.races.rules import can_run_entry
from marketplace.scenarios.content import Fault, by_field
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.reference import RuleProfile

# What else must hold before the first heat opens (its hidden truth, for one), each telling faults.
START_GUARDS: list[Callable[[Race], Iterable[Fault]]] = []


@transaction.atomic
def start_race(*, actor: Actor, race_uid: UUID) -> Race:
    """Once all agreed, or at the end of the window those who did: open the first heat.

    Who has not agreed by then is out. The dates of all heats are computed; those of the first
    stand, the others are a forecast until their heat opens. Raises TooEarly while agreements may
    still be accepted, StateConflict with fewer than two, and Invalid with what the START_GUARDS
    tell.
    """
    scenario = lock_shared(Scenario, race__uid=race_uid)
    race = find_race(actor, race_uid)
    require(can_run_entry, actor, race)
    require_running(scenario)
    agreed, waiting = _standing(race)
    if waiting and not _over(race):
        raise TooEarly(_("Agreements may still be accepted."), code="race.agreeing")
    if len(agreed) < ENTRANTS_MIN:
        raise StateConflict(
            _("Fewer than two vendors agreed: the race cannot start."), code="race.too_few"
        )
    faults = [fault for guard in START_GUARDS for fault in guard(race)]
    if faults:
        raise Invalid(errors=by_field(faults), code="race.not_ready")
    now = clock.now()
    with override(settings.LANGUAGE_CODE):
        _leave(race, waiting, now, str(_("The race agreement was not accepted in time.")))
    heats = _heats(race, rules_of(scenario), now)
    grant = Decimal(frozen_content(race.design)["heats"][0]["grant_cny"])
    for entrant in agreed:
        move(entrant, EntrantState.RACING)
        HeatEntry.objects.create(heat=heats[0], entrant=entrant, grant_cny=grant)
    race.started_at = now
    left = move(race, RaceState.RACING, also=("started_at",))
    ledger.append(
        "race.started",
        actor=actor,
        subjects=[race.uid, scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=race.state,
        profile_version=rules_of(scenario).label,
        data={
            "ref": scenario.ref,
            "entrants": sorted(entrant.code for entrant in agreed),
            "heats": [_told(heat) for heat in heats],
        },
    )
    return race


@transaction.atomic
def end_entry(*, actor: Actor, race_uid: UUID) -> Race:
    """Fewer than two are left: the race is void, and the award is decided as without one, or fails.

    Raises StateConflict while two or more may still race.
    """
    scenario = lock_shared(Scenario, race__uid=race_uid)
    race = find_race(actor, race_uid)
    require(can_run_entry, actor, race)
    require_running(scenario)
    agreed, waiting = _standing(race)
    left_over = len(agreed) + (0 if _over(race) else len(waiting))
    if left_over >= ENTRANTS_MIN:
        raise StateConflict(_("Two or more vendors may still race."), code="race.enough")
    now = clock.now()
    with override(settings.LANGUAGE_CODE):
        words = str(_("Fewer than two vendors entered."))
        _leave(race, [*agreed, *waiting], now, words)
    race.ended_at, race.void_reason = now, VoidReason.TOO_FEW
    left = move(race, RaceState.VOID, also=("ended_at", "void_reason"))
    ledger.append(
        "race.voided",
        actor=actor,
        subjects=[race.uid, scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=race.state,
        profile_version=rules_of(scenario).label,
        data={"ref": scenario.ref, "reason": race.void_reason},
    )
    return race


def _standing(race: Race) -> tuple[list[Entrant], list[Entrant]]:
    """(who agreed, who has neither agreed nor left), locked."""
    if race.state != RaceState.AGREEING:
        raise StateConflict(_("This race is not at its agreements."), code="race.state")
    rows = list(still_in(race).select_for_update(of=("self",)).order_by("pk"))
    agreed = [row for row in rows if row.agreed_at is not None]
    return agreed, [row for row in rows if row.agreed_at is None]


def _over(race: Race) -> bool:
    assert race.agree_by is not None, "agreements are offered with a window"
    return clock.now() >= race.agree_by


def _leave(race: Race, entrants: Iterable[Entrant], now: datetime, words: str) -> None:
    for entrant in entrants:
        offered = RaceAgreement.objects.select_for_update().filter(
            entrant=entrant, state=AgreementState.OFFERED
        )
        for row in offered:
            row.settled_at = now
            move(row, AgreementState.LAPSED, also=("settled_at",))
        entrant.reason, entrant.ended_at = words, now
        move(entrant, EntrantState.LEFT, also=("reason", "ended_at"))


def _heats(race: Race, profile: RuleProfile, now: datetime) -> list[Heat]:
    """All of them, as they would follow one another; the first is open from now on.

    Unless files are measured in it: then it waits for its course, and the sweep opens it.
    """
    rows, starts_at = [], now
    for number, planned in enumerate(frozen_content(race.design)["heats"], start=1):
        ends_at = heat_until(profile, planned["days"], starts_at)
        at_once = number == 1 and not is_measured(planned)
        rows.append(
            Heat.objects.create(
                race=race,
                number=number,
                starts_at=starts_at,
                ends_at=ends_at,
                state=HeatState.OPEN if at_once else HeatState.PLANNED,
            )
        )
        # The next one waits until the result can no longer be objected to.
        starts_at = heat_until(profile, planned["objection_days"], ends_at)
    return rows


def _told(heat: Heat) -> dict[str, Any]:
    return {"number": heat.number, "starts_at": heat.starts_at, "ends_at": heat.ends_at}
