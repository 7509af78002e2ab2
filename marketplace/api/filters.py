"""Query parameters of lists. Unknown names and unknown values are refused.

A filter that is silently ignored would answer another question than the one that was asked.
"""

from __future__ import annotations

import re
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from marketplace.api.errors import BadParameter
from marketplace.scenarios.models import OrganisingMode, State
from marketplace.scenarios.reference import Term

PAGE_PARAMETERS = frozenset({"cursor", "limit"})
REF = re.compile(r"[A-Z]{2}-[0-9]{4}-[0-9]{4,8}", re.ASCII)
TERMS = ("domain", "carrier", "area")
CHOICES = {"state": frozenset(State.values), "organising_mode": frozenset(OrganisingMode.values)}
SCENARIO_FILTERS = ("ref", *CHOICES, *TERMS)


def _parameter(name: str, text: str, enum: list[str] | None = None) -> OpenApiParameter:
    return OpenApiParameter(
        name,
        OpenApiTypes.STR,
        description=text,
        enum=enum,
        many=True,
        explode=True,
        style="form",
    )


SCENARIO_PARAMETERS = [
    _parameter("ref", "The reference, such as LG-2026-0042."),
    _parameter("state", "The state.", State.values),
    _parameter("organising_mode", "Best of the bids, or a race.", OrganisingMode.values),
    *(_parameter(name, f"Code of a term of the vocabulary `{name}`.") for name in TERMS),
]


def scenario_filter(request: Request, rows: QuerySet) -> QuerySet:
    """Rows that match every parameter; several values of one are alternatives.

    At most one query, and only where a term is named. Raises BadParameter.
    """
    given = request.query_params
    for name in given.keys() - set(SCENARIO_FILTERS) - PAGE_PARAMETERS:
        raise BadParameter(name, _("There is no such parameter."))
    wanted = {name: given.getlist(name) for name in SCENARIO_FILTERS if name in given}
    terms = _terms({name: wanted[name] for name in TERMS if name in wanted})
    for name, values in wanted.items():
        if name in TERMS:
            rows = rows.filter(**{f"{name}__in": terms[name]})
            continue
        known = CHOICES.get(name)
        for value in values:
            if value not in known if known else not REF.fullmatch(value):
                raise _unknown(name)
        rows = rows.filter(**{f"{name}__in": values})
    return rows


def _terms(wanted: dict[str, list[str]]) -> dict[str, list[int]]:
    if not wanted:
        return {}
    known: dict[tuple[str, str], Any] = {
        (vocabulary, code): pk
        for vocabulary, code, pk in Term.objects.filter(vocabulary__in=TERMS).values_list(
            "vocabulary", "code", "pk"
        )
    }
    found: dict[str, list[int]] = {}
    for name, codes in wanted.items():
        for code in codes:
            if (name, code) not in known:
                raise _unknown(name)
            found.setdefault(name, []).append(known[name, code])
    return found


def _unknown(name: str) -> BadParameter:
    return BadParameter(name, _("There is no such value."))
