"""What in a question would tell who asks: ways to reach somebody, and the asker's own names.

Pure: no database. Found by plain patterns; who wants to be known will find a way, and who does not
is kept from a slip.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.base.packer import names_found

Text = str | Promise

# A number may be written with blanks, dots or dashes between its digits.
GAP = r"[\s.\-]?"
PATTERNS: tuple[tuple[re.Pattern[str], Text], ...] = (
    (
        re.compile(r"[\w.+\-]+\s?@\s?[\w\-]+(\.[\w\-]+)+"),
        _("an e-mail address"),
    ),
    (
        re.compile(rf"(?<![\d.])(\+?86{GAP})?1[3-9]\d{GAP}(\d{GAP}){{7}}\d(?![\d.])"),
        _("a phone number"),
    ),
    (
        re.compile(r"(?<!\d)(\+?86[\s\-]?)?\(?0\d{2,3}\)?[\s\-]\d{7,8}(?!\d)"),
        _("a phone number"),
    ),
    (
        re.compile(
            r"(微信|wechat|weixin|\bqq)\s*(号|id)?\s*[:=]?\s*[a-z0-9_\-]{5,}", re.IGNORECASE
        ),
        _("an account of a messenger"),
    ),
    (
        re.compile(r"(?:https?://|\bwww\.)\S+", re.IGNORECASE),
        _("an address on the web"),
    ),
    (
        re.compile(r"(?<![0-9A-Z])[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Z])"),
        _("a credit code of an organisation"),
    ),
)


def contacts_found(text: str, names: Iterable[str]) -> list[Text]:
    """What of the asker the text tells, each kind once, in words.

    names: those of the asker: its organisation and its people.
    """
    plain = unicodedata.normalize("NFKC", text)
    found: list[Text] = []
    for pattern, words in PATTERNS:
        if pattern.search(plain) and words not in found:
            found.append(words)
    if names_found(plain, [name for name in names if len(name.strip()) > 1]):
        found.append(_("your own name"))
    return found
