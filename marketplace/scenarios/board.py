"""The board 榜单: what is posted, found by words and facets, at a cost that does not grow with it."""

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
from marketplace.scenarios.cards import cards, soonest
from marketplace.scenarios.codes import term_codes
from marketplace.scenarios.models import (
    NOT_PAST,
    OrganisingMode,
    Scenario,
    ScenarioQuerySet,
    State,
)
from marketplace.scenarios.reference import Term
from marketplace.scenarios.search import counts
from marketplace.scenarios.search.asked import (
    ENDED,
    FACETS,
    VOCABULARIES,
    Asked,
    asked_of,
    entry_condition,
    facet_condition,
    fits_condition,
    offered_terms,
    open_now,
    term_numbers,
    words_condition,
)

GROUPS: dict[str, str | Promise] = {
    "open": _("Open for bids"),
    "review": _("In review"),
    "done": _("Done"),
}
BUDGETS: dict[str, str | Promise] = {
    "to_50": _("below CNY 500,000"),
    "to_100": _("CNY 500,000 to 1 million"),
    "to_200": _("CNY 1 to 2 million"),
    "to_500": _("CNY 2 to 5 million"),
    "above_500": _("CNY 5 million and more"),
}
DEADLINES: dict[str, str | Promise] = {
    "week": _("within 7 days"),
    "month": _("in 8 to 30 days"),
    "later": _("in more than 30 days"),
}
# Facets whose numbers are kept together, each for every choice of the others.
CUBE = ("state", "domain", "carrier", "area", "mode")
SORTS: dict[str, str | Promise] = {
    "best": _("Best match"),
    "closing": _("Closing soon"),
    "new": _("New"),
    "budget": _("Budget"),
}
SHOWN = ("organisation", "domain", "carrier", "area", "focus", "profile")
TALLIED = f"""
    SELECT "group", domain_id, carrier_id, area_id, organising_mode, rows
    FROM marketplace_boardtally
    UNION ALL
    SELECT 'open', domain_id, carrier_id, area_id, organising_mode, -count(*)
    FROM marketplace_scenario
    WHERE state = 'published' AND deadline_at <= (SELECT marketplace_now()) GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT NULL, fact, NULL, NULL, NULL, rows FROM ({counts.KEPT}) kept
"""  # noqa: S608 - no value of anybody


@dataclass(frozen=True)
class Choice:
    """One line of a facet: how many rows there are with it, the other filters as they stand.

    more: there may be more than `count`.
    """

    code: str
    label: Any
    count: int
    chosen: bool
    more: bool = False


def usual_sort(filters: Mapping[str, Any]) -> str:
    """The order where none is asked for."""
    return "best" if str(filters.get("q") or "").strip() else "closing"


def board(actor: Actor, filters: Mapping[str, Any], sort: str = "closing") -> ScenarioQuerySet:
    """Posted demands that the actor may see, with owner and terms, in order.

    filters: q (text) and any facet of FACETS with one code or several, which are alternatives;
    empty ones filter nothing, unknown ones find nothing. sort: closing, new, budget; the best
    match is the matter of `page_of`.
    """
    return _filtered(actor, asked_of(filters)).select_related(*SHOWN).order_by(*_order(sort))


def _filtered(actor: Actor, asked: Asked) -> ScenarioQuerySet:
    rows = Scenario.objects.visible_to(actor).public()
    rows = rows.filter(words_condition(asked.query), fits_condition(asked.fits))
    for name, codes in asked.chosen.items():
        rows = rows.filter(facet_condition(name, codes))
    return rows


