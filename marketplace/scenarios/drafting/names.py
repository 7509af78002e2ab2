"""Which registered bidders a text may name, by what people call them."""

from __future__ import annotations

import re

from django.db import connection

from marketplace.scenarios.drafting.neutral import COMMON

READ_MOST = 40_000
NAMED_MOST = 50
SHORTEST = 3
# Where a company sits and what its form is are no part of what it is called.
SEAT = r"^(上海|北京|深圳|广州|杭州|南京|苏州|成都|武汉|临港|中国)(市|（集团）)?"
FORM = re.compile(
    r"（.*?）|\(.*?\)|股份有限公司|有限责任公司|有限公司|集团$|\b(?:co|ltd|inc|corp|llc|gmbh)\b\.?",
    re.IGNORECASE,
)
BEGINS = f"left(lower(regexp_replace(name, '{SEAT}', '')), {SHORTEST})"
SQL = f"""
    SELECT name, name_en FROM marketplace_organisation
    WHERE is_vendor AND id IS DISTINCT FROM %s
    AND ({BEGINS} = ANY(%s) OR left(lower(name_en), {SHORTEST}) = ANY(%s))
    LIMIT {NAMED_MOST}
"""  # noqa: S608 - constants alone


def called(name: str) -> str:
    """上海某盾科技股份有限公司 -> 某盾科技."""
    return re.sub(SEAT, "", FORM.sub("", name)).strip(" ,，-")


def bidders_named(text: str, *, without: int | None) -> list[str]:
    """Short names of bidders that occur in the text. One query, whatever its length.

    without: the organisation that writes; it may name itself.
    """
    text = text[:READ_MOST].lower()
    beginnings = sorted({text[at : at + SHORTEST] for at in range(len(text) - SHORTEST + 1)})
    beginnings = [words for words in beginnings if "\x00" not in words]
    if not beginnings:
        return []
    with connection.cursor() as cursor:
        cursor.execute(SQL, [without, beginnings, beginnings])
        rows = cursor.fetchall()
    found = {called(name) for row in rows for name in row if name}
    return sorted(
        name
        for name in found
        if len(name) >= SHORTEST and name not in COMMON and name.lower() in text
    )
