"""Times in words, in the language of the moment: on pages, in notices and in mails."""

from __future__ import annotations

import datetime as dt

from marketplace.base.clock import SHANGHAI
from marketplace.base.languages import english


def instant_text(moment: dt.datetime, precision: str = "minute") -> str:
    local = moment.astimezone(SHANGHAI)
    clock = {
        "short": f"{local:%H:%M}",
        "minute": f"{local:%H:%M}",
        "second": f"{local:%H:%M:%S}",
        "millisecond": f"{local:%H:%M:%S}.{local.microsecond // 1000:03d}",
    }[precision]
    text = f"{day_text(local)} {clock}"
    if precision == "short":
        return text
    return f"{text} UTC+8" if english() else f"{text}（北京时间）"


def day_text(date: dt.date) -> str:
    if isinstance(date, dt.datetime):
        date = date.astimezone(SHANGHAI).date()
    return date.isoformat() if english() else f"{date.year}年{date.month}月{date.day}日"
