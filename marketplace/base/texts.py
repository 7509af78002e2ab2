"""How typed text is read: signs that can be shown, one line or several, and no longer than allowed.

Pure: no database. A reader raises Wrong with the rule that was broken and its sentence, in the
language of the moment.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.utils.translation import gettext as _

from marketplace.base.errors import Invalid, Text

Reader = Callable[[Any], Any]

# Control characters, lone surrogates, and marks that turn the direction of what follows.
UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class Wrong(Exception):
    """One value broke one rule."""

    def __init__(self, rule: str, message: str) -> None:
        self.rule, self.message = rule, message
        super().__init__(rule)


def text(most: int, *, lines: bool = False) -> Reader:
    """Text of at most so many characters; without `lines` it becomes one line."""

    def read(raw: Any) -> str:
        if raw is None:
            return ""
        if not isinstance(raw, str):
            raise Wrong("text.kind", _("Enter text."))
        if UNSHOWABLE.search(raw):
            raise Wrong("text.signs", _("This contains characters that cannot be shown."))
        clean = unicodedata.normalize("NFC", raw.replace("\r\n", "\n").replace("\r", "\n"))
        clean = clean.strip() if lines else " ".join(clean.split())
        if len(clean) > most:
            sentence = _("At most %(most)s characters; this has %(have)s.")
            raise Wrong("text.length", sentence % {"most": most, "have": len(clean)})
        return clean

    return read


def read_all(
    readers: Mapping[str, Reader], given: Mapping[str, Any], *, needed: Collection[str] = ()
) -> dict[str, Any]:
    """Every value that a reader knows; what is not given reads as nothing.

    Raises Invalid with all faults at once, field by field.
    """
    clean: dict[str, Any] = {}
    errors: dict[str, list[Text]] = {}
    for name, read in readers.items():
        try:
            clean[name] = read(given.get(name))
        except Wrong as wrong:
            errors[name] = [wrong.message]
            continue
        if name in needed and not clean[name]:
            errors[name] = [_("This must be filled in.")]
    if errors:
        raise Invalid(errors=errors)
    return clean
