"""Makes and checks signatures inside the action of the room whose document it is."""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.base import clock, signing
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid
from marketplace.files.signing.models import Signature


def route() -> signing.Route:
    """The route of this installation. Raises KeyError at the first use of one not registered."""
    return signing.ROUTES[settings.SIGNING_ROUTE]


def sign(
    *,
    actor: Actor,
    kind: str,
    subject_uid: UUID,
    sha256: str,
    word: str,
    reason: str = "",
    given: str = "",
) -> Signature:
    """The actor's own word. given: base64 of what a provider signed, where the route asks for it.

    Asks no rule: the caller's action has. Raises Invalid for a signature that does not fit.
    """
    assert transaction.get_connection().in_atomic_block, "a signature belongs to its action"
    by = route()
    said = signing.statement(
        kind=kind,
        subject=subject_uid,
        sha256=sha256,
        signer=actor.person.uid,
        word=word,
        reason=reason,
    )
    try:
        seal = by.seal(said, base64.b64decode(given, validate=True))
    except (signing.Refused, binascii.Error, ValueError):
        told = _("This is no signature of the document under your name.")
        raise Invalid(errors={"signature": [told]}, code="signature.unfit") from None
    return Signature.objects.create(
        subject_uid=subject_uid,
        kind=kind,
        sha256=sha256,
        user=actor.person,
        word=word,
        statement=said,
        route=seal.route,
        algorithm=seal.algorithm,
        key_id=seal.key_id,
        value=seal.value,
        certificate=seal.certificate,
        signed_at=clock.now(),
    )


def holds(row: Signature) -> bool:
    """Whether the seal fits the statement, by the route that made it."""
    seal = signing.Seal(row.route, row.algorithm, row.key_id, bytes(row.value), row.certificate)
    by = signing.ROUTES.get(row.route)
    return by is not None and by.fits(bytes(row.statement), seal)
