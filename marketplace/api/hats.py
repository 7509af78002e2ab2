"""For whom a request acts, where it says so itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from marketplace.accounts.models import User
from marketplace.accounts.queries import hats
from marketplace.accounts.tokens.models import ApiToken
from marketplace.api.authentication import CredentialRefused, beneath, put_on
from marketplace.api.bodies import UID
from marketplace.api.errors import BadHeader

HAT_HEADER = "HTTP_JIEBANG_ORGANISATION"


def put_hat_on(request: Request) -> None:
    """Act for the organisation that the header names, this once; without it nothing changes.

    A session may name any organisation of the person; a token only the one that it was made for.
    Raises CredentialRefused otherwise, NotAuthenticated for a visitor, BadHeader.
    """
    named = request.META.get(HAT_HEADER)
    if named is None:
        return
    if not UID.fullmatch(named):
        raise BadHeader("Jiebang-Organisation", str(_("Give the uid of an organisation.")))
    if not isinstance(request.user, User):
        raise NotAuthenticated
    actor = None
    if isinstance(request.auth, ApiToken):
        under: Any = beneath(request)
        actor = under.actor if under.actor.organisation_uid == UUID(named) else None
    else:
        actor = next((h.actor for h in hats(request.user) if h.key == f"org:{UUID(named)}"), None)
    if actor is None:
        sentence = _("You have no place in this organisation, or this token acts for another.")
        raise CredentialRefused(403, "organisation.other", sentence)
    put_on(beneath(request), actor)
