"""What a reader asks of the board: words and facets, several values of one being alternatives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.db.models import Q

from marketplace.base.clock import NowOnce
from marketplace.base.prepared import columns, fetch_all, instances
from marketplace.scenarios.models import NOT_PAST, OrganisingMode, State
from marketplace.scenarios.reference import Term
from marketplace.scenarios.search.asking import ask
from marketplace.scenarios.search.facts import (
    BANDS,
    DEADLINES,
    DONE,
    MODES,
    PUBLISHED,
    REVIEW,
    STATES,
)
from marketplace.scenarios.search.synonyms import synonyms
from marketplace.scenarios.search.words import Query

# facet -> vocabulary
VOCABULARIES = {
    "domain": "domain",
    "focus": "focus",
    "technology": "technology",
    "carrier": "carrier",
    "area": "area",
    "platform": "linked_platform",
}
FACETS = (
    "state",
    "domain",
    "focus",
    "technology",
    "carrier",
    "area",
    "platform",
    "budget",
    "mode",
    "deadline",
)
FIXED: dict[str, dict[str, int]] = {
    "state": STATES,
    "mode": {mode.value: MODES[mode.value] for mode in OrganisingMode},
    "budget": {code: band[0] for code, band in BANDS.items()},
    "deadline": {code: band[0] for code, band in DEADLINES.items()},
}
# As many values of one facet as there are terms, at most.
VALUES_MOST = 20
ENDED = (
    State.AWARDED,
    State.IMPLEMENTING,
    State.ACCEPTED,
    State.WITHDRAWN,
    State.FAILED,
    State.TERMINATED,
)


def term_numbers(terms: Iterable[Term]) -> dict[str, dict[str, int]]:
    """{facet: {code: fact}} of everything that may be chosen."""
    facet_of = {vocabulary: facet for facet, vocabulary in VOCABULARIES.items()}
    numbers: dict[str, dict[str, int]] = {name: dict(FIXED.get(name, {})) for name in FACETS}
    for term in terms:
        numbers[facet_of[term.vocabulary]][term.code] = term.pk
    return numbers


def offered_terms() -> list[Term]:
    """The terms of all facets in their order. One query.

    They are made anew only when something of them has changed since the last time.
    """
    return _terms(tuple(fetch_all(OFFERED, {"names": list(VOCABULARIES.values())})))


@lru_cache(maxsize=4)
def _terms(rows: tuple[tuple[Any, ...], ...]) -> list[Term]:
    return [instances(row, Term)[0] for row in rows]


OFFERED = (
    f"SELECT {columns(Term, 't')} FROM marketplace_term t"  # noqa: S608 - our own names
    " WHERE t.vocabulary = ANY(%(names)s::varchar[]) ORDER BY t.vocabulary, t.position"
)


@dataclass(frozen=True)
class Fitting:
    """Only what somebody is fit for: with any of these facts, and not of his own organisation."""

    facts: tuple[int, ...]
    organisation_id: int | None


@dataclass(frozen=True)
class Asked:
    """chosen: {facet in force: its codes}. query: None where no words were typed."""

    query: Query | None = None
    chosen: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fits: Fitting | None = None

    @property
    def anything(self) -> bool:
        return bool(self.query or self.chosen or self.fits)

    @property
    def besides(self) -> list[str]:
        """What is in force beside the facets."""
        there = {"q": self.query, "fits": self.fits}
        return [name for name, asked in there.items() if asked]

    def without(self, name: str) -> Asked:
        if name == "q":
            return replace(self, query=None)
        if name == "fits":
            return replace(self, fits=None)
        rest = {facet: codes for facet, codes in self.chosen.items() if facet != name}
        return replace(self, chosen=rest)


def asked_of(filters: Mapping[str, Any]) -> Asked:
    """filters: any of q (text), the facets (a code, or several) and fits. Empty ones filter nothing.

    Unknown codes find nothing. At most two queries a minute, for words alone.
    """
    typed = str(filters.get("q") or "").strip()
    chosen = {}
    for name in FACETS:
        given = filters.get(name) or ()
        codes = (given,) if isinstance(given, str) else tuple(given)
        codes = tuple(dict.fromkeys(str(code) for code in codes if code))[:VALUES_MOST]
        if codes:
            chosen[name] = codes
    fits = filters.get("fits")
    fitting = fits if isinstance(fits, Fitting) else None
    return Asked(ask(typed, synonyms()) if typed else None, chosen, fitting)


# -- As conditions of the scenario ------------------------------------------------------------------
def open_now() -> Q:
    """What the clock says, whatever the sweep has recorded so far."""
    return Q(state=State.PUBLISHED, deadline_at__gt=NowOnce())


def words_condition(query: Query | None) -> Q:
    if query is None:
        return Q()
    return Q(search__tokens__holds=query.tsquery) if query.words else Q(pk=None)


def fits_condition(fits: Fitting | None) -> Q:
    if fits is None:
        return Q()
    own = Q(organisation_id=fits.organisation_id)
    return Q(search__facts__overlap=list(fits.facts)) & ~own


def facet_condition(name: str, codes: Iterable[str]) -> Q:
    """Rows with any of these."""
    if name == "mode":
        return Q(organising_mode__in=list(codes))
    if name in ("technology", "platform"):
        rows = Term.objects.filter(vocabulary=VOCABULARIES[name], code__in=list(codes))
        return Q(search__facts__overlap=list(rows.values_list("pk", flat=True)))
    if name in VOCABULARIES:
        return Q(**{f"{name}__code__in": list(codes)})
    found = Q(pk=None)
    for code in codes:
        found |= _fixed(name, code)
    return found


def _fixed(name: str, code: str) -> Q:
    if name == "state":
        return {
            "open": open_now(),
            "done": Q(state__in=ENDED),
            "review": ~Q(state__in=(*ENDED, *[s for s in NOT_PAST if s != State.PUBLISHED]))
            & ~open_now(),
        }.get(code, Q(pk=None))
    if name == "budget" and code in BANDS:
        _number, least, below = BANDS[code]
        band = Q(budget_cny__gte=least)
        return band if below is None else band & Q(budget_cny__lt=below)
    if name == "deadline" and code in DEADLINES:
        _number, first, last = DEADLINES[code]
        band = Q(state=State.PUBLISHED, deadline_at__gt=NowOnce() + timedelta(days=first))
        return band if last is None else band & Q(deadline_at__lte=NowOnce() + timedelta(days=last))
    return Q(pk=None)


FITS = (
    "e.facts && %s::int[] AND e.scenario_id NOT IN"
    " (SELECT id FROM marketplace_scenario WHERE organisation_id = %s)"
)


# -- As conditions of the entry `e`, beside `n.now` ---------------------------------------------------
def entry_condition(
    asked: Asked, numbers: Mapping[str, Mapping[str, int]]
) -> tuple[str, list[Any]]:
    """SQL and its parameters. The words come last: they are the dearest to look for in a row."""
    said = ["true"]
    given: list[Any] = []
    if asked.fits is not None:
        said.append(FITS)
        given += [list(asked.fits.facts), asked.fits.organisation_id]
    for name, codes in asked.chosen.items():
        known = [numbers[name][code] for code in codes if code in numbers[name]]
        if name == "state":
            said.append(_any(_STATES[number] for number in known))
        elif name == "deadline":
            said.append(_any(_deadline(code) for code in codes if code in DEADLINES))
        elif known:
            said.append("e.facts && %s::int[]")
            given.append(known)
        else:
            said.append("false")
    if asked.query is not None:
        said.append("e.tokens @@ %s::tsquery" if asked.query.words else "false")
        given += [asked.query.tsquery] if asked.query.words else []
    return " AND ".join(said), given


def _any(parts: Iterable[str]) -> str:
    return "(" + (" OR ".join(parts) or "false") + ")"


_PUBLISHED = f"e.facts @> '{{{PUBLISHED}}}'"
_STATES = {
    STATES["open"]: f"({_PUBLISHED} AND e.deadline_at > n.now)",
    REVIEW: f"(e.facts @> '{{{REVIEW}}}' OR {_PUBLISHED} AND e.deadline_at <= n.now)",
    DONE: f"e.facts @> '{{{DONE}}}'",
}


def _deadline(code: str) -> str:
    _number, first, last = DEADLINES[code]
    said = f"{_PUBLISHED} AND e.deadline_at > n.now + interval '{first} days'"
    if last is not None:
        said += f" AND e.deadline_at <= n.now + interval '{last} days'"
    return f"({said})"
