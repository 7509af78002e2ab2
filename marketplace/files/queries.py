from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from marketplace.accounts.models import Organisation
from marketplace.accounts.organisations.queries import sees_inside
from marketplace.base.actor import Actor
from marketplace.base.inspected import inspects_organisation
from marketplace.files.access import AccessRecord, readings_of
from marketplace.files.limits import COPIED
from marketplace.files.models import Purpose, Upload, UploadState


def evidence_of(actor: Actor, organisation: Organisation) -> QuerySet[Upload]:
    """The files by which it is known who an organisation is, oldest first.

    It reads what it attached itself; the office and an inspector also what an officer attached.
    """
    rows = Upload.objects.filter(
        subject_uid=organisation.uid, purpose=Purpose.EVIDENCE, state=UploadState.STORED
    )
    if not sees_inside(actor, organisation):
        return rows.none()
    if actor.organisation_id == organisation.pk:
        rows = rows.filter(organisation=organisation)
    return rows.select_related("organisation", "user").order_by("pk")


def readings_about(actor: Actor, organisation: Organisation) -> QuerySet[AccessRecord]:
    """Who read its evidence or inspected it, newest first; for an inspector whose request opens it."""
    if not inspects_organisation(actor, organisation.uid):
        return AccessRecord.objects.none()
    files = evidence_of(actor, organisation).values_list("uid", flat=True)
    return readings_of([organisation.uid, *files])


def copies_of(subject_uid: UUID, sha256: str = "") -> QuerySet[AccessRecord]:
    """The marked copies of one file, newest first: `detail` is the SHA-256 (hex) of each.

    sha256: only the copy with this hash, so that one that was found tells who got it.
    """
    rows = readings_of([subject_uid]).filter(what=COPIED)
    return rows.filter(detail=sha256) if sha256 else rows
