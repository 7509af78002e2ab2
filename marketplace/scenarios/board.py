"""The board 榜单: what is posted, found by words and facets. Two queries for the facets, ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.base.actor import Actor
from marketplace.base.clock import NowOnce
from marketplace.base.prepared import fetch_all
from marketplace.scenarios.codes import term_codes
from marketplace.scenarios.models import (
    NOT_PAST,
    OrganisingMode,
    Scenario,
    ScenarioQuerySet,
    State,
)
from marketplace.scenarios.projections import search_form
from marketplace.scenarios.reference import Term

DONE = [
    State.AWARDED,
    State.IMPLEMENTING,
    State.ACCEPTED,
    State.WITHDRAWN,
    State.FAILED,
    State.TERMINATED,
]
GROUPS: dict[str, str | Promise] = {
    "open": _("Open for bids"),
    "review": _("In review"),
    "done": _("Done"),
}
VOCABULARIES = ("domain", "carrier", "area")
FACETS = ("state", *VOCABULARIES, "mode")
SORTS: dict[str, str | Promise] = {
    "closing": _("Closing soon"),
    "new": _("New"),
    "budget": _("Budget"),
}
SHOWN = ("organisation", "domain", "carrier", "area", "focus", "profile")
WORDS_MOST = 8
TALLIED = """
    SELECT "group", domain_id, carrier_id, area_id, organising_mode, rows
    FROM marketplace_boardtally
    UNION ALL
    SELECT 'open', domain_id, carrier_id, area_id, organising_mode, -count(*)
    FROM marketplace_scenario
    WHERE state = 'published' AND deadline_at <= (SELECT marketplace_now()) GROUP BY 1, 2, 3, 4, 5
"""


@dataclass(frozen=True)
class Choice:
    """One line of a facet: how many rows there are with it, the other filters as they stand."""

    code: str
    label: Any
    count: int
    chosen: bool


def board(actor: Actor, filters: Mapping[str, Any], sort: str = "closing") -> ScenarioQuerySet:
    """Posted demands that the actor may see, with owner and terms, in order.

    filters: any of q (text), state (open, review, done), domain, carrier, area (codes), mode
    (best, race); empty ones filter nothing, unknown ones find nothing. sort: closing, new, budget.
    """
    return _filtered(actor, filters).select_related(*SHOWN).order_by(*_order(sort))


def _filtered(actor: Actor, filters: Mapping[str, Any]) -> ScenarioQuerySet:
    rows = _worded(actor, filters)
    for name in FACETS:
        if filters.get(name):
            rows = rows.filter(_condition(name, str(filters[name])))
    return rows


def page_of(
    actor: Actor,
    filters: Mapping[str, Any],
    sort: str,
    start: int,
    stop: int,
    *,
    running: int | None = None,
) -> list[Scenario]:
    """`board(...)[start:stop]`, by indexes: what it costs does not grow with the board.

    running: how many of them are open, where that is known. One query; two behind the open ones,
    three where they end.
    """
    rows = _filtered(actor, filters)
    if sort == "closing":
        return _closing(rows, start, stop, running)
    # Said once more, since the index by time also holds what has no time yet.
    posted = rows.filter(published_at__isnull=False).select_related(*SHOWN)
    return list(posted.order_by(*_order(sort))[start:stop])


def _closing(rows: ScenarioQuerySet, start: int, stop: int, running: int | None) -> list[Scenario]:
    """The open ones, soonest first, and then the others, latest first."""
    still = rows.filter(_open_now()).order_by("deadline_at", "-pk")
    behind = running is not None and start >= running
    found = [] if behind else list(still.select_related(*SHOWN)[start:stop])
    wanted = stop - start
    if len(found) == wanted:
        return found
    if found or not start:
        before = start + len(found)
    else:
        before = still.count() if running is None else running
    first = max(0, start - before)
    last = first + wanted - len(found)
    # Those over their deadline that no sweep has recorded yet stand among the others.
    over = rows.filter(state=State.PUBLISHED, deadline_at__lte=NowOnce())
    past = rows.filter(~Q(state__in=NOT_PAST))
    parts = [
        part.order_by("-deadline_at", "-id").values_list("id", "deadline_at")[:last]
        for part in (past, over)
    ]
    both = parts[0].union(parts[1], all=True).order_by("-deadline_at", "-id")[first:last]
    ids = [pk for pk, _at in both]
    whole = {row.pk: row for row in Scenario.objects.filter(pk__in=ids).select_related(*SHOWN)}
    return found + [whole[pk] for pk in ids if pk in whole]


def facets(actor: Actor, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Counts beside the board.

    Returns a list of Choice per facet (state, domain, carrier, area, mode), each counted with all
    other filters in force; `total`, the rows found; `running`, the open ones of these; and
    `without`: {filter in force: how many rows there would be without it}, `q` included, which
    tells which filter to drop.
    """
    every = tallied()
    worded = _counted(_worded(actor, filters)) if filters.get("q") else every
    found: dict[str, Any] = {"without": {}}
    for place, name in enumerate(FACETS):
        counts: Counter[str | None] = Counter()
        for key, number in worded.items():
            if _fits(key, filters, but=name):
                counts[key[place]] += number
        found[name] = counts
        if filters.get(name):
            found["without"][name] = counts.total()
    fitting = {key: n for key, n in worded.items() if _fits(key, filters)}
    found["total"] = sum(fitting.values())
    found["running"] = sum(n for key, n in fitting.items() if key[0] == "open")
    if filters.get("q"):
        found["without"]["q"] = sum(n for key, n in every.items() if _fits(key, filters))
    labels = _labels()
    for name in FACETS:
        counts, chosen = found[name], filters.get(name)
        found[name] = [
            Choice(code, label, counts[code], chosen=code == chosen)
            for code, label in labels[name].items()
        ]
    return found


