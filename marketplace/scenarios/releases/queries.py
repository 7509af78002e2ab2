"""Reading who asked to be released, and what became of it."""

from __future__ import annotations

from django.db.models import QuerySet

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.releases.actions import require_release_asking
from marketplace.scenarios.releases.models import ReleaseRequest

PARTS = ("organisation", "user", "answer", "scenario")


def requests_of(actor: Actor, scenario: Scenario) -> QuerySet[ReleaseRequest]:
    """Newest first: all to the owner and the office, one's own to a vendor."""
    rows = ReleaseRequest.objects.visible_to(actor).filter(scenario=scenario)
    return rows.select_related(*PARTS).order_by("-pk")


def to_answer(actor: Actor) -> list[ReleaseRequest]:
    """Those that wait for this actor, oldest first, each with its demand. One query."""
    if not actor.writes or actor.organisation_id is None:
        return []
    rows = ReleaseRequest.objects.waiting().filter(scenario__organisation_id=actor.organisation_id)
    return list(rows.select_related("scenario__organisation", "scenario__domain").order_by("pk"))


def refusal_to_ask(scenario: Scenario) -> DomainError | None:
    """Why nobody may ask at this moment; None if one may."""
    try:
        require_release_asking(scenario, clock.now())
    except DomainError as error:
        return error
    return None
