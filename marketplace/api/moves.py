"""The names of the moves that a user may make now, for the objects of an answer."""

from __future__ import annotations

from collections.abc import Collection

from marketplace.base.actor import Actor
from marketplace.desk.queries import desk_for
from marketplace.scenarios.models import Scenario

RELATED = ("organisation", "profile", "panel")
FETCHED = ("decisions", "openings__confirmations")


def moves(actor: Actor, ids: Collection[int]) -> dict[int, list[str]]:
    """{scenario id: names}. Visitors may do nothing, which costs no query."""
    if not actor.user_id or not ids:
        return {}
    desk = desk_for(actor)
    rows = Scenario.objects.visible_to(actor).filter(pk__in=ids)
    found = rows.select_related(*RELATED).prefetch_related(*FETCHED)
    return {row.pk: [act.name for act in desk.acts(row) if act.possible] for row in found}
