"""Drafting the design of a race beside its demand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, Stale, StateConflict
from marketplace.base.rules import require
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.races.design.content import read
from marketplace.races.design.queries import is_race
from marketplace.races.models import RaceDesign
from marketplace.races.rules import can_design_race
from marketplace.scenarios.actions.found import find
from marketplace.scenarios.content import by_field
from marketplace.scenarios.models import BEFORE_PUBLICATION, OWNER_EDITS, State


@transaction.atomic
def save_design(
    *, actor: Actor, scenario_uid: UUID, revision: int, data: Mapping[str, Any]
) -> RaceDesign:
    """Write the design whole; it may be incomplete until the demand is published.

    revision: of the design that the form was filled from, 0 where there was none. A change after
    the demand was filed is told to the office. Raises Invalid with every fault, Stale, and
    StateConflict for a demand that is no race or is published or rejected.
    """
    scenario = find(actor, scenario_uid)
    require(can_design_race, actor, scenario)
    if not is_race(scenario):
        raise StateConflict(_("This demand is no race."), code="race.not_a_race")
    if scenario.state not in BEFORE_PUBLICATION or scenario.state == State.REJECTED:
        raise StateConflict(
            _("The design was frozen when the demand was published."), code="race_design.frozen"
        )
    row = RaceDesign.objects.select_for_update().filter(scenario=scenario).first()
    if (row.revision if row else 0) != revision:
        raise Stale(revision=row.revision if row else 0)
    content, faults = read(data)
    if faults:
        raise Invalid(errors=by_field(faults))
    if row is None:
        row = RaceDesign(scenario=scenario, revision=0)
    row.content = content
    row.revision += 1
    row.saved_by, row.saved_at = actor.person, clock.now()
    row.save()
    if scenario.state not in OWNER_EDITS:
        ledger.append(
            "race.design_changed",
            actor=actor,
            subjects=[row.uid, scenario.uid],
            audience=Audience.OFFICE,
            inputs=content,
            data={"revision": row.revision},
        )
    return row
