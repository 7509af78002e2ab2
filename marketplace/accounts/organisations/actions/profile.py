from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.content import ORGANISATION
from marketplace.accounts.models import Organisation
from marketplace.accounts.organisations.actions.found import locked_organisation
from marketplace.accounts.rules import can_edit_organisation
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, Stale
from marketplace.base.rules import require
from marketplace.base.texts import read_all
from marketplace.ledger.actions import append

# What the office verified; the rest is the organisation's own word.
VERIFIED_FIELDS = {"name", "is_owner", "is_vendor"}


@transaction.atomic
def save_profile(
    *, actor: Actor, organisation_uid: UUID, revision: int, data: Mapping[str, Any]
) -> Organisation:
    """State anew what the organisation is called, does and may be asked; the code is fixed.

    data: name, name_en, profile_zh, profile_en, contact, capabilities (codes), is_owner,
    is_vendor (the office has neither). Another name or kind after the verification is flagged for
    the office. Saving what stands changes nothing. Raises Stale, Invalid.
    """
    organisation = locked_organisation(actor, organisation_uid)
    require(can_edit_organisation, actor, organisation)
    if organisation.revision != revision:
        raise Stale
    clean = read_all(ORGANISATION, data, needed=["name"])
    if organisation.is_office:
        clean["is_owner"] = clean["is_vendor"] = False
    elif not clean["is_owner"] and not clean["is_vendor"]:
        raise Invalid(errors={"is_owner": [_("Say whether it posts demands, bids, or both.")]})
    changed = sorted(name for name, value in clean.items() if getattr(organisation, name) != value)
    if not changed:
        return organisation
    for name in changed:
        setattr(organisation, name, clean[name])
    organisation.revision += 1
    if VERIFIED_FIELDS & set(changed):
        organisation.changed_at = clock.now()
    organisation.save(update_fields=[*changed, "revision", "changed_at"])
    append(
        "organisation.profile_changed",
        actor=actor,
        subjects=[organisation.uid],
        inputs=clean,
        data={"fields": changed},
    )
    return organisation
