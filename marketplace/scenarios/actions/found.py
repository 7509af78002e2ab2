"""How every action of this room finds its row, and keeps a reason."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound
from marketplace.base.locks import lock
from marketplace.scenarios.models import Scenario, ScenarioNote
from marketplace.scenarios.readers import Wrong, text

REASON_MOST = 4000


def find(actor: Actor, scenario_uid: UUID) -> Scenario:
    """The demand, locked. Raises NotFound also for one that the actor may not see."""
    if not Scenario.objects.visible_to(actor).filter(uid=scenario_uid).exists():
        raise NotFound
    return lock(Scenario, uid=scenario_uid)


def stated(reason: str, *, field: str = "reason") -> str:
    """A reason that says something, at most 4000 characters. Raises Invalid."""
    try:
        clean = str(text(REASON_MOST, lines=True)(reason))
    except Wrong as wrong:
        raise Invalid(errors={field: [wrong.message]}) from wrong
    if not clean:
        raise Invalid(
            errors={field: [_("Say why, in a sentence at least.")]}, code="reason.missing"
        )
    return clean


def keep_note(actor: Actor, scenario: Scenario, words: str) -> None:
    ScenarioNote.objects.create(
        scenario=scenario, to_state=scenario.state, text=words, author=actor.user
    )


def profile_label(scenario: Scenario) -> str:
    return scenario.profile.label if scenario.profile else ""
