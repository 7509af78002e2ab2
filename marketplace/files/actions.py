"""Receiving files piece by piece (tus), storing them whole, and letting them go.

The bytes are outside of any transaction, so the order matters: they are durable first, then the
row says so. After a kill at any point the same request, or the sweep, goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation, User
from marketplace.base import clock, sealing
from marketplace.base.actor import Actor
from marketplace.base.clock import MarketplaceNow
from marketplace.base.errors import DomainError, Invalid, NotFound, StateConflict, TooLarge
from marketplace.base.idempotency import Once
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.files import limits, sniffing, spool, storage
from marketplace.files.limits import LIMITS, Purpose
from marketplace.files.models import FOLDER, Upload, UploadState
from marketplace.files.rules import (
    can_attach_evidence,
    can_continue_upload,
    can_remove_evidence,
    can_upload,
)
from marketplace.ledger import actions as ledger

SHA256 = re.compile(r"[0-9a-f]{64}")


class UploadGone(DomainError):
    status = 410
    code = "upload.gone"
    message = _("This upload has ended or expired; begin it again.")


class OffsetConflict(StateConflict):
    """The client stands elsewhere than the bytes on disk: it asks again where to go on."""

    code = "upload.offset"
    message = _("The upload stands at byte %(offset)s.")


@transaction.atomic
def create_upload(
    *,
    actor: Actor,
    purpose: str,
    length: int,
    name: str,
    sha256: str = "",
    idempotency_key: str = "",
) -> Upload:
    """Begin an upload of exactly `length` bytes; its empty spool file is there afterwards.

    sha256: what the whole will be, in hex; another whole is refused at the end. Raises Invalid,
    and TooLarge with the limit that it would break.
    """
    if purpose not in LIMITS:
        raise Invalid(errors={"purpose": [_("Say what the upload is for.")]})
    wanted = Purpose(purpose)
    require(can_upload, actor, wanted)
    if sha256 and not SHA256.fullmatch(sha256):
        raise Invalid(errors={"sha256": [_("A SHA-256 is 64 hexadecimal digits.")]})
    if length < 1:
        raise Invalid(errors={"length": [_("The file is empty.")]})
    once = None
    if idempotency_key:
        body = f"{purpose}:{length}:{name}:{sha256}"
        once = Once(actor=actor, route="uploads", key=idempotency_key, body=body)
        if earlier := once.begin():
            return Upload.objects.get(uid=earlier)
    _within_limits(actor, wanted, length)
    upload = Upload.objects.create(
        organisation=actor.party,
        user=actor.person,
        purpose=wanted,
        name=sniffing.safe_name(name, limits.NAME_MOST),
        length=length,
        declared_sha256=sha256,
        expires_at=clock.now() + limits.EXPIRES_AFTER,
    )
    spool.create(upload.uid)
    if once:
        once.done(upload.uid)
    return upload


def _within_limits(actor: Actor, purpose: Purpose, length: int) -> None:
    """One creation of an organisation at a time, so that two together break no limit either."""
    most = LIMITS[purpose].bytes_most
    if length > most:
        raise TooLarge(
            _("A file of this kind may have at most %(most)s MiB."),
            code="limit.file_bytes",
            most=most // limits.MEBIBYTE,
        )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"upload:{actor.party.pk}"]
        )
    rows = Upload.objects.filter(organisation=actor.party).taking_room()
    if rows.filter(state=UploadState.RECEIVING).count() >= limits.OPEN_MOST:
        raise TooLarge(
            _("Your organisation has %(most)s uploads under way; finish or end one first."),
            code="limit.open_uploads",
            most=limits.OPEN_MOST,
        )
    taken = rows.aggregate(taken=Sum("length"))["taken"] or 0
    if taken + length > limits.ORGANISATION_BYTES_MOST:
        raise TooLarge(
            _("Your organisation may keep %(most)s MiB of files; remove some first."),
            code="limit.organisation_bytes",
            most=limits.ORGANISATION_BYTES_MOST // limits.MEBIBYTE,
        )


class Chunk(NamedTuple):
    """Bytes on their way: as many as were announced, or fewer where the connection breaks."""

    size: int
    pieces: Iterable[bytes]


def append_to_upload(*, actor: Actor, upload_uid: UUID, offset: int, body: bytes | Chunk) -> Upload:
    """Add bytes at `offset`; the last ones finish the upload before this returns.

    Pieces are written as they come, so that none but one is in memory.

    When it returns, `upload.offset` bytes are synced to disk. Raises OffsetConflict, UploadBusy
    while another request writes, UploadGone, TooLarge beyond the declared length, StorageAway
    (nothing of `body` was kept), and what `_finish` raises.
    """
    upload, began = find_upload_now(actor, upload_uid)
    require(can_continue_upload, actor, upload)
    coming = body if isinstance(body, Chunk) else Chunk(len(body), [body])
    if upload.state == UploadState.STORED:
        if offset != upload.length or coming.size:
            raise OffsetConflict(offset=upload.length)
        return upload
    with spool.held(upload.uid) as file:
        _reconcile(upload, file)
        if file is None or offset != upload.offset:
            raise OffsetConflict(offset=upload.offset)
        if offset + coming.size > upload.length:
            raise TooLarge(
                _("More bytes than the %(length)s that were announced."),
                code="upload.over_length",
                length=upload.length,
            )
        if coming.size:
            came = spool.append(file, offset, coming.pieces)
            upload.expires_at = began + limits.EXPIRES_AFTER
            _note_offset(upload, offset + came)
        return _finish(actor, upload, file) if upload.offset == upload.length else upload


def resume_upload(*, actor: Actor, upload_uid: UUID) -> Upload:
    """Where the upload stands, by the bytes on disk.

    One that was whole but unfinished, because the server died, is finished now. Raises UploadGone
    and what `_finish` raises.
    """
    upload = find_upload(actor, upload_uid)
    if upload.state == UploadState.STORED:
        return upload
    try:
        with spool.held(upload.uid) as file:
            _reconcile(upload, file)
            if file is not None and upload.offset == upload.length:
                return _finish(actor, upload, file)
    except spool.UploadBusy:
        # Whoever writes now tells the next offset; the noted one is synced in any case. But a
        # whole one is told only once it is finished.
        if upload.offset == upload.length:
            raise
    return upload


def end_upload(*, actor: Actor, upload_uid: UUID) -> Upload:
    """Give up an upload that no record has claimed; its bytes go at once or with the next sweep."""
    upload = find_upload(actor, upload_uid)
    require(can_continue_upload, actor, upload)
    with spool.held(upload.uid), transaction.atomic():
        upload = lock(Upload, pk=upload.pk)
        if upload.subject_uid is not None:
            raise StateConflict(_("The file is in use."), code="upload.claimed")
        end(upload)
    spool.remove(upload.uid)
    return upload


def end(upload: Upload) -> None:
    """End a locked upload. A whole one may have been stored without the row saying so yet."""
    if upload.offset == upload.length:
        upload.stored_name = upload.storage_name
    move(upload, UploadState.ENDED, also=("stored_name",))


def find_upload(actor: Actor, upload_uid: UUID) -> Upload:
    """Raises NotFound also for somebody else's, UploadGone for one that has ended or expired."""
    return find_upload_now(actor, upload_uid)[0]