def page_of(
    actor: Actor,
    filters: Mapping[str, Any],
    sort: str,
    start: int,
    stop: int,
    *,
    found: Mapping[str, Any] | None = None,
    near: int = 0,
) -> list[Scenario]:
    """`board(...)[start:stop]`, by indexes: what it costs does not grow with the board.

    found: what `facets` has said of the same filters, which spares the work of asking again. By
    best match, of more than COUNTED_MOST some are ranked, the newest among them. near: where all of them
    are shown, so many follow that hold some of the words, the other filters in force.
    """
    asked = asked_of(filters)
    told = found if found is not None else facets(actor, filters)
    near = near if asked.query and len(asked.query.words) > 1 and sort == "best" else 0
    if not near and (not told["total"] or start >= stop):
        return []
    few = asked.anything and not told["more"] and told["total"] <= counts.COUNTED_MOST
    rows = _filtered(actor, asked)
    if sort == "best" and asked.query:
        beside = None if few or told["newest"] else entry_condition(asked, told["numbers"])
        wanted = counts.ranked(asked.query, told["ids"], start=start, stop=stop, beside=beside)
        if near and few:
            condition, given = entry_condition(asked.without("q"), told["numbers"])
            wanted += counts.nearest(condition, given, asked.query, but=wanted, most=near)
        return cards(wanted, told["terms"], texts=True)
    texts = asked.query is not None
    if few:
        known = Scenario.objects.public().filter(pk__in=told["ids"])
        return cards(_ids(known.order_by(*_order(sort)), start, stop), told["terms"], texts=texts)
    if sort in ("closing", "best"):
        running = None if told["more"] else told["running"]
        # Everybody sees what is posted, so the first pages are asked for by one constant statement.
        if not asked.anything and running is not None and stop <= running:
            return soonest(told["terms"], start, stop)
        return cards(_closing(rows, asked, told, start, stop), told["terms"], texts=texts)
    # Said once more, since the index by time also holds what has no time yet.
    posted = rows.filter(published_at__isnull=False).order_by(*_order(sort))
    return cards(_ids(posted, start, stop), told["terms"], texts=texts)


def _ids(rows: ScenarioQuerySet, start: int, stop: int) -> list[int]:
    return list(rows.values_list("pk", flat=True)[start:stop])


def _closing(
    rows: ScenarioQuerySet,
    asked: Asked,
    told: Mapping[str, Any],
    start: int,
    stop: int,
) -> list[int]:
    """The open ones, soonest first, and then the others, latest first.

    rows: all that fit; where it is not known how many of them are open, they are counted only for
    pages behind those.
    """
    running = None if told["more"] else told["running"]
    behind = running is not None and start >= running
    found = [] if behind else counts.soonest(entry_condition(asked, told["numbers"]), start, stop)
    wanted = stop - start
    if len(found) == wanted:
        return found
    if found or not start:
        before = start + len(found)
    else:
        before = rows.filter(open_now()).count() if running is None else running
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
    return found + [pk for pk, _at in both]


