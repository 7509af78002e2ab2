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


@project("award.publicised")
def name_owner(event: Event) -> None:
    """The publicity names the owner, so from here on everything does."""
    rows = Scenario.objects.filter(uid__in=event.subjects, owner_masked=True, owner_shown_at=None)
    found = list(rows.values_list("pk", flat=True))
    if found:
        rows.update(owner_shown_at=event.at)
        index(list(Scenario.objects.filter(pk__in=found).select_related(*NEAR)))


@project("scenario.amended")
def index_words_again(event: Event) -> None:
    """Whatever it names first: the demand is among its subjects."""
    index(list(Scenario.objects.public().select_related(*NEAR).filter(uid__in=event.subjects)))
