from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.uscc import faults

SENTENCES = {
    "full_width": _("The code contains full-width characters; type it in half width."),
    "lower_case": _("The code contains lower-case letters; use capitals."),
    "length": _("The code must have exactly 18 characters."),
    "alphabet": _("The code may hold only digits and capitals other than I, O, S, V, Z."),
    "region": _("Characters 3 to 8 must be the six digits of the registration region."),
    "organisation_check": _(
        "Character 17 does not fit: the check digit of the organisation code (GB 11714) is wrong."
    ),
    "check": _("Character 18 does not fit: the check digit of the code (GB 32100) is wrong."),
}


def validate_uscc(text: str) -> None:
    """Raise one ValidationError per fault of a unified social credit code."""
    found = faults(text)
    if found:
        raise ValidationError([ValidationError(SENTENCES[f], code=f) for f in found])
