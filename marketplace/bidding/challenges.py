"""What a key holder is asked to sign, from our own rows; the opener asks the log instead."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from fido2.utils import websafe_encode

from marketplace.accounts.credentials import demo_key
from marketplace.accounts.models import User
from marketplace.base.errors import StateConflict
from marketplace.bidding.confirmations import challenge
from marketplace.bidding.models import Opening
from marketplace.ledger.log import tiles
from marketplace.ledger.log.models import Checkpoint, Leaf
from marketplace.ledger.models import Event
from marketplace.scenarios.models import Scenario

NOT_SEALED = _("The closing is not in the log yet. It will be within minutes; then confirm.")


@dataclass(frozen=True)
class Asked:
    tree_size: int
    challenge: bytes
    keys: list[dict[str, Any]]  # as the publication's leaf names them
    holders: list[UUID]  # by number

    def shown(self, user_uid: UUID | None) -> dict[str, Any]:
        """For the page and the API: which of the person's keys may sign what."""
        mine = [key["id"] for key in self.keys if self.holders[key["holder"]] == user_uid]
        return {
            "tree_size": self.tree_size,
            "challenge": websafe_encode(self.challenge),
            "credentials": mine,
        }


def opening_challenge(opening: Opening, tree_size: int | None = None) -> Asked | None:
    """What to sign at this size of the log, the newest if none is named.

    None while the closing lies under no checkpoint of that size, or nothing announced keys.
    """
    scenario = opening.scenario
    published = last_event("scenario.published", scenario)
    closed = last_event("scenario.closed", scenario)
    newest = tiles.newest()
    if newest is None or published is None or closed is None or scenario.deadline_at is None:
        return None
    size = newest.size if tree_size is None else tree_size
    leaf = Leaf.objects.filter(event_id=closed.pk, index__lt=size).first()
    if leaf is None or not Checkpoint.objects.filter(size=size).exists():
        return None
    return Asked(
        tree_size=size,
        challenge=challenge(
            scenario_uid=scenario.uid,
            stage=opening.stage,
            deadline_at=scenario.deadline_at,
            tree_size=size,
        ),
        keys=published.data.get("keys", []),
        holders=[UUID(text) for text in holders(scenario)],
    )


def demo_answer(user: User, opening: Opening) -> dict[str, Any]:
    """What confirms with the key that a demonstration keeps for this person.

    Raises StateConflict where no such key is kept, or the closing is not in the log yet.
    """
    key, asked = demo_key(user), opening_challenge(opening)
    if key is None:
        raise StateConflict(code="opening.no_demo_key")
    if asked is None:
        raise StateConflict(NOT_SEALED, code="opening.not_sealed")
    return {"tree_size": asked.tree_size, "assertion": key.answer(asked.challenge)}


def last_event(kind: str, scenario: Scenario) -> Event | None:
    events = Event.objects.filter(kind=kind, subjects__contains=[scenario.uid])
    return events.order_by("-pk").first()


def holders(scenario: Scenario) -> list[str]:
    publication = scenario.publications.order_by("-version").first()
    return list(json.loads(bytes(publication.body))["key_holders"]) if publication else []
