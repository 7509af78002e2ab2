"""What publication means for a design: complete before it, frozen by it. Registered when Django starts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from marketplace.base.actor import SYSTEM, Actor
from marketplace.base.canonical import canonical
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience, Event
from marketplace.races.design.content import FORMAT
from marketplace.races.design.queries import all_faults, is_race
from marketplace.races.models import RaceDesign
from marketplace.scenarios.actions.publication import GUARDS
from marketplace.scenarios.content import Fault
from marketplace.scenarios.models import Scenario

SCORING = "jiebang-race/1"


def design_complete(scenario: Scenario, actor: Actor) -> Iterator[Fault]:
    """A race is published with the whole of its rules, or not at all."""
    if not is_race(scenario):
        return
    row = RaceDesign.objects.filter(scenario=scenario).first()
    if row is None:
        sentence = _("A race is published with its design: heats, measures, grants. There is none.")
        yield Fault("race_design", "race_design.missing", sentence)
        return
    for fault in all_faults(scenario, row.content):
        said = _("Design of the race: %(fault)s") % {"fault": fault.message}
        yield Fault(f"race_design-{fault.field}", fault.rule, said)


def document(scenario: Scenario, content: dict[str, Any]) -> dict[str, Any]:
    """What is frozen: the design, of which demand it is, and by which formula it is scored."""
    return {
        "type": FORMAT,
        "scoring": SCORING,
        "demand": {"ref": scenario.ref, "uid": scenario.uid},
        "design": content,
    }


@ledger.project("scenario.published")
def freeze(event: Event) -> None:
    """Runs inside the publication: the bytes that are hashed are those that the guard let through."""
    scenario = Scenario.objects.get(uid=event.subjects[-1])
    row = RaceDesign.objects.select_for_update().filter(scenario=scenario).first()
    if row is None or not is_race(scenario):  # of a race the guard asks for one
        return
    row.body = canonical(document(scenario, row.content))
    row.sha256 = hashlib.sha256(row.body).hexdigest()
    row.frozen_at = event.at
    row.save(update_fields=["body", "sha256", "frozen_at"])
    ledger.append(
        "race.designed",
        actor=SYSTEM,
        subjects=[row.uid, scenario.uid],
        audience=Audience.PUBLIC,
        data={"ref": scenario.ref, "sha256": row.sha256},
    )


GUARDS.append(design_complete)
