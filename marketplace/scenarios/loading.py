"""Reference data from seeds/: a new version is a new row, an old one is never touched."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from marketplace.scenarios.reference import OfficialCalendar, RuleProfile, Term
from marketplace.scenarios.search.models import Synonym


@transaction.atomic
def load_vocabularies(vocabularies: dict[str, Any]) -> int:
    """Names may change, codes never do. Returns how many terms stand now."""
    rows = [
        Term(
            vocabulary=vocabulary,
            code=term["code"],
            name_zh=term["name_zh"],
            name_en=term["name_en"],
            position=position,
        )
        for vocabulary, content in vocabularies.items()
        for position, term in enumerate(content["terms"])
    ]
    Term.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["vocabulary", "code"],
        update_fields=["name_zh", "name_en", "position"],
    )
    return len(rows)


@transaction.atomic
def load_profiles(profiles: list[dict[str, Any]]) -> int:
    """Add the versions that are not there yet. Returns how many were new."""
    known = set(RuleProfile.objects.values_list("code", "version"))
    fresh = [
        RuleProfile(**profile)
        for profile in profiles
        if (profile["code"], profile["version"]) not in known
    ]
    RuleProfile.objects.bulk_create(fresh)
    return len(fresh)


@transaction.atomic
def load_calendars(calendars: list[dict[str, Any]]) -> int:
    """Add the versions that are not there yet. Returns how many were new."""
    known = set(OfficialCalendar.objects.values_list("year", "version"))
    fresh = [
        OfficialCalendar(**calendar)
        for calendar in calendars
        if (calendar["year"], calendar["version"]) not in known
    ]
    OfficialCalendar.objects.bulk_create(fresh)
    return len(fresh)


@transaction.atomic
def load_synonyms(groups: dict[str, list[str]]) -> int:
    """The table as it stands in the seeds: what is gone from them goes. Returns its words."""
    rows = [
        Synonym(meaning=meaning, word=str(word))
        for meaning, words in groups.items()
        for word in dict.fromkeys(words)
    ]
    given = {(row.meaning, row.word) for row in rows}
    gone = [
        pk
        for pk, meaning, word in Synonym.objects.values_list("id", "meaning", "word")
        if (meaning, word) not in given
    ]
    Synonym.objects.filter(pk__in=gone).delete()
    Synonym.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)
