"""入围: the first of the report's ranking, and the notice that says so."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical
from marketplace.base.errors import Invalid, NotFound, StateConflict, Text
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.bidding.actions.eligibility import require_running
from marketplace.committee.queries import rules_of
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.races.design.queries import is_race
from marketplace.races.entry.text import notice
from marketplace.races.models import Entrant, Race, RaceDesign, RaceState, ShortlistNotice
from marketplace.races.numbers import ENTRANTS_MIN, publicity_until
from marketplace.races.queries import places, shortlistable
from marketplace.races.rules import can_publicise_shortlist, can_shortlist
from marketplace.scenarios.disclosure.mask import refuse_naming, speaking
from marketplace.scenarios.models import AwardMode, Scenario, State

REASON_MIN = 20


@transaction.atomic
def shortlist(
    *,
    actor: Actor,
    scenario_uid: UUID,
    entrants: int | None = None,
    reason: str = "",
    minutes_number: str = "",
) -> Race:
    """Shortlist the first `entrants` of the report's ranking; without a number all that may enter.

    Fewer than the design and the ranking allow only with reasons, never fewer than two: who they
    are is not chosen. A collective decision names its minutes. Codes are given in random order.
    Raises Invalid and StateConflict.
    """
    scenario = lock(Scenario, uid=scenario_uid)
    if not Scenario.objects.visible_to(actor).filter(pk=scenario.pk).exists():
        raise NotFound
    require(can_shortlist, actor, scenario)
    design = _enterable(scenario)
    ranked = shortlistable(scenario)
    most = min(places(design), len(ranked))
    if most < ENTRANTS_MIN:
        raise StateConflict(
            _("Fewer than two candidates: no race. One of them is chosen, or the listing fails."),
            code="race.too_few",
        )
    number = most if entrants is None else entrants
    _check(scenario, number, most, reason.strip(), minutes_number.strip())
    race = Race.objects.create(
        scenario=scenario,
        design=design,
        reason=reason.strip(),
        minutes_number=minutes_number.strip(),
        shortlisted_by=actor.person,
        shortlisted_at=clock.now(),
    )
    codes = [f"R{place}" for place in range(1, number + 1)]
    secrets.SystemRandom().shuffle(codes)
    for row, code in zip(ranked[:number], codes, strict=True):
        assert row.place is not None, "only what has a place is shortlisted"
        Entrant.objects.create(
            race=race,
            bid=row.bid,
            organisation=row.bid.organisation,
            code=code,
            place=row.place,
        )
    ledger.append(
        "race.shortlisted",
        actor=actor,
        subjects=[race.uid, scenario.uid],
        audience=Audience.OFFICE,
        to_state=race.state,
        reason=race.reason,
        profile_version=rules_of(scenario).label,
        data={"entrants": number, "places": places(design)},
    )
    return race


def _enterable(scenario: Scenario) -> RaceDesign:
    """The frozen design of a demand to be decided that has no race yet."""
    require_running(scenario)
    if not is_race(scenario):
        raise StateConflict(_("This demand is no race."), code="race.not_a_race")
    if scenario.state != State.DECISION:
        raise StateConflict(
            _("A race is entered after the report of the review."), code="race.state"
        )
    design = RaceDesign.objects.frozen().filter(scenario=scenario).first()
    if design is None:
        raise StateConflict(
            _("No design of a race was frozen with this demand: no race can start."),
            code="race.no_design",
        )
    if Race.objects.filter(scenario=scenario).exists():
        raise StateConflict(_("The shortlist is made already."), code="race.shortlisted")
    return design


def _check(scenario: Scenario, number: int, most: int, reason: str, minutes: str) -> None:
    errors: dict[str, list[Text]] = {}
    if not ENTRANTS_MIN <= number <= most:
        sentence = _("From %(least)s to %(most)s vendors.") % {"least": ENTRANTS_MIN, "most": most}
        errors["entrants"] = [sentence]
    elif number < most and len(reason) < REASON_MIN:
        errors["reason"] = [_("Fewer than may enter only with reasons of at least 20 characters.")]
    if scenario.award_mode == AwardMode.COLLECTIVE and not minutes:
        errors["minutes_number"] = [_("Give the number of the minutes.")]
    if errors:
        raise Invalid(errors=errors, code="race.shortlist")
    refuse_naming(scenario, {"reason": reason})


@transaction.atomic
def publicise_shortlist(
    *, actor: Actor, race_uid: UUID, ends_at: datetime | None = None
) -> ShortlistNotice:
    """入围公示: publish the notice and start its window. By an officer who did not make the list.

    ends_at: a later end than the rules ask for, never an earlier one (Invalid). Raises
    CalendarMissing where the window needs a calendar that is not on file.
    """
    scenario = lock(Scenario, race__uid=race_uid)
    race = find_race(actor, race_uid)
    require(can_publicise_shortlist, actor, race)
    require_running(scenario)
    if race.state != RaceState.SHORTLISTED or ShortlistNotice.objects.filter(race=race).exists():
        raise StateConflict(_("The shortlist is publicised already."), code="shortlist.publicised")
    starts_at = clock.now()
    least = publicity_until(rules_of(scenario), starts_at)
    if ends_at is not None and ends_at < least:
        raise Invalid(
            errors={"ends_at": [_("The publicity is shorter than the rules allow.")]},
            code="publicity.short",
        )
    ends_at = ends_at or least
    body = canonical(notice(race, starts_at=starts_at, ends_at=ends_at))
    row = ShortlistNotice.objects.create(
        race=race,
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        starts_at=starts_at,
        ends_at=ends_at,
        published_by=actor.person,
    )
    ledger.append(
        "race.shortlist_publicised",
        actor=speaking(actor, scenario),
        subjects=[row.uid, race.uid, scenario.uid],
        audience=Audience.PUBLIC,
        profile_version=rules_of(scenario).label,
        data={"ref": scenario.ref, "ends_at": ends_at, "sha256": row.sha256},
    )
    return row


def find_race(actor: Actor, race_uid: UUID) -> Race:
    """The race, locked. Raises NotFound also for one that the actor may not see."""
    if not Race.objects.visible_to(actor).filter(uid=race_uid).exists():
        raise NotFound
    return lock(Race, uid=race_uid)
