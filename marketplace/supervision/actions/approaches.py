"""打招呼登记: whoever is approached files it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid
from marketplace.base.rules import require
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.supervision.models import Approach
from marketplace.supervision.rules import can_register_approach
from marketplace.supervision.words import words

WHO_MOST = 200
WHAT_MOST = 4000


@transaction.atomic
def register_approach(
    *,
    actor: Actor,
    who: str,
    happened_at: datetime,
    what: str,
    scenario_uid: UUID | None = None,
) -> Approach:
    """File who approached the actor, when, about which demand, and what was said. Raises Invalid.

    Comes before any pledge: nothing may stand between being approached and saying so.
    """
    require(can_register_approach, actor, None, unpledged=True)
    who = words(who, WHO_MOST, field="who", lines=False)
    what = words(what, WHAT_MOST, field="what")
    if happened_at > clock.now():
        raise Invalid(errors={"happened_at": [_("This lies in the future.")]})
    approach = Approach.objects.create(
        filer=actor.person,
        organisation=actor.organisation,
        role=actor.role,
        scenario_uid=scenario_uid,
        who=who,
        happened_at=happened_at,
        what=what,
    )
    ledger.append(
        "approach.registered",
        actor=actor,
        subjects=[approach.uid],
        audience=Audience.INSPECTION,
        inputs={"who": who, "what": what, "at": happened_at, "scenario": scenario_uid},
    )
    return approach
