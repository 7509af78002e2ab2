"""The words and figures of a page: money, time, states, terms, and small drawings.

Everything here is presentation. Times arrive aware and leave as Asia/Shanghai; money
arrives as Decimal CNY.
"""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.urls import NoReverseMatch, reverse, translate_url
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from marketplace.base.actor import VISITOR
from marketplace.bidding.record.faults import in_language, why
from marketplace.notices.counter import known
from marketplace.scenarios.disclosure.mask import shown_owner
from marketplace.web.fragments import fragment, known_by
from marketplace.web.prose import prose
from marketplace.web.states import ICONS, REMEDIES, badge_for
from marketplace.web.unread import unread_shown
from marketplace.web.words import (
    NOTHING,
    SHANGHAI,
    day_text,
    english,
    instant_text,
    is_foreign,
    localized_pair,
    money_text,
    part,
    plain,
    remaining_text,
    written,
)

register = template.Library()
# As json_script does: nothing in a data block ends it.
NO_MARKUP = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


# --- figures ---------------------------------------------------------------


@register.simple_tag
def money(value: Decimal | int | str | None) -> str:
    if value in (None, ""):
        return NOTHING
    amount = Decimal(str(value))
    return format_html(
        '<data class="jb-num jb-nowrap" value="{}" title="{}">{}</data>',
        f"{amount:.2f}",
        f"CNY {amount:,.2f}" if english() else f"{amount:,.2f} 元",
        money_text(amount),
    )


@register.simple_tag
def number(value: Decimal | int | str | None) -> str:
    """A figure with thousands separated and no idle zeros."""
    if value in (None, ""):
        return NOTHING
    return format_html('<span class="jb-num">{}</span>', plain(Decimal(str(value))))


# --- time ------------------------------------------------------------------


@register.simple_tag
def instant(moment: dt.datetime | None, precision: str = "minute") -> str:
    """A moment in Beijing time: short (without the zone), minute, second or millisecond."""
    if not moment:
        return NOTHING
    return format_html(
        '<time class="jb-num" title="{}" datetime="{}">{}</time>',
        instant_text(moment, "second"),
        moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        instant_text(moment, precision),
    )


@register.filter
def moment(at: dt.datetime) -> str:
    """The same as plain words, to stand inside a translated sentence."""
    return instant_text(at)


@register.simple_tag
def day(date: dt.date | None) -> str:
    if not date:
        return NOTHING
    local = date.astimezone(SHANGHAI).date() if isinstance(date, dt.datetime) else date
    return format_html(
        '<time class="jb-num jb-nowrap" datetime="{}">{}</time>',
        local.isoformat(),
        day_text(local),
    )


@register.simple_tag
def countdown(
    deadline: dt.datetime | None, now: dt.datetime, label: str = "", over: str = ""
) -> SafeString:
    """Time left until a half-open deadline, by the server's clock.

    app.js keeps it running from the two moments; without it the text stands as rendered. In one
    piece, since a list has one on every line.
    """
    if deadline is None or not deadline:
        return format_html('<span class="jb-countdown">{}</span>', NOTHING)
    left = deadline - now
    closed = left <= dt.timedelta(0)
    over = over or _("Closed")
    if closed:
        tone, shown = " jb-countdown-over", format_html(OVER, icon("lock"), over)
    else:
        tone = " jb-countdown-urgent" if left < dt.timedelta(days=1) else ""
        shown = format_html(LEFT, icon("wait"), label or _("Closes in"), remaining_text(left))
    return format_html(
        COUNTDOWN,
        tone,
        deadline.astimezone(dt.UTC).isoformat(),
        now.astimezone(dt.UTC).isoformat(),
        _("%(days)s d %(hours)s h"),
        _("%(hours)s h %(minutes)s min"),
        _("%(minutes)s min %(seconds)s s"),
        over,
        shown,
    )


COUNTDOWN = (
    '<span class="jb-countdown{}" role="timer" data-countdown data-deadline="{}" data-now="{}"'
    ' data-text-days="{}" data-text-hours="{}" data-text-minutes="{}" data-over="{}">{}</span>'
)
OVER = "{}<span data-left>{}</span>"
LEFT = '{}<span class="jb-countdown-label">{}</span> <strong class="jb-num" data-left>{}</strong>'


