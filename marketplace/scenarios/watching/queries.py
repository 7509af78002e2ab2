"""What a person watches, and of these what may still be read."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from marketplace.base.actor import Actor
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.watching.models import Watch


def watched(actor: Actor) -> QuerySet[Watch]:
    """The latest first, each with its demand as far as this actor reads it."""
    seen = Scenario.objects.visible_to(actor).public()
    rows = Watch.objects.visible_to(actor).filter(scenario__in=seen)
    parts = ("organisation", "domain", "carrier", "area", "focus", "profile")
    return rows.select_related(*(f"scenario__{part}" for part in parts)).order_by("-pk")


def watched_among(actor: Actor, ids: Collection[int]) -> set[int]:
    """Which of these demands, by id, the person watches. One query; none for a visitor."""
    if not actor.user_id or not ids:
        return set()
    rows = Watch.objects.visible_to(actor).filter(scenario__in=list(ids))
    return set(rows.values_list("scenario_id", flat=True))
