"""Rows kept in step with the ledger: the words under which the board's search finds a demand."""

from __future__ import annotations

import unicodedata

from marketplace.ledger.actions import project
from marketplace.ledger.log.stamping import stamp_at_once
from marketplace.ledger.models import Event
from marketplace.scenarios.models import Scenario, SearchEntry

stamp_at_once("scenario.closed")


def search_form(text: str) -> str:
    """Full width and case fall away on both sides of a search."""
    return unicodedata.normalize("NFKC", text).lower()


@project("scenario.published")
def index_words(event: Event) -> None:
    scenario = Scenario.objects.select_related(
        "organisation", "domain", "carrier", "area", "focus"
    ).get(uid=event.subjects[-1])
    owner = scenario.organisation
    terms = [scenario.domain, scenario.carrier, scenario.area, scenario.focus]
    terms += scenario.technologies.all()
    words = [
        scenario.ref,
        scenario.title,
        scenario.title_en,
        scenario.summary,
        scenario.summary_en,
        owner.name,
        owner.name_en,
        *(f"{term.name_zh} {term.name_en}" for term in terms if term),
    ]
    SearchEntry.objects.update_or_create(
        scenario=scenario,
        defaults={"words": search_form("\n".join(word for word in words if word))},
    )
