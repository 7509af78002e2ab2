"""Which demands wait for a step of their race, read once for a whole list."""

from __future__ import annotations

from functools import cached_property

from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.races.entry import queries
from marketplace.races.queries import awaiting_race
from marketplace.races.rules import can_shortlist
from marketplace.scenarios.models import Scenario


class RaceFacts:
    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    @cached_property
    def awaiting(self) -> set[int]:
        """Demands whose award waits for their race."""
        return set(awaiting_race(Scenario.objects.all()).values_list("pk", flat=True))

    @cached_property
    def unlisted(self) -> set[int]:
        return set(queries.unlisted().values_list("pk", flat=True))

    @cached_property
    def steps(self) -> dict[int, str]:
        """{scenario id: what an officer may do with its race now}."""
        if self.actor.role != Role.OFFICER:
            return {}
        now = clock.now()
        unpublicised = queries.unpublicised().exclude(shortlisted_by=self.actor.user_id)
        rows = {
            "publicise_shortlist": unpublicised,
            "offer_agreements": queries.unoffered(now),
            "start_race": queries.to_start(now),
        }
        return {
            pk: name
            for name, found in rows.items()
            for pk in found.values_list("scenario_id", flat=True)
        }

    def step(self, scenario: Scenario) -> str:
        """The act that this actor has on a demand whose award waits for its race; "" for none."""
        if scenario.pk in self.unlisted and can_shortlist(self.actor, scenario):
            return "shortlist"
        return self.steps.get(scenario.pk, "")
