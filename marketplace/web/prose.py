"""Long free texts as people write them, in a small markdown, shown safely.

Two walls: the parser knows no raw HTML, no images and no links but https and mailto, and what it
makes is cleaned once more by an allow-list. Mails and the API give the source as it was typed.
"""

from __future__ import annotations

import re
from functools import cache

import nh3
from django.utils.html import linebreaks
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore

# Longer than every field that is shown so; beyond it the text stands plain, in bounded time.
LONGEST = 20_000
# As deep as lists and quotations go: the parser drops what lies deeper, so such a text stands plain.
DEEPEST = 20
HEADING = "h3"
TAGS = {HEADING, "p", "br", "hr", "ul", "ol", "li", "blockquote", "strong", "em", "code", "pre"}
SCHEMES = {"https", "mailto"}
ADDRESS = re.compile(r"(https://|mailto:)[^\s]+", re.IGNORECASE)
RULES = ["blockquote", "fence", "hr", "list", "heading", "emphasis", "backticks", "newline"]
LINKS = ["link", "autolink"]


def one_heading(state: StateCore) -> None:
    """The page owns the first two levels; a text has one below them."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = HEADING


@cache
def parser(*, links: bool) -> MarkdownIt:
    # "zero" knows paragraphs alone; raw HTML, entities, images and indented code stay unknown.
    made = MarkdownIt(
        "zero",
        {"breaks": True, "maxNesting": DEEPEST, "html": False},
        renderer_cls=RendererHTML,
    )
    made.enable([*RULES, "escape", *(LINKS if links else [])])
    made.validateLink = lambda url: ADDRESS.fullmatch(url) is not None  # type: ignore[method-assign]
    made.core.ruler.push("one_heading", one_heading)
    return made


def prose(text: str, *, links: bool = True) -> SafeString:
    """Markup of a text. Without links for what blind readers see: nothing leads them elsewhere."""
    text = text.strip("\r\n")
    if len(text) > LONGEST:
        return plain(text)
    reader = parser(links=links)
    tokens = reader.parse(text)
    if any(token.level >= DEEPEST - 1 for token in tokens):
        return plain(text)
    made = nh3.clean(
        reader.renderer.render(tokens, reader.options, {}),
        tags=TAGS | ({"a"} if links else set()),
        attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
        url_schemes=SCHEMES,
        link_rel="noopener nofollow",
    )
    return mark_safe(made)


def plain(text: str) -> SafeString:
    return mark_safe(linebreaks(text, autoescape=True))
