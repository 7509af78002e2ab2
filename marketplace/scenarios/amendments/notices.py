"""Who is told of a change. Bidders are told by their own room, without anybody else knowing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.scenarios.amendments.models import Amendment
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.notices import (
    scenarios,
    seen_by_any,
    standing_apart,
    title,
    told_of_extension,
)


def amendments(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(Amendment, actors, uids).select_related("scenario")
    return {row.uid: row for row in rows}


def page_of(scenario: Scenario) -> str:
    return reverse("scenario-amendments", args=[scenario.address])


def publishers(event: Event) -> QuerySet[User]:
    """Officers who stand apart and did not draft it."""
    row = Amendment.objects.select_related("scenario").get(uid=event.subjects[-1])
    return standing_apart(row.scenario).exclude(pk=row.drafted_by_id)


register(
    "amendment.drafted",
    audience=publishers,
    subjects=amendments,
    sentence=_("A change of “%(title)s” waits for its publication"),
    title=lambda row: title(row.scenario),
    url=lambda row: page_of(row.scenario),
    group=Group.DEMANDS,
)
register(
    "scenario.amended",
    audience=told_of_extension,
    subjects=scenarios,
    sentence=_("The demand “%(title)s” was amended"),
    title=title,
    url=page_of,
    group=Group.DEMANDS,
)
