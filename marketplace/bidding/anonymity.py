"""Does a text tell who the bidder is? Plain comparison of names, no guessing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, Protocol

# Endings without which a firm is still recognised.
LEGAL_FORMS = re.compile(
    r"(股份有限公司|有限责任公司|有限公司|集团|,?\s*(co\.?,?\s*ltd\.?|inc\.?|ltd\.?|llc|corp\.?))\s*$",
    re.IGNORECASE,
)
BRACKETED = re.compile(r"[（(][^）)]*[）)]")


class Named(Protocol):
    name: str
    name_en: str
    uscc: str


def telling_names(organisation: Named, business: dict[str, Any]) -> list[str]:
    """Every name by which a reader of the technical envelope could know the bidder."""
    firms: list[Any] = [organisation.name, organisation.name_en]
    codes: list[Any] = [
        organisation.uscc,
        business.get("contact_email"),
        business.get("contact_phone"),
    ]
    people = [business.get(n) for n in ("legal_representative", "contact_name", "project_leader")]
    people += [row.get("name") for row in plain_rows(business.get("team"))]
    for partner in plain_rows(business.get("consortium")):
        firms.append(partner.get("name"))
        codes.append(partner.get("uscc"))
    cores = [core(firm) for firm in firms if isinstance(firm, str)]
    found = [text.strip() for text in [*firms, *cores, *codes, *people] if isinstance(text, str)]
    return list(dict.fromkeys(text for text in found if len(folded(text)) > 1))


def plain_rows(value: Any) -> Iterable[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def core(firm: str) -> str:
    """示盾安全（虚构）有限公司 → 示盾安全."""
    return LEGAL_FORMS.sub("", BRACKETED.sub("", firm).strip()).strip()


def folded(text: str) -> str:
    """Half width, lower case, no blanks: how somebody would hide a name in plain sight."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text).casefold())


def names_found(text: str, names: Iterable[str]) -> list[str]:
    """Those of the names that the text contains, the longest reading of each place first.

    Latin names must stand as words ("Li" is not found in "reliable"); Chinese ones may stand
    anywhere, blanks ignored.
    """
    spaced = unicodedata.normalize("NFKC", text).casefold()
    compact = folded(text)
    found: list[str] = []
    for name in sorted(names, key=len, reverse=True):
        if not stands_in(name, spaced, compact):
            continue
        if not any(folded(name) in folded(longer) for longer in found):
            found.append(name)
    return found


def stands_in(name: str, spaced: str, compact: str) -> bool:
    needle = folded(name)
    if not needle.isascii():
        return needle in compact
    words = r"\s*".join(re.escape(sign) for sign in needle)
    return re.search(rf"(?<![a-z0-9]){words}(?![a-z0-9])", spaced) is not None
