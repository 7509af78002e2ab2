"""How one typed value is read: a reader takes what came and returns a clean value.

Pure: no database. A reader raises Wrong with the rule that was broken and its sentence, in the
language of the moment. Empty stays empty: what must be there is asked at submission, not here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from marketplace.base.texts import Reader, Wrong, text

SHANGHAI = ZoneInfo("Asia/Shanghai")
DEADLINE_WITHIN = timedelta(days=731)

NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?", re.ASCII)
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
CODE = re.compile(r"[A-Z][A-Z0-9]{0,3}", re.ASCII)


def narrow(raw: str) -> str:
    """Full-width digits, points and commas as plain ones (NFKC); ² and ① are no digits."""
    if any(unicodedata.category(sign) == "No" for sign in raw):
        return raw
    return unicodedata.normalize("NFKC", raw).strip()


def decimal(
    *, places: int, above: Decimal | None = None, least: Decimal | None = None, most: Decimal
) -> Reader:
    """A number with at most so many decimal places, within its range."""

    def read(raw: Any) -> Decimal | None:
        value = _number(raw)
        if value is None:
            return None
        if above is not None and not above < value <= most:
            sentence = _("Must be more than %(above)s and at most %(most)s.")
            raise Wrong("number.range", sentence % {"above": f"{above:,f}", "most": f"{most:,f}"})
        if least is not None and not least <= value <= most:
            sentence = _("Must be between %(least)s and %(most)s.")
            raise Wrong("number.range", sentence % {"least": f"{least:,f}", "most": f"{most:,f}"})
        unit = Decimal(1).scaleb(-places)
        if value % unit:
            sentence = _("At most %(places)s decimal places.")
            raise Wrong("number.places", sentence % {"places": places})
        return value.quantize(unit)

    return read


def whole(*, least: int, most: int) -> Reader:
    """A whole number within its range."""
    inner = decimal(places=0, least=Decimal(least), most=Decimal(most))

    def read(raw: Any) -> int | None:
        try:
            value = inner(raw)
        except Wrong as wrong:
            if wrong.rule != "number.places":
                raise
            raise Wrong("number.whole", _("Enter a whole number.")) from wrong
        return None if value is None else int(value)

    return read


def _number(raw: Any) -> Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal | None):
        raise Wrong("number.form", _("Enter a number, for example 1200 or 99.5."))
    typed = narrow(str(raw)) if raw is not None else ""
    if not typed:
        return None
    if THOUSANDS.fullmatch(typed):
        typed = typed.replace(",", "")
    if not NUMBER.fullmatch(typed):
        raise Wrong("number.form", _("Enter a number, for example 1200 or 99.5."))
    return Decimal(typed)


def one_of(choices: Collection[str], *, empty: str | None = None) -> Reader:
    """One of the known codes; `empty` stands for nothing chosen."""

    def read(raw: Any) -> str | None:
        if raw is None or raw == "":
            return empty
        if not isinstance(raw, str) or raw not in choices:
            raise Wrong("choice.unknown", _("Choose one of the values offered."))
        return raw

    return read


def several_of(choices: Collection[str]) -> Reader:
    """Known codes, each once."""

    def read(raw: Any) -> list[str]:
        if raw is None:
            return []
        if not isinstance(raw, list | tuple) or any(
            not isinstance(code, str) or code not in choices for code in raw
        ):
            raise Wrong("choice.unknown", _("Choose among the values offered."))
        return list(dict.fromkeys(raw))

    return read


def flag(raw: Any) -> bool:
    if raw in (None, "", False, "off", "false"):
        return False
    if raw in (True, "on", "true"):
        return True
    raise Wrong("flag.form", _("Answer yes or no."))


def code(raw: Any) -> str:
    """M1, C2, Q3: a letter and up to three letters or digits. Empty means: number it for me."""
    clean = narrow(raw).upper() if isinstance(raw, str) else ""
    if (raw not in (None, "") and not clean) or (clean and not CODE.fullmatch(clean)):
        raise Wrong("code.form", _("A code is a letter and up to three letters or digits, as M1."))
    return clean


def deadline(now: datetime) -> Reader:
    """An instant after now and at most two years off; without a zone it is Beijing time."""

    def read(raw: Any) -> datetime | None:
        if raw is None or raw == "":
            return None
        try:
            at = raw if isinstance(raw, datetime) else datetime.fromisoformat(narrow(raw))
        except (TypeError, ValueError) as error:
            raise Wrong("time.form", _("Enter a date and time, as 2026-11-22 17:00.")) from error
        if at.tzinfo is None:
            at = at.replace(tzinfo=SHANGHAI)
        if at <= now:
            raise Wrong("deadline.past", _("The deadline must lie in the future."))
        if at > now + DEADLINE_WITHIN:
            raise Wrong("deadline.far", _("The deadline may be at most two years from now."))
        return at

    return read


def levels(raw: Any) -> list[dict[str, Any]]:
    """The anchored levels of a criterion: [{"points_percent": 0..100, "text": …}], at most ten."""
    if raw in (None, ""):
        return []
    wrong = Wrong("levels.form", _("A level has a share of points from 0 to 100 and a text."))
    if not isinstance(raw, list | tuple) or len(raw) > 10:
        raise wrong
    share = decimal(places=2, least=Decimal(0), most=Decimal(100))
    words = text(400)
    read: list[dict[str, Any]] = []
    for level in raw:
        if not isinstance(level, dict):
            raise wrong
        points = share(level.get("points_percent"))
        meaning = words(level.get("text", level.get("text_zh")))
        if points is None or not meaning:
            raise wrong
        read.append({"points_percent": f"{points.normalize():f}", "text": meaning})
    return read