def find_upload_now(actor: Actor, upload_uid: UUID) -> tuple[Upload, datetime]:
    """The same and the time, in one question: each chunk asks it."""
    rows = Upload.objects.visible_to(actor).filter(uid=upload_uid)
    upload: Any = rows.annotate(asked_at=MarketplaceNow()).first()
    if upload is None:
        raise NotFound
    if upload.state == UploadState.ENDED or (
        upload.subject_uid is None and upload.expires_at <= upload.asked_at
    ):
        raise UploadGone
    return upload, upload.asked_at


def _reconcile(upload: Upload, file: int | None) -> None:
    """The row read again under the lock, and brought down to what the disk still has."""
    upload.refresh_from_db()
    if upload.state != UploadState.RECEIVING:
        raise (
            UploadGone
            if upload.state == UploadState.ENDED
            else OffsetConflict(offset=upload.offset)
        )
    if file is None:
        # The spool is gone: another machine's, or a disk that was restored. Begin at the start.
        spool.create(upload.uid)
        _note_offset(upload, 0)
    elif spool.size(file) < upload.offset:
        _note_offset(upload, spool.size(file))


def _note_offset(upload: Upload, offset: int) -> None:
    rows = Upload.objects.filter(pk=upload.pk, state=UploadState.RECEIVING, offset=upload.offset)
    if not rows.update(offset=offset, expires_at=upload.expires_at):
        raise OffsetConflict(offset=upload.offset)
    upload.offset = offset


