"""The master identity: changed by wrapping every envelope's identity anew."""

from __future__ import annotations

import pgtrigger
import pyrage
import structlog
from django.db import transaction

from marketplace.base import sealing
from marketplace.base.actor import OPENER
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import EnvelopeKey

log = structlog.get_logger()

# Wrapped identities are history to the application's role: only the owner of the database may.
OWNER = "owner"
GUARD = "marketplace.EnvelopeKey:envelope_key_is_append_only"


class NotRotated(Exception):
    """Neither identity opens an envelope's: it names which, and nothing of it was changed."""


def recipient_of(identity: str) -> str:
    return str(pyrage.x25519.Identity.from_str(identity).to_public())


def rotate(*, old: str, new: str) -> tuple[int, int]:
    """(how many were wrapped anew, how many there are). Raises NotRotated.

    old, new: age identities. All envelopes are wrapped anew, opened ones too, so that the old
    identity opens nothing of this database. Each is a transaction of its own: after a kill the
    next run does what is left. Ends only when every one opens with the new identity alone.
    """
    changed = 0
    for pk in EnvelopeKey.objects.using(OWNER).order_by("pk").values_list("pk", flat=True):
        changed += wrap_anew(pk, old, new)
    left = [key.pk for key in EnvelopeKey.objects.using(OWNER) if not opens(key, new)]
    if left:
        raise NotRotated(f"{len(left)} envelopes do not open with the new identity: run again")
    if changed:
        with transaction.atomic():
            ledger.append(
                "opener.master_rotated",
                actor=OPENER,
                subjects=[],
                audience=Audience.OFFICE,
                data={"from": recipient_of(old), "to": recipient_of(new), "envelopes": changed},
            )
    return changed, EnvelopeKey.objects.using(OWNER).count()


def wrap_anew(pk: int, old: str, new: str) -> bool:
    """Whether it was still under the old identity."""
    with transaction.atomic(using=OWNER):
        key = EnvelopeKey.objects.using(OWNER).select_for_update().get(pk=pk)
        try:
            identity = sealing.unwrap_identity(bytes(key.wrapped_identity), master_identity=old)
        except sealing.Unreadable as error:
            if opens(key, new):
                return False
            raise NotRotated(f"neither identity opens envelope key {pk}") from error
        if recipient_of(identity) != key.recipient:
            raise NotRotated(f"envelope key {pk} holds another identity than its recipient's")
        with pgtrigger.ignore(GUARD, databases=[OWNER]):
            EnvelopeKey.objects.using(OWNER).filter(pk=pk).update(
                wrapped_identity=sealing.wrap_identity(identity, recipient_of(new))
            )
    log.info("opener.key_wrapped_anew", key=pk)
    return True


def opens(key: EnvelopeKey, master: str) -> bool:
    try:
        identity = sealing.unwrap_identity(bytes(key.wrapped_identity), master_identity=master)
    except sealing.Unreadable:
        return False
    return recipient_of(identity) == key.recipient
