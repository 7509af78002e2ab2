"""A text as patterns read it, with the way back to what was typed.

Pure. Full-width signs become plain ones, the many dots and dashes one of each, and signs that
nobody sees vanish, so that none of them hides an address.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

DOTS = dict.fromkeys("。．｡・·•‧∙⋅․﹒", ".")
DASHES = dict.fromkeys("‐‑‒–—―−－﹣", "-")
COLONS = dict.fromkeys("：﹕︰∶", ":")
SAME = DOTS | DASHES | COLONS


@dataclass(frozen=True)
class Plain:
    """`text` is what patterns see; `origins[i]` is the place in `typed` of its i-th sign."""

    typed: str
    text: str
    origins: tuple[int, ...]

    def typed_at(self, start: int, end: int) -> tuple[int, str]:
        """Where a stretch of `text` begins in what was typed, and what was typed there."""
        first, last = self.origins[start], self.origins[end - 1]
        return first, self.typed[first : last + 1]


def plain(typed: str) -> Plain:
    signs: list[str] = []
    origins: list[int] = []
    for place, sign in enumerate(typed):
        if unicodedata.category(sign) == "Cf" or sign == "\u00ad":
            continue
        for one in _same(sign):
            signs.append(one)
            origins.append(place)
    return Plain(typed, "".join(signs), tuple(origins))


def _same(sign: str) -> str:
    if sign in SAME:
        return SAME[sign]
    if sign.isascii():
        return sign
    if unicodedata.category(sign) == "Nd":
        return str(unicodedata.digit(sign))
    return "".join(SAME.get(one, one) for one in unicodedata.normalize("NFKC", sign))
