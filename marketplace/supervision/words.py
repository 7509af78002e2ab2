"""Free text as people type it: one form, nothing unshowable, within its length."""

from __future__ import annotations

import unicodedata

from django.utils.translation import gettext as _

from marketplace.base.errors import Invalid


def words(raw: str, most: int, *, field: str, lines: bool = True) -> str:
    """The text, trimmed and in one form. Raises Invalid when empty, too long or unshowable."""
    clean = unicodedata.normalize("NFC", raw.replace("\r\n", "\n").replace("\r", "\n"))
    if any(unicodedata.category(sign) in {"Cc", "Cs"} and sign not in "\n\t" for sign in clean):
        raise Invalid(errors={field: [_("This contains characters that cannot be shown.")]})
    clean = clean.strip() if lines else " ".join(clean.split())
    if not clean:
        raise Invalid(errors={field: [_("This field is required.")]})
    if len(clean) > most:
        sentence = _("At most %(most)s characters; this has %(have)s.")
        raise Invalid(errors={field: [sentence % {"most": most, "have": len(clean)}]})
    return clean
