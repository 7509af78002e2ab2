"""What may be typed about an expert and about a tie, and how it is read. No database."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from marketplace.accounts import content
from marketplace.base.texts import Reader, Wrong, text
from marketplace.experts.models import ExpertKind, Grade, InterestKind, Relation

SPECIALTIES_MOST = 10
YEARS_MOST = 70
PANELS_MOST = 50
VALID_YEARS_MOST = 10
REASON_MOST = 1000
DIGITS = re.compile(r"\d{1,4}", re.ASCII)


def choice(values: Collection[str]) -> Reader:
    def read(raw: Any) -> str:
        typed: str = text(40)(raw)
        if typed and typed not in values:
            raise Wrong("choice.unknown", _("Choose one of the values offered."))
        return typed

    return read


def whole(least: int, most: int) -> Reader:
    def read(raw: Any) -> int | None:
        typed = str(raw) if isinstance(raw, int) else text(10)(raw)
        if not typed:
            return None
        if not DIGITS.fullmatch(typed) or not least <= int(typed) <= most:
            sentence = _("Enter a whole number from %(least)s to %(most)s.")
            raise Wrong("number", sentence % {"least": least, "most": most})
        return int(typed)

    return read


def day_until(last: date) -> Reader:
    """Any day from 1900 to `last`."""

    def read(raw: Any) -> date | None:
        # A spreadsheet may write slashes.
        day = content.day_of(raw.replace("/", "-") if isinstance(raw, str) else raw)
        if day is not None and not content.EARLIEST <= day <= last:
            sentence = _("The day must lie between 1900 and %(last)s.")
            raise Wrong("date.range", sentence % {"last": last.isoformat()})
        return day

    return read


def specialties(known: Collection[str]) -> Reader:
    """Codes of the vocabulary, which the door knows."""

    def read(raw: Any) -> list[str]:
        chosen = list(dict.fromkeys(content.codes(raw)))
        if not set(chosen) <= set(known):
            raise Wrong("choice.unknown", _("Choose among the values offered."))
        if len(chosen) > SPECIALTIES_MOST:
            sentence = _("At most %(most)s, please.")
            raise Wrong("choice.many", sentence % {"most": SPECIALTIES_MOST})
        return chosen

    return read


def entry(today: date, known: Collection[str]) -> dict[str, Reader]:
    """The readers of an entry. `years` in the field is kept as the year in which they began."""
    last = today.replace(year=today.year + VALID_YEARS_MOST, day=1)
    return {
        "number": text(40),
        "title": text(80),
        "title_en": text(120),
        "grade": choice(Grade.values),
        "kind": choice(ExpertKind.values),
        "specialties": specialties(known),
        "years": whole(0, YEARS_MOST),
        "valid_until": day_until(last),
        "panels_most": whole(0, PANELS_MOST),
    }


ENTRY_NEEDED = ("grade", "kind", "specialties")
PERSON: dict[str, Reader] = {"email": content.address, "name": text(80), "name_en": text(120)}
PERSON_NEEDED = ("email", "name")


def tie(today: date) -> dict[str, Reader]:
    last = today.replace(year=today.year + VALID_YEARS_MOST, day=1)
    return {
        "kind": choice(InterestKind.values),
        "relation": choice(Relation.values),
        "party_name": text(120),
        "party_uscc": content.uscc,
        "from_date": day_until(today),
        "until_date": day_until(last),
    }


TIE_NEEDED = ("kind", "party_name")


def tie_errors(clean: Mapping[str, Any]) -> dict[str, list[str]]:
    """What the fields of a tie say against one another."""
    errors: dict[str, list[str]] = {}
    if clean["relation"] and clean["kind"] != InterestKind.RELATIVE:
        errors["relation"] = [_("Only of a near relative.")]
    if clean["kind"] == InterestKind.RELATIVE and not clean["relation"]:
        errors["relation"] = [_("Say which relative: only the kind, not who it is.")]
    begun, ended = clean["from_date"], clean["until_date"]
    if begun and ended and ended < begun:
        errors["until_date"] = [_("It must end after it began.")]
    return errors
