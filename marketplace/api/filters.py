"""Query parameters of lists. Unknown names and unknown values are refused.

A filter that is silently ignored would answer another question than the one that was asked.
"""

from __future__ import annotations

import re

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from marketplace.api.errors import BadParameter
from marketplace.api.views import actor_of
from marketplace.scenarios.fitting.queries import fitting
from marketplace.scenarios.models import OrganisingMode, Scenario, State
from marketplace.scenarios.search.asked import (
    FIXED,
    VOCABULARIES,
    asked_of,
    facet_condition,
    fits_condition,
    offered_terms,
    term_numbers,
    words_condition,
)
from marketplace.scenarios.search.asking import TYPED_MOST

PAGE_PARAMETERS = frozenset({"cursor", "limit"})
REF = re.compile(r"[A-Z]{2}-[0-9]{4}-[0-9]{4,8}", re.ASCII)
# The facets of the board, by the names that a demand's own fields have here.
TAGS = {"technology": "technologies", "platform": "platforms"}
BANDS = {name: frozenset(FIXED[facet]) for name, facet in
         (("stage", "state"), ("budget", "budget"), ("deadline", "deadline"))}  # fmt: skip
CHOICES = {"state": frozenset(State.values), "organising_mode": frozenset(OrganisingMode.values)}
SCENARIO_FILTERS = ("ref", *CHOICES, *VOCABULARIES, *BANDS, "q", "fits")


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
    *(
        _parameter(name, f"Code of a term of the vocabulary `{vocabulary}`.")
        for name, vocabulary in VOCABULARIES.items()
    ),
    _parameter("stage", "Where it stands, by the clock.", list(FIXED["state"])),
    _parameter("budget", "The band of its budget, in ten thousands of CNY.", list(FIXED["budget"])),
    _parameter("deadline", "When it closes, of the open ones.", list(FIXED["deadline"])),
    OpenApiParameter(
        "fits",
        OpenApiTypes.STR,
        enum=["1"],
        description=(
            "Posted demands that fit what the caller's organisation declares, of others: any of its"
            " technologies, or a domain or focus near to them."
        ),
    ),
    OpenApiParameter(
        "q",
        OpenApiTypes.STR,
        description=(
            "Words that all must stand in what everybody may read of it, each or another that"
            f" means the same; a phrase between quotation marks. At most {TYPED_MOST} characters."
            " Finds posted demands alone; the order stays that of the list."
        ),
    ),
]


def scenario_filter(request: Request, rows: QuerySet) -> QuerySet:
    """Rows that match every parameter; several values of one are alternatives.

    At most one query, and only where a term is named. Raises BadParameter.
    """
    given = request.query_params
    for name in given.keys() - set(SCENARIO_FILTERS) - PAGE_PARAMETERS:
        raise BadParameter(name, _("There is no such parameter."))
    wanted = {name: given.getlist(name) for name in SCENARIO_FILTERS if name in given}
    terms = _terms({name: wanted[name] for name in VOCABULARIES if name in wanted})
    for name, values in wanted.items():
        if name in TAGS:
            through = getattr(Scenario, TAGS[name]).through
            tagged = through.objects.filter(term_id__in=terms[name]).values("scenario_id")
            rows = rows.filter(pk__in=tagged)
            continue
        if name in VOCABULARIES:
            rows = rows.filter(**{f"{name}__in": terms[name]})
            continue
        if name in {"q", "fits"}:
            asked = _words(values) if name == "q" else _fitting(request, values)
            rows = rows.filter(asked)
            continue
        if name in BANDS:
            if not BANDS[name].issuperset(values):
                raise _unknown(name)
            rows = rows.filter(facet_condition("state" if name == "stage" else name, values))
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
    known = term_numbers(offered_terms())
    found: dict[str, list[int]] = {}
    for name, codes in wanted.items():
        for code in codes:
            if code not in known[name]:
                raise _unknown(name)
            found.setdefault(name, []).append(known[name][code])
    return found


def _words(values: list[str]) -> Q:
    typed = " ".join(values)
    if len(typed) > TYPED_MOST:
        sentence = _("At most %(most)s characters.") % {"most": TYPED_MOST}
        raise BadParameter("q", sentence)
    query = asked_of({"q": typed}).query
    if query is None or not query.words:
        raise BadParameter("q", _("There is no word in it that can be looked for."))
    return words_condition(query)


def _fitting(request: Request, values: list[str]) -> Q:
    if set(values) != {"1"}:
        raise _unknown("fits")
    fits = fitting(actor_of(request))
    if fits is None:
        sentence = _("Only vendors whose organisation declares what it can do have what fits them.")
        raise BadParameter("fits", sentence)
    return fits_condition(fits)


def _unknown(name: str) -> BadParameter:
    return BadParameter(name, _("There is no such value."))
