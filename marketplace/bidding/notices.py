"""Key holders are told that an opening waits, bidders alone that they may bid longer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.accounts.queries import key_holders
from marketplace.base.actor import Actor
from marketplace.bidding.models import Opening
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.scenarios.notices import scenarios, seen_by_any, title, url, writers


def openings(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(Opening, actors, uids).select_related("scenario")
    return {row.uid: row for row in rows}


def holders(event: Event) -> QuerySet[User]:
    scenario_uid, _opening_uid = event.subjects
    return key_holders(scenario_uid)


register(
    "opening.requested",
    audience=holders,
    subjects=openings,
    sentence=_("The opening of the bids for “%(title)s” waits for your confirmation"),
    title=lambda opening: title(opening.scenario),
    url=lambda opening: reverse("opening", args=[opening.scenario.address]),
    group=Group.OPENINGS,
)


def bidders(event: Event) -> QuerySet[User]:
    """Those who write for an organisation that has bid, also one that has withdrawn."""
    return writers(Q(organisation__bids__scenario__uid=event.subjects[-1]))


# Each learns of it in its own inbox alone; jobs of this kind are counted nowhere.
register(
    "bidders.deadline_extended",
    event_kind="scenario.deadline_extended",
    audience=bidders,
    subjects=scenarios,
    sentence=_(
        "An outage moved the deadline of “%(title)s”: your bid can be submitted or revised longer"
    ),
    title=title,
    url=url,
    group=Group.OPENINGS,
)
