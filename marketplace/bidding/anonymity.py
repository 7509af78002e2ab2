"""Does a text tell who the bidder is? Plain comparison of names, no guessing."""

from __future__ import annotations

from typing import Any, Protocol

from marketplace.base.packer import names_told


class Named(Protocol):
    name: str
    name_en: str
    uscc: str


def telling_names(organisation: Named, business: dict[str, Any]) -> list[str]:
    """Every name by which a reader of the technical envelope could know the bidder."""
    return names_told(business, [organisation.name, organisation.name_en], [organisation.uscc])
