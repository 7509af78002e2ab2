"""Where a demand may begin: one of the owner's own, or a template. Nothing is stored here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import yaml
from django.conf import settings
from django.db.models import QuerySet

from marketplace.base.actor import Actor
from marketplace.scenarios.content import ROWS, Content
from marketplace.scenarios.disclosure.withheld import whole_content
from marketplace.scenarios.models import Scenario

# What must be the new one's own: when, and whom to ask.
NEW_EACH_TIME = ("deadline_at", "contact")
OWN_SHOWN = 50


@dataclass(frozen=True)
class Template:
    """data: as somebody would type it."""

    code: str
    name_zh: str
    name_en: str
    data: dict[str, Any]


@cache
def templates() -> dict[str, Template]:
    """seeds/reference/templates.yaml, read once a process."""
    path = settings.BASE_DIR / "seeds" / "reference" / "templates.yaml"
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    common = read["common"]
    found = {}
    for row in read["templates"]:
        parts = {part: row.get(part) or common.get(part, []) for part in ROWS}
        data = common["values"] | row["values"] | parts
        found[row["code"]] = Template(row["code"], row["name_zh"], row["name_en"], data)
    return found


def own_demands(actor: Actor) -> QuerySet[Scenario]:
    """Those of the actor's organisation, the newest first."""
    rows = Scenario.objects.filter(organisation=actor.organisation)
    return rows.order_by("-pk")[:OWN_SHOWN]


def copied(actor: Actor, uid: UUID) -> Content | None:
    """One of the organisation's own, without what must be new. None where it is not one."""
    rows = Scenario.objects.select_related(
        "domain", "carrier", "area", "focus", "funding", "profile"
    )
    scenario = rows.filter(organisation=actor.organisation, uid=uid).first()
    if scenario is None or actor.organisation is None:
        return None
    content = whole_content(scenario)
    for name in NEW_EACH_TIME:
        content.values.pop(name, None)
    return content
