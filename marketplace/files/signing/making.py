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
from marketplace.base.errors import Invalid, StateConflict
from marketplace.files.actions import claim_upload
from marketplace.files.limits import Purpose
from marketplace.files.signing.models import ScanCheck, Signature, SignedScan

WORDS_MOST = 2000


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


# -- The stamped paper -----------------------------------------------------------------------------
def file_scan(
    *, actor: Actor, kind: str, subject_uid: UUID, sha256: str, upload_uid: UUID
) -> SignedScan:
    """The first of two people: filed as the paper of this hash. The caller's action asks its rule.

    Raises StateConflict while another waits for its check, or stands.
    """
    assert transaction.get_connection().in_atomic_block, "a scan belongs to its action"
    row = newest_scan(subject_uid)
    check = check_of(row) if row else None
    if row is not None and (check is None or check.accepted):
        raise StateConflict(_("A scan is on file already."), code="scan.filed")
    scan = SignedScan(subject_uid=subject_uid, kind=kind, sha256=sha256, filed_by=actor.person)
    scan.upload = claim_upload(
        actor=actor, upload_uid=upload_uid, purpose=Purpose.SIGNED, subject_uid=scan.uid
    )
    scan.filed_at = clock.now()
    scan.save(force_insert=True)
    return scan


def check_scan(*, actor: Actor, scan: SignedScan, accepted: bool, words: str) -> ScanCheck:
    """The second of two people. The caller holds the document's lock and asks its rule."""
    assert transaction.get_connection().in_atomic_block, "a check belongs to its action"
    if check_of(scan) is not None:
        raise StateConflict(_("This scan was checked already."), code="scan.checked")
    words = words.strip()
    if len(words) > WORDS_MOST or not (accepted or words):
        told = _("Say in at most %(most)s characters why it is sent back.") % {"most": WORDS_MOST}
        raise Invalid(errors={"words": [told]}, code="scan.words")
    return ScanCheck.objects.create(
        scan=scan,
        accepted=accepted,
        words=words,
        checked_by=actor.person,
        checked_at=clock.now(),
    )


def newest_scan(subject_uid: UUID) -> SignedScan | None:
    rows = SignedScan.objects.filter(subject_uid=subject_uid).select_related("upload", "filed_by")
    return rows.order_by("-pk").first()


def check_of(scan: SignedScan) -> ScanCheck | None:
    return ScanCheck.objects.filter(scan=scan).select_related("checked_by").first()