def facets(actor: Actor, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Counts beside the board.

    Returns a list of Choice per facet, each counted with all other filters in force; `total`, the
    rows found, and `more`, whether there may be more of them; `running`, the open ones of these;
    and `without`: {filter in force: how many rows there would be without it}, which tells which
    filter to drop, `q` included where nothing is found. At most three queries, whatever is asked.
    `numbers`, `terms`, `ids` and `newest` are for `page_of`.
    """
    asked = asked_of(filters)
    terms = offered_terms()
    numbers = term_numbers(terms)
    found: dict[str, Any] = {"without": {}, "more": False, "numbers": numbers}
    found["terms"] = {term.pk: term for term in terms}
    seen: dict[str, tuple[Counter[str | None], bool]] = {}
    in_cube = not asked.besides and all(name in CUBE for name in asked.chosen)
    if in_cube:
        every, kept = _kept()
        _from_cube(every, asked, found, seen)
    if not asked.anything:
        for name in FACETS:
            seen.setdefault(name, (_by_code(kept, numbers[name]), False))
    else:
        apart = [] if in_cube else [*asked.chosen, *asked.besides]
        sets = counts.counted(asked, numbers, apart=apart)
        found |= {"ids": sets[""].ids, "newest": sets[""].newest}
        for name in FACETS:
            one = sets.get(name, sets[""])
            seen.setdefault(name, (_by_code(one.facts, numbers[name]), one.capped))
        if not in_cube:
            all_of = sets[""]
            found["total"] = min(all_of.total, counts.COUNTED_MOST)
            found["more"] = all_of.capped
            found["running"] = all_of.facts[numbers["state"]["open"]]
            found["without"] = {
                name: min(sets[name].total, counts.COUNTED_MOST)
                for name in apart
                if name != "q" or not all_of.total
            }
    labels = _labels(terms)
    for name in FACETS:
        number, more = seen[name]
        chosen = asked.chosen.get(name, ())
        found[name] = [
            Choice(
                code,
                label,
                min(number[code], counts.COUNTED_MOST) if name == "deadline" else number[code],
                chosen=code in chosen,
                more=more or (name == "deadline" and number[code] > counts.COUNTED_MOST),
            )
            for code, label in labels[name].items()
        ]
    return found


def _from_cube(
    every: dict[tuple[str | None, ...], int],
    asked: Asked,
    found: dict[str, Any],
    seen: dict[str, tuple[Counter[str | None], bool]],
) -> None:
    for place, name in enumerate(CUBE):
        number: Counter[str | None] = Counter()
        for key, rows in every.items():
            if _fits(key, asked, but=name):
                number[key[place]] += rows
        seen[name] = (number, False)
        if name in asked.chosen:
            found["without"][name] = number.total()
    fitting = {key: rows for key, rows in every.items() if _fits(key, asked)}
    found["total"] = sum(fitting.values())
    found["running"] = sum(rows for key, rows in fitting.items() if key[0] == "open")


def _by_code(facts: Counter[int], numbers: Mapping[str, int]) -> Counter[str | None]:
    return Counter({code: facts[number] for code, number in numbers.items()})


def _counted(rows: QuerySet[Scenario]) -> dict[tuple[str | None, ...], int]:
    """{(state group, domain, carrier, area, mode): rows}. One query, a few hundred cells at most."""
    group = Case(
        When(open_now(), then=Value("open")),
        When(state__in=ENDED, then=Value("done")),
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
    """As `_counted` of everything posted, which everybody sees, from the sums that are kept."""
    return _kept()[0]


def _kept() -> tuple[dict[tuple[str | None, ...], int], Counter[int]]:
    """The cells, and each fact; those of the deadline up to one above the cap.

    One query, but for a term that is seen first.
    """
    cells: Counter[tuple[Any, ...]] = Counter()
    facts: Counter[int] = Counter()
    for group, *cell, rows in fetch_all(TALLIED, {}):
        if group is None:
            facts[cell[0]] = rows
            continue
        cells[group, *cell] += rows
        if rows < 0:  # over their deadline, and no sweep has recorded it yet
            cells["review", *cell] -= rows
    codes = term_codes(pk for cell in cells for pk in cell[1:4])
    named = {
        (group, *(codes.get(pk) for pk in terms), mode): rows
        for (group, *terms, mode), rows in cells.items()
        if rows
    }
    return named, facts


def _fits(key: tuple[str | None, ...], asked: Asked, *, but: str = "") -> bool:
    return all(
        name == but or name not in asked.chosen or code in asked.chosen[name]
        for name, code in zip(CUBE, key, strict=True)
    )


def labels() -> dict[str, dict[str, Any]]:
    """{facet: {code: a Term or a word}} of all that may be chosen. One query."""
    return _labels(offered_terms())


def _labels(terms: list[Term]) -> dict[str, dict[str, Any]]:
    """{facet: {code: a Term or a word}}, in their order."""
    facet_of = {vocabulary: facet for facet, vocabulary in VOCABULARIES.items()}
    labels: dict[str, dict[str, Any]] = {name: {} for name in FACETS}
    for term in terms:
        labels[facet_of[term.vocabulary]][term.code] = term
    labels["state"] = dict(GROUPS)
    labels["mode"] = {mode.value: mode.label for mode in OrganisingMode}
    labels["budget"] = dict(BUDGETS)
    labels["deadline"] = dict(DEADLINES)
    return labels


def _order(sort: str) -> list[Any]:
    if sort == "new":
        return [F("published_at").desc(), "-pk"]
    if sort == "budget":
        return [F("budget_cny").desc(), "-pk"]
    soonest = Case(When(open_now(), then=F("deadline_at")))
    return [soonest.asc(nulls_last=True), "-deadline_at", "-pk"]
