from __future__ import annotations

from typing import Any

import yaml
from django.conf import settings
from django.core.management.base import BaseCommand

from marketplace.accounts.pledging import load_pledge_texts
from marketplace.committee.fees.loading import load_fees
from marketplace.indicators.loading import load_indicators
from marketplace.scenarios.likeness.keeping import sketch_again
from marketplace.scenarios.loading import (
    load_calendars,
    load_profiles,
    load_synonyms,
    load_vocabularies,
)
from marketplace.scenarios.search.indexing import index_again


class Command(BaseCommand):
    help = (
        "Load vocabularies, rule profiles, calendars, pledges, synonyms and indicators from"
        " seeds/reference; index demands that the search or the comparison with earlier"
        " ones does not know yet."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        def seed(name: str) -> Any:
            path = settings.BASE_DIR / "seeds" / "reference" / f"{name}.yaml"
            return yaml.safe_load(path.read_text("utf-8"))

        terms = load_vocabularies(seed("vocabularies"))
        profiles = load_profiles(seed("profiles")["profiles"])
        calendars = load_calendars(seed("calendars")["calendars"])
        pledges = load_pledge_texts(seed("pledges")["pledges"])
        fees = load_fees(seed("fees")["fees"])
        indicators = load_indicators(seed("indicators"))
        synonyms = load_synonyms(seed("synonyms"))
        self.stdout.write(
            f"{terms} terms, {profiles} new profiles, {calendars} new calendars,"
            f" {pledges} new pledges, {fees} new fee tables, {indicators} indicators,"
            f" {synonyms} synonyms"
        )
        if indexed := index_again(every=False):
            self.stdout.write(f"{indexed} demands indexed for the search")
        if sketched := sketch_again(every=False):
            self.stdout.write(f"{sketched} demands sketched for the comparison with earlier ones")
