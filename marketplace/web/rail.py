"""The board's rail: its facets with their counts, and the addresses that they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.scenarios.board import Choice
from marketplace.scenarios.search.asked import FACETS
from marketplace.web.fragments import fragment, known_by
from marketplace.web.templatetags.jiebang import term

HEADS = {
    "q": gettext_lazy("Words"),
    "fits": gettext_lazy("Fits you"),
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
FITS_SAID = gettext_lazy("what your organisation declares that it can do")
# Open from the start; the others once something of them is chosen.
UNFOLDED = ("state", "domain", "carrier", "area", "mode")
Kept = dict[str, list[str]]


def said(count: int, *, more: bool) -> str:
    return f"{count:,}+" if more else f"{count:,}"


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


def rail(found: dict[str, Any], kept: Kept) -> SafeString:
    """The facets with their choices, each with where it leads (a chosen one drops itself).

    In one piece, since there are a hundred of them, and made once for as long as the same is counted.
    """
    told = [
        (choice.code, choice_label(choice.label), choice.count, choice.more, choice.chosen)
        for name in FACETS
        for choice in found[name]
    ]
    return fragment(("rail", known_by(kept.items()), tuple(told)), lambda: _rail(found, kept))


GROUP = '<details class="jb-rail-group"{}><summary><h2>{}</h2>{}</summary><ul>{}</ul></details>\n'
LEADS = (
    '<li><a class="jb-rail-link" id="facet-{}-{}" href="{}"{}><span>{}{}</span>'
    ' <span class="jb-num">{}</span></a></li>'
)
NONE = '<li><span class="jb-rail-link pub-none"><span>{}</span> <span class="jb-num">0</span></span></li>'
IN_FORCE = SafeString(' aria-current="true"')
OPEN = SafeString(" open")


def _rail(found: dict[str, Any], kept: Kept) -> SafeString:
    drops = format_html(
        '<span class="visually-hidden"> ({})</span>', _("chosen; choose again to drop")
    )
    return format_html_join(
        "",
        GROUP,
        (
            (
                OPEN if name in UNFOLDED or name in kept else "",
                HEADS[name],
                format_html(' <span class="jb-count jb-num">{}</span>', len(kept[name]))
                if name in kept
                else "",
                SafeString("".join(_choices(name, found[name], kept, drops))),
            )
            for name in FACETS
        ),
    )


def _choices(name: str, choices: list[Choice], kept: Kept, drops: SafeString) -> Iterator[str]:
    for choice in choices:
        label = choice_label(choice.label)
        # A set that was cut short tells of no choice that there is none.
        if not (choice.count or choice.more or choice.chosen):
            yield format_html(NONE, label)
            continue
        yield format_html(
            LEADS,
            name,
            choice.code,
            toggled(kept, name, choice.code),
            IN_FORCE if choice.chosen else "",
            label,
            drops if choice.chosen else "",
            "" if choice.more and not choice.count else said(choice.count, more=choice.more),
        )
