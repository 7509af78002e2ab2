"""A person's saved searches, and what each has found."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from marketplace.base.actor import Actor
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.saved.models import Find, SavedSearch


def saved_searches(actor: Actor) -> QuerySet[SavedSearch]:
    """By name, each with `found`, how many demands it has told of."""
    rows = SavedSearch.objects.visible_to(actor).annotate(found=Count("finds"))
    return rows.order_by("name", "pk")


def finds_of(actor: Actor, search: SavedSearch) -> QuerySet[Find]:
    """What it has found and may still be read, the latest first, each with its demand."""
    seen = Scenario.objects.visible_to(actor).public()
    parts = ("organisation", "domain", "carrier", "area", "focus", "profile")
    rows = Find.objects.filter(search=search, scenario__in=seen)
    return rows.select_related(*(f"scenario__{part}" for part in parts)).order_by("-pk")
