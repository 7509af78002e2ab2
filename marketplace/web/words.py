"""Money, time and names in words, in the language of the page.

Times arrive aware and leave as Asia/Shanghai; money arrives as Decimal CNY.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from marketplace.base.clock import SHANGHAI
from marketplace.base.languages import english
from marketplace.base.moments import day_text, instant_text

__all__ = [
    "NOTHING",
    "SHANGHAI",
    "day_text",
    "english",
    "instant_text",
    "is_foreign",
    "localized_pair",
    "marked_choices",
    "money_text",
    "part",
    "plain",
    "remaining_text",
    "written",
]

NOTHING = "—"
# A choice of a select, of radio buttons or of boxes whose own words are Chinese.
CHINESE_CHOICE = re.compile(
    r"<(option|label)(?=[^>]*>(?:\s*<input[^>]*>)?[^<]*[\u3400-\u9fff\uf900-\ufaff])"
)
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
WAN = Decimal(10_000)


def part(thing: Any, name: str, default: Any = "") -> Any:
    """An attribute of an object or a key of a dict, so both can feed a component."""
    if isinstance(thing, dict):
        return thing.get(name, default)
    return getattr(thing, name, default)


def plain(number: Decimal) -> str:
    """1680.500000 -> "1,680.5": thousands separated, trailing zeros gone."""
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money_text(value: Decimal) -> str:
    """168 万元, or yuan below ten thousand; CNY 1,680,000.00 on English pages."""
    exact = f"{value:,.2f}"
    if english():
        return f"CNY {exact}"
    if abs(value) < WAN:
        return f"{exact} 元"
    return f"{plain(value / WAN)} 万元"


def remaining_text(left: dt.timedelta) -> str:
    """How long is left, in the two largest units, rounded down."""
    seconds = max(0, int(left.total_seconds()))
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    if days:
        return _("%(days)s d %(hours)s h") % {"days": days, "hours": hours}
    if hours:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": seconds}


def is_foreign(text: Any) -> bool:
    """Chinese on an English page, and not marked as such already."""
    if isinstance(text, SafeString) and "lang=" in text:
        return False
    return english() and bool(HAN.search(str(text or "")))


def written(text: Any) -> Any:
    """What a person wrote, which has no English: marked as Chinese on an English page."""
    return format_html('<span lang="zh-Hans">{}</span>', text) if is_foreign(text) else text


def marked_choices(control: SafeString) -> SafeString:
    """The choices of a control that are Chinese on an English page, told to be so."""
    return SafeString(CHINESE_CHOICE.sub(r'<\1 lang="zh-Hans"', control)) if english() else control


def localized_pair(row: Any, name: str) -> tuple[str, str]:
    """(text, its language): English where it exists and is wanted, else as written."""
    if english() and part(row, f"{name}_en"):
        return str(part(row, f"{name}_en")), "en"
    written_in = str(part(row, "language") or "zh-hans")
    return str(part(row, name)), "en" if written_in.startswith("en") else "zh-Hans"