def _finish(actor: Actor, upload: Upload, file: int) -> Upload:
    """Reread from disk, hash, store, and only then say so.

    Bytes that are not what was declared end the upload: Invalid. Raises StorageAway, after which
    the whole is still in the spool.
    """
    sha256, head = spool.reread(file)
    if upload.declared_sha256 and upload.declared_sha256 != sha256:
        _refuse(
            upload,
            Invalid(
                _("The file is not the one announced: its SHA-256 differs."),
                code="upload.other_sha256",
            ),
        )
    if upload.purpose in limits.COMES_SEALED:
        try:
            sealing.check_form(head)
        except sealing.Unreadable as error:
            _refuse(
                upload,
                Invalid(
                    _("This is not a file sealed with age to one recipient."),
                    code=f"upload.{error.reason}",
                ),
            )
    name = upload.storage_name
    storage.keep(spool.path_of(upload.uid), name, sha256=sha256, size=upload.length)
    stored = _record(actor, upload.pk, Facts(name, sha256, sniffing.served_type(upload.name, head)))
    spool.remove(upload.uid)
    return stored


@dataclass(frozen=True)
class Facts:
    stored_name: str
    sha256: str
    content_type: str


@transaction.atomic
def _record(actor: Actor, pk: int, facts: Facts) -> Upload:
    upload = lock(Upload, pk=pk)
    upload.stored_name, upload.sha256 = facts.stored_name, facts.sha256
    upload.content_type = facts.content_type
    upload.finished_at = clock.now()
    upload.expires_at = upload.finished_at + limits.EXPIRES_AFTER
    left = move(
        upload,
        UploadState.STORED,
        also=("stored_name", "sha256", "content_type", "finished_at", "expires_at"),
    )
    ledger.append(
        "upload.stored",
        actor=actor,
        subjects=[upload.uid],
        from_state=left,
        to_state=upload.state,
        # Salted: neither size nor hash of what may be a sealed bid is told.
        inputs={"sha256": upload.sha256, "size": upload.length, "purpose": upload.purpose},
    )
    return upload


def _refuse(upload: Upload, refusal: DomainError) -> None:
    with transaction.atomic():
        end(lock(Upload, pk=upload.pk))
    spool.remove(upload.uid)
    raise refusal


def store_small(*, actor: Actor, purpose: str, name: str, body: bytes) -> Upload:
    """A file that came inside an ordinary form, by the same way as the large ones."""
    upload = create_upload(actor=actor, purpose=purpose, length=len(body), name=name)
    return append_to_upload(actor=actor, upload_uid=upload.uid, offset=0, body=body)


def keep_made(
    *,
    organisation: Organisation,
    user: User,
    purpose: Purpose,
    name: str,
    body: bytes,
    subject_uid: UUID,
    at: datetime,
) -> Upload:
    """Inside a room's own action: a file that the platform itself made, stored and claimed at once.

    It is of that organisation and person as if they had uploaded it. If the action is rolled back
    the bytes are a file of nobody, which `check_files` removes. Raises StorageAway.
    """
    assert transaction.get_connection().in_atomic_block, "a claim belongs to a transaction"
    with storage.incoming(FOLDER) as came:
        came.writer.write(body)
    stored = came.stored
    return Upload.objects.create(
        uid=UUID(stored.name.rpartition("/")[2]),
        organisation=organisation,
        user=user,
        purpose=purpose,
        state=UploadState.STORED,
        name=sniffing.safe_name(name, limits.NAME_MOST),
        length=stored.size,
        offset=stored.size,
        sha256=stored.sha256,
        content_type=sniffing.served_type(name, body),
        stored_name=stored.name,
        expires_at=at,
        finished_at=at,
        subject_uid=subject_uid,
    )


