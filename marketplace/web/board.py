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
from marketplace.scenarios.models import OrganisingMode, Scenario
from marketplace.scenarios.queries import is_open
from marketplace.scenarios.search.asked import FACETS, VALUES_MOST, asked_of
from marketplace.scenarios.search.asking import TYPED_MOST, WORDS_MOST
from marketplace.scenarios.search.counts import COUNTED_MOST
from marketplace.scenarios.search.marks import excerpt, marked
from marketplace.scenarios.search.nearest import advice
from marketplace.scenarios.search.words import Query
from marketplace.web.course import shown_state
from marketplace.web.kept import kept_for_visitors
from marketplace.web.pages import actor_of
from marketplace.web.request import Request
from marketplace.web.templatetags.jiebang import localized_text, term
from marketplace.web.watch_buttons import may_watch, with_buttons

PER_PAGE = 20
# A page far behind costs what all before it cost; there are filters.
PAGES_MOST = 500
HEADS = {
    "q": gettext_lazy("Words"),
    "state": gettext_lazy("State"),
    "domain": gettext_lazy("Domain"),
    "focus": gettext_lazy("Focus"),
    "technology": gettext_lazy("Technology"),
    "carrier": gettext_lazy("Carrier"),
    "area": gettext_lazy("Area"),
    "platform": gettext_lazy("Linked programme or platform"),
    "budget": gettext_lazy("Challenge budget"),
    "mode": gettext_lazy("How it is awarded"),
    "deadline": gettext_lazy("Deadline"),
}
# Open from the start; the others once something of them is chosen.
UNFOLDED = ("state", "domain", "carrier", "area", "mode")
Kept = dict[str, list[str]]


@login_not_required
@require_safe
@kept_for_visitors
def board_page(request: Request) -> HttpResponse:
    """Filters, sort and page stand in the address; htmx gets the part that changes."""
    actor, given = actor_of(request), request.GET
    filters = filters_of(given)
    asked = asked_of(filters)
    usual = usual_sort(filters)
    sort = given.get("sort", "")
    sort = sort if sort in SORTS and (sort != "best" or asked.query) else usual
    found = facets(actor, filters)
    reach = COUNTED_MOST if found["more"] else PAGES_MOST * PER_PAGE
    pages = Paginator(range(min(found["total"], reach)), PER_PAGE)
    page = pages.get_page(given.get("page"))
    first = max(0, page.start_index() - 1)
    shown = page_of(actor, filters, sort, first, page.end_index(), found=found)
    now = clock.now()
    kept: Kept = {name: [codes] if name == "q" else codes for name, codes in filters.items()}
    if sort != usual:
        kept["sort"] = [sort]
    context = {
        "now": now,
        "server_now": now,
        "page_obj": page,
        "entries": with_buttons(
            actor, shown, [entry(actor, row, now, asked.query) for row in shown]
        ),
        "total": found["total"],
        "total_said": said(found["total"], more=found["more"]),
        "q": filters.get("q", ""),
        "kept": [(name, value) for name, values in kept.items() if name != "q" for value in values],
        "query": urlencode(kept, doseq=True),
        "groups": groups(found, kept),
        "chosen": chosen(found, kept),
        "sorts": sorts(kept, sort, usual=usual, words=asked.query is not None),
        "filtered": asked.anything,
        "saves": asked.anything and may_watch(actor),
        "notes": notes(given, asked.query),
        **({} if found["total"] else {"drops": drops(found, kept), "tries": tries(filters, kept)}),
    }
    part = request.htmx and not request.htmx.history_restore_request
    if part:
        template = "public/_board.html"
    else:
        template = "public/board.html"
        context["opened"] = opened(opened_so_far())
    return render(request, template, context)


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


def said(count: int, *, more: bool) -> str:
    return f"{count:,}+" if more else f"{count:,}"


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
        "summary": _with_marks(there[1]),
        "found": _elsewhere(scenario, query)
        if query and not any(hit for parts in there for _text, hit in parts)
        else "",
        "meta": parts,
        "amount": scenario.budget_cny,
        "mode": mode_words(scenario),
        "deadline": scenario.deadline_at if is_open(scenario, now) else None,
    }


def _with_marks(parts: list[tuple[str, bool]]) -> SafeString:
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


def address(kept: Kept, **changed: list[str]) -> str:
    """The board with these filters; an empty value drops one."""
    query = {name: values for name, values in {**kept, **changed}.items() if any(values)}
    return f"{reverse('board')}?{urlencode(query, doseq=True)}" if query else reverse("board")


def toggled(kept: Kept, name: str, code: str) -> str:
    """The board with this value more, or without it where it is in force."""
    present = kept.get(name, [])
    rest = [one for one in present if one != code]
    return address(kept, **{name: rest if code in present else [*present, code]})


def choice_label(label: Any) -> str:
    return term(label) if hasattr(label, "name_zh") else str(label)


def groups(found: dict[str, Any], kept: Kept) -> list[dict[str, Any]]:
    """The rail: per facet its choices, each with where it leads (a chosen one drops itself)."""
    return [
        {
            "name": name,
            "head": HEADS[name],
            "open": name in UNFOLDED or name in kept,
            "in_force": len(kept.get(name, ())),
            "choices": [
                {
                    "code": choice.code,
                    "label": choice_label(choice.label),
                    # A set that was cut short tells of no choice that there is none.
                    "count": "" if choice.more and not choice.count
                    else said(choice.count, more=choice.more),
                    "leads": choice.count or choice.more or choice.chosen,
                    "chosen": choice.chosen,
                    "url": toggled(kept, name, choice.code),
                }
                for choice in found[name]
            ],
        }
        for name in FACETS
    ]  # fmt: skip


def _labels(found: dict[str, Any], name: str) -> dict[str, Any]:
    return {choice.code: choice.label for choice in found.get(name, ())}


def chosen(found: dict[str, Any], kept: Kept) -> list[dict[str, Any]]:
    """The filters in force, each value with the address without it."""
    return [
        {
            "head": head,
            "label": value if name == "q" else choice_label(labels.get(value, value)),
            "url": address(kept, q=[]) if name == "q" else toggled(kept, name, value),
        }
        for name, head in HEADS.items()
        for labels in (_labels(found, name),)
        for value in kept.get(name, ())
    ]


def drops(found: dict[str, Any], kept: Kept) -> list[dict[str, Any]]:
    """For an empty result: which filter to drop, the most helpful first."""
    rows = []
    for name, head in HEADS.items():
        count = found["without"].get(name, 0)
        if name in kept and count:
            labels = _labels(found, name)
            told = [choice_label(labels.get(value, value)) for value in kept[name]]
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


def notes(given: QueryDict, query: Query | None) -> list[str]:
    """What of the words was not looked for."""
    told = []
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
