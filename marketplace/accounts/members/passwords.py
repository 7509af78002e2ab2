from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.errors import Invalid

LONGEST = 128


def checked_password(raw: Any, user: User) -> str:
    """A password that the validators let pass for this person. Raises Invalid."""
    if not isinstance(raw, str) or not raw:
        raise Invalid(errors={"password": [_("This must be filled in.")]})
    if len(raw) > LONGEST or "\x00" in raw:
        sentence = _("At most %(most)s characters.") % {"most": LONGEST}
        raise Invalid(errors={"password": [sentence]})
    try:
        validate_password(raw, user)
    except ValidationError as error:
        raise Invalid(errors={"password": list(error.messages)}) from error
    return raw