@register.simple_tag
def entry_said(entry: Any) -> SafeString:
    """All of a list's line that does not run with the clock and is not its reader's.

    In one piece, and made once for all lines that say the same.
    """
    told = {name: part(entry, name, None) for name in SAID}
    return fragment(("entry", known_by(told.values())), lambda: _entry_said(**told))


SAID = ("url", "ref", "state", "tags", "title", "summary", "found", "fit", "meta", "amount",
        "amount_text", "mode")  # fmt: skip
ENTRY = (
    '<article class="jb-entry" hx-boost="false"><div class="jb-entry-main">'
    '<p class="jb-entry-ref"><span class="jb-num">{}</span> {}{}</p>'
    '<h3 class="jb-entry-title"><a href="{}">{}</a></h3>'
    '{}{}{}<p class="jb-entry-meta">{}</p></div>'
    '<div class="jb-entry-side"><p class="jb-entry-amount">{}</p>{}'
)


def _entry_said(
    *, url: Any, ref: Any, state: Any, tags: Any, title: Any, summary: Any, found: Any, fit: Any,
    meta: Any, amount: Any, amount_text: Any, mode: Any,
) -> SafeString:  # fmt: skip
    def some(piece: str, *values: Any) -> str:
        return format_html(piece, *values) if values[-1] else ""

    return format_html(
        ENTRY,
        ref or "",
        state_badge(state),
        _each('<span class="jb-tag">{}</span>', tags),
        url,
        written(title),
        some('<p class="jb-entry-summary">{}</p>', written(summary)),
        some(
            '<p class="jb-entry-found"><span class="jb-muted">{}</span> {}</p>',
            _("In the text:"),
            written(found),
        ),
        some('<p class="jb-entry-found">{} {}</p>', icon("star"), fit),
        _each("<span>{}</span>", meta),
        amount_text or "" if amount is None else money(amount),
        some('<p class="jb-entry-mode">{}</p>', mode),
    )


def _each(piece: str, values: Any) -> SafeString:
    return format_html_join("", piece, ((written(value),) for value in values or ()))


@register.inclusion_tag("base/_unread.html", takes_context=True)
def unread_notices(context: Any) -> dict[str, Any]:
    """The header's link to the messages, with the number if it is known without a query."""
    return unread_shown(known(context["user"].uid))


# --- words -----------------------------------------------------------------


@register.simple_tag
def term(row: Any) -> str:
    """The name of a vocabulary row in the reader's language."""
    if not row:
        return NOTHING
    return str((english() and part(row, "name_en")) or part(row, "name_zh") or part(row, "code"))


@register.filter(name="term")
def term_filter(row: Any) -> str:
    return term(row)


@register.simple_tag
def localized(row: Any, name: str) -> SafeString:
    """A free text with its language marked where it differs from the page's."""
    text, language = localized_pair(row, name)
    if (language == "en") == english():
        return conditional_escape(text)
    return format_html('<span lang="{}">{}</span>', language, text)


@register.simple_tag(name="prose")
def prose_of(row: Any, name: str) -> SafeString:
    """A long text of a row in small markdown, with its language marked where it differs."""
    text, language = localized_pair(row, name)
    if (language == "en") == english():
        return prose_filter(text)
    return format_html('<div class="jb-text" lang="{}">{}</div>', language, prose(text))


@register.simple_tag(takes_context=True)
def owner_of(context: Any, scenario: Any, *, linked: bool = True) -> SafeString:
    """Whose demand it is, as this reader may know it, with the way to its page where it has one."""
    owner = shown_owner(context.get("actor") or VISITOR, scenario)
    name = localized(owner, "name")
    if owner.masked:
        title = _("The owner is named with the publicity of the award.")
        return format_html('<span title="{}">{}</span>', title, name)
    if not linked or owner.organisation is None:
        return name
    url = reverse("organisation", args=[owner.organisation.uid])
    return format_html('<a href="{}">{}</a>', url, name)


@register.filter(name="prose")
def prose_filter(text: Any, how: str = "") -> SafeString:
    """The same of a plain value; `unlinked` where the reader is blind to its author."""
    shown = prose(str(text), links=how != "unlinked") if text else NOTHING
    if is_foreign(text):
        return format_html('<div class="jb-text" lang="zh-Hans">{}</div>', shown)
    return format_html('<div class="jb-text">{}</div>', shown)


register.filter(written)


