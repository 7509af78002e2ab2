"""The board 榜单: everything posted, found by words and facets that stand in the address."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.indicators.queries import Opened, opened_so_far
from marketplace.scenarios.board import SORTS, facets, page_of, usual_sort
from marketplace.scenarios.disclosure.mask import shown_owner
from marketplace.scenarios.fitting.queries import capabilities_of, fits_among, fitting
from marketplace.scenarios.models import OrganisingMode, Scenario
from marketplace.scenarios.queries import is_open
from marketplace.scenarios.rules import follows_demands
from marketplace.scenarios.search.asked import FACETS, VALUES_MOST, Asked, asked_of
from marketplace.scenarios.search.asking import TYPED_MOST, WORDS_MOST
from marketplace.scenarios.search.counts import COUNTED_MOST
from marketplace.scenarios.search.marks import excerpt, marked
from marketplace.scenarios.search.nearest import advice
from marketplace.scenarios.search.words import Query
from marketplace.web.course import shown_state
from marketplace.web.fit_words import with_fit
from marketplace.web.kept import kept_for_visitors
from marketplace.web.pages import actor_of
from marketplace.web.rail import FITS_SAID, HEADS, Kept, address, choice_label, rail, said, toggled
from marketplace.web.request import Request
from marketplace.web.shared import Shared, listing, page_data, shared, site_data, whole
from marketplace.web.templatetags.jiebang import localized_text, term
from marketplace.web.watch_buttons import with_buttons

PER_PAGE = 20
# A page far behind costs what all before it cost; there are filters.
PAGES_MOST = 500
NEAR_MOST = 10
TITLE = gettext_lazy("Security demands of Lingang, open to whoever can solve them")
DESCRIPTION = gettext_lazy("Security demands of the park, open to whoever can solve them.")


@login_not_required
@require_safe
@kept_for_visitors
def board_page(request: Request) -> HttpResponse:
    """Filters, sort and page stand in the address; htmx gets the part that changes."""
    actor, given = actor_of(request), request.GET
    filters = filters_of(given)
    capable = bool(capabilities_of(actor))
    if given.get("fits") and capable:
        filters["fits"] = fitting(actor)
    asked = asked_of(filters)
    usual = usual_sort(filters)
    sort = given.get("sort", "")
    sort = sort if sort in SORTS and (sort != "best" or asked.query) else usual
    found = facets(actor, filters)
    reach = COUNTED_MOST if found["more"] else PAGES_MOST * PER_PAGE
    pages = Paginator(range(min(found["total"], reach)), PER_PAGE)
    page = pages.get_page(given.get("page"))
    first = max(0, page.start_index() - 1)
    # Few that hold all the words: what holds some of them stands behind, apart.
    near = max(0, NEAR_MOST - found["total"]) if page.number == 1 else 0
    shown = page_of(actor, filters, sort, first, page.end_index(), found=found, near=near)
    now = clock.now()
    told = lines(actor, shown, now, asked, found)
    entries = with_buttons(actor, shown, told)
    kept = kept_of(filters)
    if sort != usual:
        kept["sort"] = [sort]
    context = {
        "now": now,
        "server_now": now,
        "page_obj": page,
        "entries": entries[: len(page)],
        "near": entries[len(page) :],
        "fits": fits_shown(kept, found) if capable else None,
        "total": found["total"],
        "total_said": said(found["total"], more=found["more"]),
        "q": filters.get("q", ""),
        "kept": [(name, value) for name, values in kept.items() if name != "q" for value in values],
        "query": urlencode(kept, doseq=True),
        "rail": rail(found, kept),
        "chosen": chosen(found, kept),
        "sorts": sorts(kept, sort, usual=usual, words=asked.query is not None),
        "filtered": asked.anything,
        "saves": asked.anything and follows_demands(actor),
        "notes": notes(given, asked),
        "shared": shared_board(request, entries[: len(page)], kept, page.number),
        **({} if found["total"] else {"drops": drops(found, kept), "tries": tries(filters, kept)}),
    }
    part = request.htmx and not request.htmx.history_restore_request
    if part:
        template = "public/_board.html"
    else:
        template = "public/board.html"
        context["opened"] = opened(opened_so_far())
    return render(request, template, context)


def shared_board(
    request: Request, entries: list[dict[str, Any]], kept: Kept, number: int
) -> Shared:
    """Every order and spelling of the same filters has one address."""
    pages: Kept = {"page": [str(number)]} if number > 1 else {}
    path = address({name: sorted(kept[name]) for name in sorted(kept)} | pages)
    name, said = str(TITLE), str(DESCRIPTION)
    rows = listing((entry["plain_title"], entry["url"]) for entry in entries)
    here = page_data(whole(path), name, said, mainEntity=rows)
    return shared(request, name, said, path=path, data=[here, site_data()])


def lines(
    actor: Actor,
    rows: list[Scenario],
    now: datetime,
    asked: Asked,
    found: dict[str, Any],
) -> list[dict[str, Any]]:
    """The rows as they are shown; to a vendor with why an open one fits. One query more for that.

    Who asks for what fits is told it of the others as well.
    """
    told = [row for row in rows if asked.fits or is_open(row, now)]
    fit = fits_among(actor, told)
    known = {name: _labels(found, name) for name in ("technology", "domain", "focus")}
    return [
        with_fit(line, fit[row.pk], known) if row.pk in fit else line
        for row in rows
        for line in (entry(actor, row, now, asked.query),)
    ]


def filters_of(given: QueryDict) -> dict[str, Any]:
    """What an address asks of the board: {"q": text, facet: [code, …]}, nothing that is empty."""
    filters: dict[str, Any] = {}
    words = given.get("q", "").replace("\x00", " ").strip()[:TYPED_MOST]
    if words:
        filters["q"] = words
    for name in FACETS:
        codes = [code for code in given.getlist(name) if code]
        if codes:
            filters[name] = list(dict.fromkeys(codes))[:VALUES_MOST]
    return filters


def kept_of(filters: dict[str, Any]) -> Kept:
    """The same as an address says it."""
    plain = {"q": lambda words: [words], "fits": lambda _facts: ["1"]}
    return {name: plain.get(name, list)(value) for name, value in filters.items()}


def fits_shown(kept: Kept, found: dict[str, Any]) -> dict[str, Any]:
    """The filter of a vendor: on or off, and how many there are while it is on."""
    on = "fits" in kept
    url = address(kept, fits=[] if on else ["1"])
    count = said(found["total"], more=found["more"]) if on else ""
    return {"on": on, "url": url, "count": count}


def entry(actor: Actor, scenario: Scenario, now: datetime, query: Query | None) -> dict[str, Any]:
    parts = [localized_text(shown_owner(actor, scenario), "name")]
    parts += [term(row) for row in (scenario.domain, scenario.carrier, scenario.area) if row]
    title, summary = localized_text(scenario, "title"), localized_text(scenario, "summary")
    there = [marked(title, query), marked(summary, query)]
    return {
        "url": reverse("scenario", args=[scenario.address]),
        "ref": scenario.ref,
        "state": shown_state(scenario, now),
        "title": _with_marks(there[0]),
        "plain_title": title,
        "summary": _with_marks(there[1]),
        "found": _elsewhere(scenario, query)
        if query and not any(hit for parts in there for _text, hit in parts)
        else "",
        "meta": parts,
        "amount": scenario.budget_cny,
        "mode": mode_words(scenario),
        "deadline": scenario.deadline_at if is_open(scenario, now) else None,
    }


def _with_marks(parts: list[tuple[str, bool]]) -> SafeString | str:
    if not any(hit for _text, hit in parts):
        return "".join(text for text, _hit in parts)
    made = (format_html("<mark>{}</mark>" if hit else "{}", text) for text, hit in parts)
    return format_html_join("", "{}", ((piece,) for piece in made))


def _elsewhere(scenario: Scenario, query: Query) -> SafeString | str:
    """Where the words stand if neither title nor summary holds them."""
    for text in (scenario.need, scenario.pain, scenario.deliverables):
        piece = excerpt(text, query)
        if piece:
            return _with_marks(marked(piece, query))
    return ""


def mode_words(scenario: Scenario) -> str:
    if scenario.organising_mode == OrganisingMode.RACE:
        return _("Race × %(n)s") % {"n": scenario.race_entrants}
    return str(OrganisingMode(scenario.organising_mode).label)


def _labels(found: dict[str, Any], name: str) -> dict[str, Any]:
    return {choice.code: choice.label for choice in found.get(name, ())}


def chosen(found: dict[str, Any], kept: Kept) -> list[dict[str, Any]]:
    """The filters in force, each value with the address without it."""
    return [
        {
            "head": head,
            "label": _plain_label(name, value) or choice_label(labels.get(value, value)),
            "url": toggled(kept, name, value),
        }
        for name, head in HEADS.items()
        for labels in (_labels(found, name),)
        for value in kept.get(name, ())
    ]


def _plain_label(name: str, value: str) -> str:
    """Of what is no facet."""
    return {"q": value, "fits": str(FITS_SAID)}.get(name, "")


def drops(found: dict[str, Any], kept: Kept) -> list[dict[str, Any]]:
    """For an empty result: which filter to drop, the most helpful first."""
    rows = []
    for name, head in HEADS.items():
        count = found["without"].get(name, 0)
        if name in kept and count:
            labels = _labels(found, name)
            told = [
                _plain_label(name, value) or choice_label(labels.get(value, value))
                for value in kept[name]
            ]
            more = count >= COUNTED_MOST
            rows.append(
                {
                    "head": head,
                    "label": _(", ").join(told),
                    "count": count,
                    "said": said(count, more=more),
                    "url": address(kept, **{name: []}),
                }
            )
    return sorted(rows, key=lambda row: -row["count"])


def tries(filters: dict[str, Any], kept: Kept) -> list[dict[str, Any]]:
    """For an empty result: per word whether anything holds it, without it, and near to it."""
    told = advice(filters)
    typed = [drop.word for drop in told]
    rows = []
    for place, drop in enumerate(told):

        def instead(*words: str, place: int = place) -> str:
            said = " ".join([*typed[:place], *words, *typed[place + 1 :]])
            return address(kept, q=[said])

        rows.append(
            {
                "word": drop.word,
                "unknown": drop.unknown,
                "count": drop.count if len(told) > 1 else 0,
                "said": said(drop.count, more=drop.count >= COUNTED_MOST),
                "url": instead(),
                "near": [{"word": word, "url": instead(word)} for word in drop.near],
            }
        )
    return rows


def notes(given: QueryDict, asked: Asked) -> list[str]:
    """What of the words, or of the address, was not looked for."""
    told, query = [], asked.query
    if given.get("fits") and not asked.fits:
        told.append(
            _(
                "“Fits you” is for vendors whose organisation declares what it can do; here it filters nothing."
            )
        )
    if len(given.get("q", "").strip()) > TYPED_MOST:
        sentence = _("Only the first %(most)s characters are looked for.")
        told.append(sentence % {"most": TYPED_MOST})
    if query and not query.words:
        told.append(
            _(
                "Nothing in what was typed can be looked for: only letters, figures and Chinese characters can."
            )
        )
    if query and query.left_out:
        told.append(_("Only the first %(most)s words are looked for.") % {"most": WORDS_MOST})
    return told


def sorts(kept: Kept, present: str, *, usual: str, words: bool) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "url": address(kept, sort=[] if name == usual else [name]),
            "current": name == present,
            "code": name,
        }
        for name, label in SORTS.items()
        if name != "best" or words
    ]


def opened(so_far: Opened) -> dict[str, Any]:
    """The second line of the board: how many of the target, and the two parts of the bar."""
    target = so_far.target
    first = min(so_far.inside, target)
    second = min(so_far.after, target - first)
    return {
        "count": so_far.inside + so_far.after,
        "inside": so_far.inside,
        "after": so_far.after,
        "target": target,
        "strict": so_far.strict,
        "inside_width": f"{first * 100 / target:.2f}%",
        "after_width": f"{second * 100 / target:.2f}%",
    }
