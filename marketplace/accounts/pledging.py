"""Signing a pledge, and loading the texts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.pledges import Pledge, PledgeText, text_hash
from marketplace.accounts.rules import can_sign_pledge
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound, Stale
from marketplace.base.rules import require
from marketplace.ledger.actions import append
from marketplace.ledger.models import Audience


@transaction.atomic
def sign_pledge(*, actor: Actor, text_uid: UUID, sha256: str) -> Pledge:
    """Sign the text that was shown, whose hash comes back with it. Signing twice is once.

    Raises Stale when a newer version is in force, or another text than the one shown.
    """
    text = PledgeText.objects.filter(uid=text_uid).first()
    if text is None:
        raise NotFound
    require(can_sign_pledge, actor, text, unpledged=True)
    newest = PledgeText.objects.in_force().filter(pk=text.pk).exists()
    if not newest or sha256 != text.sha256:
        raise Stale(_("This text has a newer version. Read that one and sign it."))
    pledge, new = Pledge.objects.get_or_create(
        user=actor.person,
        organisation=actor.organisation,
        text=text,
        defaults={"role": actor.role, "sha256": text.sha256, "signed_at": clock.now()},
    )
    if new:
        append(
            "pledge.signed",
            actor=actor,
            subjects=[text.uid, pledge.uid],
            audience=Audience.OFFICE,
            data={"code": text.code, "version": text.version, "sha256": text.sha256},
        )
    return pledge


@transaction.atomic
def load_pledge_texts(texts: list[dict[str, Any]]) -> int:
    """Add the versions that are not there yet. Returns how many were new.

    Raises ValueError if a version that is there says something else: a change is a new version.
    """
    known = {(row.code, row.version): row.sha256 for row in PledgeText.objects.all()}
    fresh = []
    for text in texts:
        found, hashed = known.get((text["code"], text["version"])), text_hash(text)
        if found not in {None, hashed}:
            raise ValueError(f"pledge {text['code']} version {text['version']} was changed")
        if found is None:
            fresh.append(PledgeText(**text, sha256=hashed))
    PledgeText.objects.bulk_create(fresh)
    return len(fresh)
