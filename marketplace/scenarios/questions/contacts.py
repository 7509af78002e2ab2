"""What in a question would tell who asks: ways to reach somebody, and the asker's own names.

Pure: no database. Found by plain patterns; who wants to be known will find a way, and who does not
is kept from a slip.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.base.packer import names_found
from marketplace.scenarios.disclosure import reach

Text = str | Promise

WEB = re.compile(r"(?:https?://|\bwww\.)\S+", re.IGNORECASE)
CREDIT_CODE = re.compile(
    r"(?<![0-9A-Z])[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Z])"
)
FINDERS: tuple[tuple[Callable[[str], Iterable[object]], Text], ...] = (
    (reach.mails, _("an e-mail address")),
    (reach.mobiles, _("a phone number")),
    (reach.lines, _("a phone number")),
    (reach.messengers, _("an account of a messenger")),
    (WEB.finditer, _("an address on the web")),
    (CREDIT_CODE.finditer, _("a credit code of an organisation")),
)


def contacts_found(text: str, names: Iterable[str]) -> list[Text]:
    """What of the asker the text tells, each kind once, in words.

    names: those of the asker: its organisation and its people.
    """
    plain = unicodedata.normalize("NFKC", text)
    found: list[Text] = []
    for finder, words in FINDERS:
        if words not in found and any(True for _one in finder(plain)):
            found.append(words)
    if names_found(plain, [name for name in names if len(name.strip()) > 1]):
        found.append(_("your own name"))
    return found
