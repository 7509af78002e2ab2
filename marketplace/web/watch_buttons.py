"""The button by which one watches a demand: on its page, and on every line of a list."""

from __future__ import annotations

from typing import Any

from marketplace.base.actor import Actor, Role
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario
from marketplace.scenarios.watching.queries import watched_among
from marketplace.web.templatetags.jiebang import localized_text


def may_watch(actor: Actor) -> bool:
    return actor.user_id is not None and actor.role != Role.INSPECTOR


def button(scenario: Scenario, *, on: bool) -> dict[str, Any]:
    return {
        "address": scenario.address,
        "title": localized_text(scenario, "title"),
        "uid": scenario.uid,
        "on": on,
    }


def button_of(actor: Actor, scenario: Scenario) -> dict[str, Any] | None:
    """The button of one page; None where there is nothing to watch, or nobody to tell."""
    if not may_watch(actor) or scenario.state in BEFORE_PUBLICATION:
        return None
    return button(scenario, on=scenario.pk in watched_among(actor, [scenario.pk]))


def with_buttons(
    actor: Actor, rows: list[Scenario], entries: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The lines of a list, each with its button. One query; none for a visitor."""
    if not may_watch(actor):
        return entries
    mine = watched_among(actor, [row.pk for row in rows])
    return [
        {**line, "watch": button(row, on=row.pk in mine)}
        for row, line in zip(rows, entries, strict=True)
    ]
