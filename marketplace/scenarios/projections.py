"""Rows kept in step with the ledger: the words under which the board's search finds a demand."""

from __future__ import annotations

from marketplace.ledger.actions import project
from marketplace.ledger.log.stamping import stamp_at_once
from marketplace.ledger.models import Event
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.search.indexing import NEAR, index

stamp_at_once("scenario.closed")


@project("scenario.published")
def index_words(event: Event) -> None:
    index([Scenario.objects.select_related(*NEAR).get(uid=event.subjects[-1])])


@project("scenario.amended")
def index_words_again(event: Event) -> None:
    """Whatever it names first: the demand is among its subjects."""
    index(list(Scenario.objects.public().select_related(*NEAR).filter(uid__in=event.subjects)))
