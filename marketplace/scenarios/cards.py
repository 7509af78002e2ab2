"""What a list of demands shows of each, read by prepared statements.

Through the ORM, with six joins, a plan of its own for each page and all long texts, the rows of one
page of the board cost five times what the database needs for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models

from marketplace.accounts.models import Organisation
from marketplace.base.prepared import fetch_all
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.reference import Term


def _in_order(model: type[models.Model], *names: str) -> tuple[str, ...]:
    """As the model has them, which `from_db` relies on."""
    return tuple(field.attname for field in model._meta.concrete_fields if field.attname in names)


FIELDS = (
    *("id", "uid", "ref", "state", "suspended", "language", "title", "title_en", "summary"),
    *("summary_en", "organisation_id", "owner_masked", "owner_mask", "owner_shown_at"),
    *("domain_id", "carrier_id", "area_id", "focus_id", "organising_mode", "race_entrants"),
    *("budget_cny", "deadline_at", "published_at"),
)
# With where the words that were looked for may stand, or without.
READ = {
    False: _in_order(Scenario, *FIELDS),
    True: _in_order(Scenario, *FIELDS, "need", "pain", "deliverables"),
}
OWNER = _in_order(Organisation, "id", "uid", "name", "name_en", "verified_at")
TERMS = ("domain", "carrier", "area", "focus")
# Placed by their position in the list of ids.
BY_ID = (
    "SELECT {columns} FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY wanted (id, place)"
    " JOIN marketplace_scenario s ON s.id = wanted.id"
    " JOIN marketplace_organisation o ON o.id = s.organisation_id ORDER BY wanted.place"
)
# Of everything that is open, the soonest; each with its owner by one look-up.
SOONEST = (
    "SELECT {columns} FROM (SELECT * FROM marketplace_scenario WHERE state = 'published'"
    " AND deadline_at > (SELECT marketplace_now()) ORDER BY deadline_at, id DESC"
    " LIMIT %(limit)s::int OFFSET %(offset)s::int) s"
    " JOIN marketplace_organisation o ON o.id = s.organisation_id ORDER BY s.deadline_at, s.id DESC"
)


def _columns(fields: Iterable[str]) -> str:
    return ", ".join([*(f"s.{name}" for name in fields), *(f"o.{name}" for name in OWNER)])


BY_IDS = {texts: BY_ID.format(columns=_columns(names)) for texts, names in READ.items()}
BY_DEADLINE = SOONEST.format(columns=_columns(READ[False]))


def cards(ids: Iterable[int], terms: Mapping[int, Term], *, texts: bool = False) -> list[Scenario]:
    """The demands of these ids in their order, with owner and terms. One query.

    terms: {id: term} of all that a demand may have. texts: with the long ones; what is not read here is
    deferred, and asking for it costs a query.
    """
    wanted = list(ids)
    if not wanted:
        return []
    return _made(fetch_all(BY_IDS[texts], {"ids": wanted}), terms, texts=texts)


def soonest(terms: Mapping[int, Term], start: int, stop: int) -> list[Scenario]:
    """Of all open demands, by deadline, those from `start` to `stop`. One query."""
    given = {"limit": stop - start, "offset": start}
    return _made(fetch_all(BY_DEADLINE, given), terms, texts=False)


def _made(rows: Iterable[Any], terms: Mapping[int, Term], *, texts: bool) -> list[Scenario]:
    names = READ[texts]
    found = []
    for values in rows:
        row = Scenario.from_db("default", names, values[: len(names)])
        row.organisation = Organisation.from_db("default", OWNER, values[len(names) :])
        for name in TERMS:
            pk = getattr(row, f"{name}_id")
            if pk in terms:
                setattr(row, name, terms[pk])
        found.append(row)
    return found
