"""How the actions find what they change: invisible is not there."""

from __future__ import annotations

from uuid import UUID

from marketplace.accounts.models import Organisation
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.base.locks import lock


def locked_organisation(actor: Actor, organisation_uid: UUID) -> Organisation:
    """The organisation, if the actor may see it, locked FOR UPDATE. Raises NotFound."""
    if not Organisation.objects.visible_to(actor).filter(uid=organisation_uid).exists():
        raise NotFound
    return lock(Organisation, uid=organisation_uid)