def _worded(actor: Actor, filters: Mapping[str, Any]) -> ScenarioQuerySet:
    rows = Scenario.objects.visible_to(actor).public()
    typed = str(filters.get("q") or "").replace("\x00", "")
    for word in search_form(typed).split()[:WORDS_MOST]:
        rows = rows.filter(search__words__contains=word)
    return rows


def _open_now() -> Q:
    """What the clock says, whatever the sweep has recorded so far."""
    return Q(state=State.PUBLISHED, deadline_at__gt=NowOnce())


def _condition(name: str, code: str) -> Q:
    if name == "mode":
        return Q(organising_mode=code)
    if name in VOCABULARIES:
        return Q(**{f"{name}__code": code})
    return {
        "open": _open_now(),
        "done": Q(state__in=DONE),
        "review": ~Q(state__in=DONE) & ~_open_now(),
    }.get(code, Q(pk=None))


def _counted(rows: QuerySet[Scenario]) -> dict[tuple[str | None, ...], int]:
    """{(state group, domain, carrier, area, mode): rows}. One query, a few hundred cells at most."""
    group = Case(
        When(_open_now(), then=Value("open")),
        When(state__in=DONE, then=Value("done")),
        default=Value("review"),
        output_field=CharField(),
    )
    cells = (
        rows.annotate(group=group)
        .order_by()
        .values_list("group", "domain__code", "carrier__code", "area__code", "organising_mode")
        .annotate(rows=Count("pk"))
    )
    return {tuple(cell[:-1]): cell[-1] for cell in cells}


def tallied() -> dict[tuple[str | None, ...], int]:
    """As `_counted` of everything posted, which everybody sees, from the sums that are kept.

    One query, but for a term that is seen first.
    """
    cells: Counter[tuple[Any, ...]] = Counter()
    for group, *cell, rows in fetch_all(TALLIED, {}):
        cells[group, *cell] += rows
        if rows < 0:  # over their deadline, and no sweep has recorded it yet
            cells["review", *cell] -= rows
    codes = term_codes(pk for cell in cells for pk in cell[1:4])
    return {
        (group, *(codes.get(pk) for pk in terms), mode): rows
        for (group, *terms, mode), rows in cells.items()
        if rows
    }


def _fits(key: tuple[str | None, ...], filters: Mapping[str, Any], *, but: str = "") -> bool:
    return all(
        not filters.get(name) or name == but or code == filters[name]
        for name, code in zip(FACETS, key, strict=True)
    )


def _labels() -> dict[str, dict[str, Any]]:
    """{facet: {code: a Term or a word}}, in their order."""
    labels: dict[str, dict[str, Any]] = {name: {} for name in FACETS}
    terms = Term.objects.filter(vocabulary__in=VOCABULARIES).order_by("vocabulary", "position")
    for term in terms:
        labels[term.vocabulary][term.code] = term
    labels["state"] = dict(GROUPS)
    labels["mode"] = {mode.value: mode.label for mode in OrganisingMode}
    return labels


def _order(sort: str) -> list[Any]:
    if sort == "new":
        return [F("published_at").desc(), "-pk"]
    if sort == "budget":
        return [F("budget_cny").desc(), "-pk"]
    soonest = Case(When(_open_now(), then=F("deadline_at")))
    return [soonest.asc(nulls_last=True), "-deadline_at", "-pk"]
