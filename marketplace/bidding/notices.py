"""Key holders are told that an opening waits. Of bids nobody is told: their number is a secret."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.accounts.queries import key_holders
from marketplace.base.actor import Actor
from marketplace.bidding.models import Opening
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.scenarios.notices import seen_by_any, title


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