# -- Use by other records --------------------------------------------------------------------------
def claim_upload(*, actor: Actor, upload_uid: UUID, purpose: Purpose, subject_uid: UUID) -> Upload:
    """Inside a room's own action: the record `subject_uid` owns the stored file from now on.

    Raises NotFound for what the actor did not upload, StateConflict if it is not stored yet or
    belongs to another record, TooLarge when the record has as many as it may.
    """
    assert transaction.get_connection().in_atomic_block, "a claim belongs to a transaction"
    found = Upload.objects.visible_to(actor).filter(uid=upload_uid, purpose=purpose).first()
    if found is None:
        raise NotFound
    upload = lock(Upload, pk=found.pk)
    require(can_continue_upload, actor, upload)
    expired = upload.subject_uid is None and upload.expires_at <= clock.now()
    if upload.state == UploadState.ENDED or expired:
        raise UploadGone
    if upload.state != UploadState.STORED:
        raise StateConflict(_("The upload is not finished."), code="upload.unfinished")
    if upload.subject_uid is not None:
        raise StateConflict(_("The file is in use."), code="upload.claimed")
    if Upload.objects.filter(subject_uid=subject_uid, state=UploadState.STORED).count() >= (
        LIMITS[purpose].count_most
    ):
        raise TooLarge(
            _("At most %(most)s files belong here."),
            code="limit.file_count",
            most=LIMITS[purpose].count_most,
        )
    upload.subject_uid = subject_uid
    upload.save(update_fields=["subject_uid"])
    return upload


def release_upload(*, upload_uid: UUID) -> None:
    """Inside a room's own action, which has asked its own rule: the bytes go with the next sweep."""
    assert transaction.get_connection().in_atomic_block, "a release belongs to a transaction"
    end(lock(Upload, uid=upload_uid))


@transaction.atomic
def attach_evidence(*, actor: Actor, upload_uid: UUID, organisation_uid: UUID) -> Upload:
    """A stored file becomes evidence about an organisation: its own, or what an officer found.

    Raises NotFound, NotAllowed, Invalid for an upload that the actor does not have, and what
    `claim_upload` raises.
    """
    organisation = _seen(actor, organisation_uid)
    require(can_attach_evidence, actor, organisation)
    own = Upload.objects.visible_to(actor).filter(purpose=Purpose.EVIDENCE)
    if not own.filter(uid=upload_uid).exists():
        raise Invalid(errors={"upload": [_("You have no such upload for this.")]})
    upload = claim_upload(
        actor=actor,
        upload_uid=upload_uid,
        purpose=Purpose.EVIDENCE,
        subject_uid=organisation.uid,
    )
    ledger.append("evidence.attached", actor=actor, subjects=[organisation.uid, upload.uid])
    return upload


def attach_small_evidence(
    *, actor: Actor, organisation_uid: UUID, name: str, body: bytes
) -> Upload:
    """The same with a file that came inside the form, for browsers without scripts."""
    require(can_attach_evidence, actor, _seen(actor, organisation_uid))
    upload = store_small(actor=actor, purpose=Purpose.EVIDENCE, name=name, body=body)
    return attach_evidence(actor=actor, upload_uid=upload.uid, organisation_uid=organisation_uid)


def _seen(actor: Actor, organisation_uid: UUID) -> Organisation:
    found = Organisation.objects.visible_to(actor).filter(uid=organisation_uid).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def remove_evidence(*, actor: Actor, upload_uid: UUID) -> None:
    """Take it back, until the office has decided: what a verdict rests on stays.

    Raises NotFound also for what another side attached, StateConflict after a verdict.
    """
    own = Upload.objects.filter(uid=upload_uid, purpose=Purpose.EVIDENCE)
    held = own.filter(organisation=actor.organisation_id).exclude(subject_uid=None)
    about = held.values_list("subject_uid", flat=True).first()
    if about is None:
        raise NotFound
    # A verdict takes this row as well: one comes after the other.
    organisation = lock(Organisation, uid=about)
    upload = lock(Upload, uid=upload_uid)
    require(can_remove_evidence, actor, upload)
    if organisation.verifications.filter(decided_at__gte=upload.finished_at).exists():
        raise StateConflict(
            _("The office has decided since then; what it saw stays on record."),
            code="evidence.decided",
        )
    release_upload(upload_uid=upload.uid)
    ledger.append("evidence.removed", actor=actor, subjects=[organisation.uid, upload.uid])