@register.filter
def lang_mark(text: Any) -> SafeString:
    """The same as an attribute, for an element that holds no other: <option{{ name|lang_mark }}>."""
    return SafeString(' lang="zh-Hans"') if is_foreign(text) else SafeString("")


@register.filter
def why_unopened(reason: str) -> str:
    """The opener's reason in words, as the opening record says them."""
    return in_language(why(reason)) if reason else ""


@register.filter
def localized_text(row: Any, name: str) -> str:
    """The same without markup, for titles and attributes."""
    return localized_pair(row, name)[0]


@register.simple_tag
def icon(name: str) -> SafeString:
    """A small decorative drawing of our own; words stand beside it."""
    return format_html(
        '<svg class="jb-icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">'
        '<path d="{}"/></svg>',
        ICONS[name],
    )


@register.simple_tag
def state_badge(state: Any, label: str = "", tone: str = "") -> SafeString:
    """A state as icon and word, from a row with a state or from a state's code.

    label and tone override what the row and the code say.
    """
    if hasattr(state, "get_state_display"):
        label, state = label or state.get_state_display(), state.state
    badge = badge_for(str(getattr(state, "value", state)))
    words = label or getattr(state, "label", "") or badge.label
    return format_html(
        '<span class="jb-badge jb-{}">{}{}</span>', tone or badge.tone, icon(badge.icon), words
    )


@register.simple_tag
def hash_short(value: str | bytes | None, copy: bool = True) -> str:
    """The two ends of a digest; the whole of it on hover and in the copy button."""
    if not value:
        return NOTHING
    text = value.hex() if isinstance(value, bytes | memoryview) else str(value)
    shown = text if len(text) <= 20 else f"{text[:8]}…{text[-8:]}"
    button = format_html(
        '<button type="button" class="jb-copy" data-copy="{}" data-copied="{}" hidden>{}</button>',
        text,
        _("Copied"),
        _("Copy"),
    )
    return format_html(
        '<span class="jb-hash"><code title="{}">{}</code>{}</span>',
        text,
        shown,
        button if copy else "",
    )


@register.filter
def sentence(refusal: Any) -> str:
    """What a refusal says: of a DomainError with its places filled, of a dict its message."""
    return str(part(refusal, "message") if isinstance(refusal, dict) else refusal)


@register.inclusion_tag("components/_refusal.html")
def refused(error: Any, **more: Any) -> dict[str, Any]:
    """A refusal (DomainError or dict), with rule, rule_url, since and remedy where known."""
    code = part(error, "code")
    known = {name: part(error, name) for name in ("rule", "rule_url", "since", "remedy")}
    known["remedy"] = known["remedy"] or REMEDIES.get(code, "")
    details = [
        (name, str(text)) for name, texts in (part(error, "errors") or {}).items() for text in texts
    ]
    return {
        "refusal": known | {"message": sentence(error), "code": code} | more,
        "details": details,
    }


# --- the frame -------------------------------------------------------------


@register.simple_tag(takes_context=True)
def other_language(context: template.Context) -> dict[str, str]:
    """The page in the other language: code for lang and hreflang, name, url."""
    request = context.get("request")
    code, tag, name = ("zh-hans", "zh-Hans", "中文") if english() else ("en", "en", "English")
    try:
        url = translate_url(request.get_full_path(), code) if request else "/"
    except NoReverseMatch:
        url = "/" if code == "zh-hans" else "/en/"
    return {"code": tag, "name": name, "url": url}


@register.simple_tag
def linked_data(data: list[dict[str, Any]]) -> SafeString:
    """A graph of schema.org for programs. A data block: no browser runs it."""
    graph = json.dumps({"@context": "https://schema.org", "@graph": data}, ensure_ascii=False)
    return format_html(
        '<script type="application/ld+json">{}</script>', SafeString(graph.translate(NO_MARKUP))
    )


@register.simple_tag(takes_context=True)
def current(context: template.Context, url: str) -> str:
    """aria-current for a navigation link: page on the page itself, true below it."""
    request = context.get("request")
    if not request or not url:
        return ""
    path = urlsplit(url).path
    if request.path == path:
        return "aria-current=page"
    home = path.strip("/") in {"", "en"}
    return "aria-current=true" if not home and request.path.startswith(path) else ""


@register.simple_tag
def page_language() -> str:
    """The lang attribute: zh-Hans or en."""
    return "en" if english() else "zh-Hans"
